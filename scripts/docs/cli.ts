/** The reference of the command line, from the program that parses it. */
import { readFileSync } from "node:fs";
import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { EXIT, EXIT_OF_ERROR } from "../../src/cli/exit-codes.ts";
import type { Io } from "../../src/cli/io.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { COMMANDS } from "../../src/commands.ts";
import { ERROR_CODES, type ErrorCode } from "../../src/core/errors.ts";
import { code, sentence, table } from "./markdown.ts";

const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
	yes: "done; or the answer is yes",
	failure: "it failed: a wrong configuration, a migration whose SQL failed, a bug",
	usage: "wrong usage of the command line",
	uncompilable: "a policy set does not compile",
	no: "the answer is no: an explained request is denied, the doctor found a danger or a warning",
	drift: "applied migrations, or the schema, are not what the files say",
	timeout: "waited in vain",
	unreachable: "Postgres, or the Envoy to look at, cannot be reached",
};

/** The real program; nothing runs until a command line is parsed. */
export function program(): CommandUnknownOpts {
	const silent = { write() {} };
	const io = { stdout: silent, stderr: silent, env: {}, cwd: "/", colour: false } as unknown as Io;
	return buildProgram(io, COMMANDS) as CommandUnknownOpts;
}

export function commandSections(): string {
	const root = program();
	const leaves = leavesOf(root, "firebreak");
	return leaves.map(([name, command]) => section(name, command)).join("\n\n");
}

export function globalOptions(): string {
	return optionTable(program().options);
}

export function exitTable(): string {
	const entries = Object.entries(EXIT) as [keyof typeof EXIT, number][];
	return table(
		["code", "meaning"],
		entries.map(([name, number]) => [String(number), EXIT_MEANINGS[name]]),
	);
}

export function errorTable(): string {
	return table(
		["code", "exit", "meaning"],
		ERROR_CODES.map((name) => [code(name), String(EXIT_OF_ERROR[name]), commentOf(name)]),
	);
}

const SOURCE = readFileSync(new URL("../../src/core/errors.ts", import.meta.url), "utf8");

/** What the code's own comment says of it. */
function commentOf(name: ErrorCode): string {
	const comment = new RegExp(`/\\*\\* ([^\\n]+) \\*/\\n\\t"${name}",`).exec(SOURCE)?.[1];
	if (comment === undefined) throw new Error(`core/errors.ts has no comment on ${name}`);
	return comment;
}

/** Commands that do something, with their full names. */
function leavesOf(command: CommandUnknownOpts, name: string): (readonly [string, CommandUnknownOpts])[] {
	const children = command.commands.filter((child) => child.name() !== "help");
	if (children.length === 0) return [[name, command]];
	return children.flatMap((child) => leavesOf(child, `${name} ${child.name()}`));
}

function section(name: string, command: CommandUnknownOpts): string {
	const usage = `${name} ${command.usage()}`.replace("[options]", "[OPTIONS]");
	const rows = command.registeredArguments.map((argument) => [
		code(argument.required ? `<${argument.name()}>` : `[${argument.name()}]`),
		argument.required ? "required" : "",
		sentence(argument.description) + choicesOf(argument),
	]);
	return [
		`### \`${name}\``,
		sentence(command.description()),
		`\`\`\`text\n${usage}\n\`\`\``,
		rows.length + command.options.length === 0 ? null : optionTable(command.options, rows),
	]
		.filter((part) => part !== null)
		.join("\n\n");
}

function optionTable(options: readonly Option[], rows: readonly (readonly string[])[] = []): string {
	return table(
		["option", "default", "meaning"],
		[...rows, ...options.map((option) => [code(option.flags), defaultOf(option), sentence(option.description)])],
	);
}

function choicesOf({ argChoices }: Argument): string {
	return argChoices === undefined ? "" : ` One of ${argChoices.map((choice) => code(choice)).join(", ")}.`;
}

function defaultOf({ mandatory, defaultValue, defaultValueDescription, negate }: Option): string {
	if (mandatory) return "required";
	const word = defaultValueDescription ?? defaultValue;
	return typeof word === "string" && !negate ? code(word) : "";
}
