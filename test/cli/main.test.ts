/** The program as it is started: one process, its real streams and its exit code. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import type { Command } from "commander";
import { buildProgram } from "../../src/cli/program.ts";
import { COMMANDS } from "../../src/commands.ts";
import { VERSION } from "../../src/version.ts";
import { fakeIo } from "../support/fake-io.ts";

const MAIN = path.join(import.meta.dirname, "..", "..", "src", "main.ts");

async function firebreak(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
	const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env.PATH, ...env }, stdio: "pipe" });
	const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
	return { code, out, err };
}

describe("firebreak, as a process", () => {
	test("answers on stdout", async () => {
		expect(await firebreak(["--version"])).toEqual({ code: 0, out: `${VERSION}\n`, err: "" });
	});

	test("reads its environment", async () => {
		const env = { DATABASE_URL: "postgres://u:s3cret@h/d", FIREBREAK_GRPC_ADDR: "127.0.0.1:7000" };
		const { code, out } = await firebreak(["serve", "--check-config", "--json"], env);
		expect(code).toBe(0);
		expect(JSON.parse(out)).toMatchObject({ ok: true, settings: { grpc: "127.0.0.1:7000", database: "h/d" } });
	});

	test("is plain when piped, even where colours are forced on terminals", async () => {
		const env = { DATABASE_URL: "postgres://h/d", TERM: "xterm-256color", COLORTERM: "truecolor" };
		const { out } = await firebreak(["serve", "--check-config"], env);
		expect(out).toMatch(/^OK$/m);
		expect(out).not.toContain("\u001b");
	});

	test("exits 1 with every problem on stderr when its settings are wrong", async () => {
		const { code, out, err } = await firebreak(["serve"], { FIREBREAK_LOG_LEVEL: "loud" });
		expect({ code, out }).toEqual({ code: 1, out: "" });
		expect(err).toMatch(/FIREBREAK_LOG_LEVEL: .*\n.*DATABASE_URL: /s);
	});

	test("exits 7 when Postgres is not there", async () => {
		const args = ["explain", "--source", "a", "--destination", "b", "--path", "/"];
		const { code, err } = await firebreak(args, { DATABASE_URL: "postgres://u:s3cret@127.0.0.1:1/d" });
		expect(code).toBe(7);
		expect(err).toContain("ECONNREFUSED");
		expect(err).not.toContain("s3cret");
	});

	test("does not mind a reader that leaves early", async () => {
		const child = spawn(process.execPath, [MAIN, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
		child.stdout.destroy();
		const [err, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
		expect({ code, err }).toEqual({ code: 0, err: "" });
	});
});

describe("every command", () => {
	const io = fakeIo();
	const program = buildProgram({ ...io, setExitCode() {}, reveal() {} }, COMMANDS);
	const leaves = (command: Command): Command[] =>
		command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
	const commands = leaves(program as unknown as Command);

	test.each(commands.map((command) => [fullName(command), command] as const))(
		"%s has help with an example",
		async (name, command) => {
			const { code, out } = await firebreak([...name.split(" ").slice(1), "--help"]);
			expect(code).toBe(0);
			expect(out).toContain(command.description().split(" ")[0]);
			expect(out).toMatch(/\n {2}\$ .*firebreak /);
			for (const option of ["--json", "--no-color", "--database-url"]) expect(out).toContain(option);
		},
	);
});

function fullName(command: Command): string {
	return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}
