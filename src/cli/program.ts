/** The command line: what all commands share, and how an error becomes a message and an exit code. */
import { Command, CommanderError, InvalidArgumentError } from "@commander-js/extra-typings";
import { parseDuration } from "../core/duration.ts";
import { describeProblem, FirebreakError } from "../core/errors.ts";
import { redactSecrets } from "../core/redact.ts";
import { VERSION } from "../version.ts";
import { EXIT, EXIT_OF_ERROR, type ExitCode } from "./exit-codes.ts";
import { refuseCredentials } from "./given.ts";
import type { Io, Surroundings, Writer } from "./io.ts";
import { harmless } from "./output.ts";

/** The root command with the options that every command takes; read them by `command.optsWithGlobals()`. */
export type Program = ReturnType<typeof createRoot>;

/** A command that has subcommands. */
export type Subcommands = Command<[], Record<never, never>, ReturnType<Program["opts"]>>;

/** One file of cli/. It adds its commands to the program and touches nothing else until one of them runs. */
export interface CommandModule {
	register(program: Program, io: Io): void;
}

function createRoot() {
	return new Command("firebreak")
		.description("Stops lateral movement between services: Envoy asks, policies in Postgres answer.")
		.version(VERSION)
		.option("--json", "answer in JSON: one document, or one object a line for streams")
		.option("--no-color", "no colours, also on a terminal")
		.option("--database-url <url>", "Postgres to use, in place of DATABASE_URL (which other users cannot read in ps)");
}

/** Builds the whole command line. */
export function buildProgram(io: Io, modules: readonly CommandModule[]): Program {
	const program = createRoot()
		.exitOverride()
		.showSuggestionAfterError()
		.configureHelp({ showGlobalOptions: true })
		.configureOutput({
			writeOut: (text) => io.stdout.write(text),
			writeErr: (text) => io.stderr.write(text),
			getOutHasColors: () => io.colour,
		})
		.hook("preAction", (_program, command) => refuseCredentials(command));
	for (const module of modules) module.register(program, io);
	return program;
}

/** Whatever is written, by us or by the library of options, in plain text or in JSON: what somebody pasted is not told on. */
const redacting = (writer: Writer): Writer => ({ write: (text) => writer.write(redactSecrets(text)) });

/**
 * Runs one command line (without node and script) and returns its exit code. Never throws: an error is written to
 * stderr, or under `--json` to stdout as `{"error": {code, message, problems}}`.
 */
export async function run(
	argv: readonly string[],
	surroundings: Surroundings,
	modules: readonly CommandModule[],
): Promise<ExitCode> {
	let code: ExitCode = EXIT.yes;
	const io: Io = {
		...surroundings,
		stdout: redacting(surroundings.stdout),
		stderr: redacting(surroundings.stderr),
		reveal: (text) => surroundings.stdout.write(text),
		setExitCode: (given) => {
			code = given;
		},
	};
	const program = buildProgram(io, modules);
	try {
		await program.parseAsync([...argv], { from: "user" });
		return code;
	} catch (error) {
		// Commander has written its own message; help and version end this way too.
		if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.yes : EXIT.usage;
		return report(error, io, program.opts().json === true);
	}
}

function report(error: unknown, io: Io, json: boolean): ExitCode {
	const known = error instanceof FirebreakError ? error : null;
	// A bug: the stack says where, and holds no values. Never shown for errors that have a code.
	const message = known ? known.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
	const problems = known?.problems ?? [];
	if (json) {
		io.stdout.write(`${JSON.stringify({ error: { code: known?.code ?? "internal", message, problems } }, null, 2)}\n`);
	} else {
		const lines = [`error: ${message}`, ...problems.map((problem) => `  ${describeProblem(problem)}`)];
		io.stderr.write(
			`${lines
				.flatMap((line) => line.split("\n"))
				.map(harmless)
				.join("\n")}\n`,
		);
	}
	return known ? EXIT_OF_ERROR[known.code] : EXIT.failure;
}

/** The text that `--help` ends with; every command has one. */
export function exampleHelp(...commandLines: readonly string[]): string {
	return ["", commandLines.length === 1 ? "Example:" : "Examples:", ...commandLines.map((line) => `  $ ${line}`)].join(
		"\n",
	);
}

/** Option parser for durations such as `30s`; milliseconds. */
export function durationArgument(text: string): number {
	const ms = parseDuration(text);
	if (ms === null) throw new InvalidArgumentError("Write a number with its unit, such as 500ms, 30s or 5m.");
	return ms;
}

/** Option parser for instants such as `2026-01-31T12:00:00Z`; milliseconds since the epoch. */
export function timeArgument(text: string): number {
	const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text)
		? Date.parse(text)
		: Number.NaN;
	if (Number.isNaN(ms)) throw new InvalidArgumentError("Write it with its zone, such as 2026-01-31T12:00:00Z.");
	return ms;
}

/** Option parser for the number of a revision. */
export function revisionArgument(text: string): number {
	if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("A revision is a whole number.");
	return Number(text);
}
