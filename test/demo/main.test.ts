/** `make demo` and `make run` as their users see them: what is printed, what can be pasted, and that nothing is left. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { SCENES, SCRIPT } from "../../demo/chapter/script.ts";
import { onFreePorts } from "../../demo/ports.ts";
import { CHANGE, OUTAGE, STORY } from "../../demo/story.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { until } from "../support/wait.ts";

const DEMO = path.join(import.meta.dirname, "..", "..", "demo");
/** A whole demo, on a machine with other things to do. */
const PATIENCE_MS = 300_000;

/** Where everything that a program starts puts its files; also how to find its processes. */
let folder: string;
let program: Program | undefined;

beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "firebreak-test-demo-"));
	// Postgres runs as another user where root runs the demo.
	chmodSync(folder, 0o711);
});
afterEach(async () => {
	program?.child.kill("SIGKILL");
	program = undefined;
	rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});

interface Program {
	readonly child: ChildProcess;
	stdout: string;
	stderr: string;
}

function start(file: string, settings: Readonly<Record<string, string>> = {}): Program {
	const inherited = Object.entries(process.env).filter(
		([name]) => !/^(FIREBREAK_|DATABASE_URL$|KEEP$|STORY$)/.test(name),
	);
	const env = { ...Object.fromEntries(inherited), TMPDIR: folder, ...settings };
	const child = spawn(process.execPath, [path.join(DEMO, file)], { env, stdio: ["ignore", "pipe", "pipe"] });
	const started: Program = { child, stdout: "", stderr: "" };
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		started.stdout += text;
	});
	child.stderr.setEncoding("utf8").on("data", (text: string) => {
		started.stderr += text;
	});
	program = started;
	return started;
}

async function interrupt({ child }: Program, signal: NodeJS.Signals = "SIGINT"): Promise<number | null> {
	// Not "exit", behind which there may be output still to read.
	const closed = once(child, "close");
	child.kill(signal);
	const [code] = await closed;
	return code;
}

/** `make run`, until it has said all of this. */
async function startRun(
	settings: Readonly<Record<string, string>>,
	...said: readonly string[]
): Promise<{ readonly run: Program; readonly grpc: number; readonly admin: number }> {
	return onFreePorts(2, async ([grpc = 0, admin = 0]) => {
		const addresses = { FIREBREAK_GRPC_ADDR: `127.0.0.1:${grpc}`, FIREBREAK_ADMIN_ADDR: `127.0.0.1:${admin}` };
		const run = start("run.ts", { ...addresses, ...settings });
		const saysAll = () => {
			if (run.child.exitCode !== null) throw new Error(`it ended: ${run.stdout}${run.stderr}`);
			return said.every((text) => run.stdout.includes(text));
		};
		await until(`it says ${said.join(", ")}`, saysAll, PATIENCE_MS);
		return { run, grpc, admin };
	});
}

/** Processes that run with our folder in their environment. */
function processes(): number[] {
	return readdirSync("/proc")
		.map(Number)
		.filter((pid) => {
			try {
				return pid > 0 && readFileSync(`/proc/${pid}/environ`, "latin1").includes(`TMPDIR=${folder}\0`);
			} catch {
				return false;
			}
		});
}

async function expectNothingLeft(): Promise<void> {
	await until("all processes are gone", () => processes().length === 0);
	expect(readdirSync(folder)).toEqual([]);
}

const STEPS = /^(Jaeger|Certificates|Services|Postgres|Migrations|Firebreak|Envoy) +\d+\.\d s$/;

describe("make demo", () => {
	test(
		"tells the story, stays up with KEEP=1, and everything it suggests can be pasted into a shell",
		async () => {
			const demo = start("main.ts", { KEEP: "1" });
			await until("it stays up", () => demo.stdout.includes("psql") || demo.child.exitCode !== null, PATIENCE_MS);
			const lines = demo.stdout.split("\n");

			// Plain when piped; a mark, aligned columns and the reason for each line; the totals.
			expect(demo.stdout).not.toContain("\u001b");
			const told = lines.filter((line) => /^[✓✗-] {2}[ \d]\d {2}/.test(line));
			const story = [...STORY, CHANGE.before, CHANGE.after, OUTAGE];
			expect(told.map((line) => Number(line.slice(3, 5)))).toEqual(story.map(({ row }) => row));
			story.forEach((line, i) => {
				expect(told[i]).toMatch(/^✓/);
				expect(told[i]).toContain(` ${line.expect.status}  ${line.expect.reason}`);
			});
			const heading = lines.find((line) => line.includes("EXPECTED")) ?? "";
			for (const line of told) {
				expect(line.slice(heading.indexOf("EXPECTED")).slice(0, 13)).toMatch(/^(\d{3}) {7}\1$/);
			}
			expect(told.find((line) => line.slice(3, 5) === "17")).toContain("would: scope_missing");
			expect(demo.stdout).toMatch(
				new RegExp(`^${story.length} of ${story.length} answers as expected, in .*\\d+ ms after COMMIT`, "m"),
			);
			// Progress is apart from the answer.
			const progress = demo.stderr.trim().split("\n");
			expect(progress.filter((line) => !STEPS.test(line))).toEqual([]);

			const script = demo.stdout.slice(demo.stdout.indexOf("\ncd ")).replace(/^psql .*$/m, "");
			const { stdout } = await promisify(execFile)("bash", ["-c", script], { encoding: "utf8" });
			expect(stdout.match(/^HTTP\/[\d.]+ 200/gm)).toHaveLength(2);
			expect(stdout).toMatch(/^DENY 403 no_policy/m);
			expect(stdout).toContain("1 migration applied");
			expect(stdout).toContain('"method":"DELETE"');
			expect(stdout).toContain("firebreak_checks_total");

			expect(await interrupt(demo)).toBe(130);
			await expectNothingLeft();
		},
		PATIENCE_MS * 2,
	);

	test(
		"STORY=tokens tells of tokens, commands among the lines, and what it suggests can be pasted as well",
		async () => {
			const demo = start("main.ts", { STORY: "tokens", KEEP: "1" });
			const isUp = () => demo.stdout.includes("--all --reason") || demo.child.exitCode !== null;
			await until("it stays up", isUp, PATIENCE_MS * 2);
			expect(demo.stdout).not.toContain("\u001b");
			const lines = demo.stdout.split("\n");
			expect(lines.filter((line) => line.startsWith("✗"))).toEqual([]);
			expect(lines.filter((line) => /^✓ {2}[ \d]\d {2}/.test(line))).toHaveLength(SCENES.length);
			const commands = lines.filter((line) => line.startsWith("✓   $  ")).map((line) => line.slice(7));
			expect(commands).toHaveLength(SCRIPT.length - SCENES.length);
			expect(commands).toContain('firebreak keys rotate --domain internal --reason "first key"');
			expect(demo.stdout).toMatch(new RegExp(`^${SCRIPT.length} of ${SCRIPT.length} answers as expected, in`, "m"));

			const script = demo.stdout.slice(demo.stdout.indexOf("\ncd "));
			const { stdout } = await promisify(execFile)("bash", ["-c", script], { encoding: "utf8" });
			expect(stdout.match(/^HTTP\/[\d.]+ \d+/gm)?.map((line) => line.slice(-3))).toEqual(["200", "401"]);
			expect(stdout).toContain('"issued_token_type":"urn:ietf:params:oauth:token-type:access_token"');
			expect(stdout).toContain('{"keys":[{');
			expect(stdout.match(/ after \d+ ms$/gm)).toHaveLength(2);

			expect(await interrupt(demo)).toBe(130);
			await expectNothingLeft();
		},
		PATIENCE_MS * 4,
	);

	test.each([
		["while Postgres starts", "SIGINT", 130, (demo: Program) => demo.stderr.includes("Services")],
		["while migrations run", "SIGTERM", 143, (demo: Program) => demo.stderr.includes("Postgres")],
		["in the middle of the story", "SIGINT", 130, (demo: Program) => demo.stdout.includes("✓   9")],
	] as const)(
		"leaves nothing behind when it is stopped %s",
		async (_when, signal, code, isThere) => {
			// Kept up, so that it cannot end by itself before a slow test comes to stop it.
			const demo = start("main.ts", { KEEP: "1" });
			await until("it is there", () => isThere(demo), PATIENCE_MS);
			expect(await interrupt(demo, signal)).toBe(code);
			// That it was stopped is no failure to tell of.
			expect(demo.stderr).not.toContain("make demo:");
			await expectNothingLeft();
		},
		PATIENCE_MS * 2,
	);

	test(
		"says why it cannot start, and leaves nothing behind",
		async () => {
			const demo = start("main.ts", { DATABASE_URL: "postgres://nobody:secret@127.0.0.1:1/none" });
			const [code] = await once(demo.child, "close");
			expect(code).toBe(1);
			expect(demo.stderr).toContain("ECONNREFUSED");
			expect(demo.stderr).not.toContain("secret");
			await expectNothingLeft();
		},
		PATIENCE_MS,
	);
});

describe("make run", () => {
	test(
		"serves the example's policies in the foreground until Ctrl-C",
		async () => {
			const { run, grpc, admin } = await startRun({}, '"listening for checks"', '"policy revision enforced"');
			const ready = async (): Promise<boolean> =>
				fetch(`http://127.0.0.1:${admin}/readyz`).then(
					({ ok }) => ok,
					() => false,
				);
			await until("it is ready", ready, PATIENCE_MS);
			expect(run.stdout).toMatch(/^Postgres +postgres:\/\//m);
			expect(run.stdout).toContain(`asks 127.0.0.1:${grpc}`);
			expect(run.stdout).toContain(`http://127.0.0.1:${admin}/v1/status`);

			const [explain] = /DATABASE_URL=.* explain \\\n.*$/m.exec(run.stdout) ?? [];
			const command = `cd "${path.join(DEMO, "..")}"; ${explain}`;
			await expect(promisify(execFile)("bash", ["-c", command], { encoding: "utf8" })).rejects.toMatchObject({
				code: 4,
				stdout: expect.stringContaining("DENY"),
			});

			expect(await interrupt(run)).toBe(130);
			expect(run.stdout).toContain('"stopped"');
			await expectNothingLeft();
		},
		PATIENCE_MS,
	);

	test.each(["DATABASE_URL", "FIREBREAK_DATABASE_URL"])(
		"serves from the database of %s, and never shows its password",
		async (variable) => {
			const database = await createTestDatabase({ schema: false });
			try {
				const { run } = await startRun({ [variable]: database.url }, '"policy revision enforced"');
				expect(run.stdout).toContain(`/${database.name}\n`);
				expect(await interrupt(run)).toBe(130);
				const { password } = new URL(database.url);
				expect(password).not.toBe("");
				expect(run.stdout + run.stderr).not.toContain(password);
			} finally {
				await database.drop();
			}
		},
		PATIENCE_MS,
	);
});
