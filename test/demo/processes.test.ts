import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline/promises";
import { describe, expect, test } from "@jest/globals";
import { runProcess, startProcess } from "../../demo/processes.ts";
import { until } from "../support/wait.ts";

/** Whether it runs; a process that has ended but was not waited for does not. */
function isRunning(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}

async function expectGone(pids: readonly number[]): Promise<void> {
	await until("they are gone", () => !pids.some(isRunning));
}

interface Told {
	readonly ids: number[];
	readonly workspace: string;
}

async function startParent(how: string): Promise<{ parent: ChildProcess; told: Told }> {
	const file = path.join(import.meta.dirname, "support", "parent.ts");
	const parent = spawn(process.execPath, [file, how], { stdio: ["ignore", "pipe", "ignore"] });
	for await (const line of createInterface({ input: parent.stdout })) return { parent, told: JSON.parse(line) };
	throw new Error("the parent said nothing");
}

describe("a program that started others", () => {
	test.each([
		["Ctrl-C", "SIGINT", 130],
		["SIGTERM", "SIGTERM", 143],
		["a closed terminal", "SIGHUP", 129],
	] as const)("stops them on %s, cleans up, and exits as shells expect", async (_what, signal, code) => {
		const { parent, told } = await startParent("wait");
		expect(told.ids.filter(isRunning)).toEqual(told.ids);
		parent.kill(signal);
		expect(await once(parent, "exit")).toEqual([code, null]);
		await expectGone(told.ids);
		expect(existsSync(told.workspace)).toBe(false);
	});

	test.each([
		["an uncaught error", "throw", 1],
		["process.exit", "exit", 3],
		["its end in good order", "finish", 0],
	])("leaves nothing behind after %s", async (_what, how, code) => {
		const { parent, told } = await startParent(how);
		const [exitCode] = parent.exitCode === null ? await once(parent, "exit") : [parent.exitCode];
		expect(exitCode).toBe(code);
		await expectGone(told.ids);
		expect(existsSync(told.workspace)).toBe(false);
	});

	// Only the kernel can do this one, asked by util-linux's setpriv.
	const setpriv = spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status === 0;
	(setpriv ? test : test.skip)("takes those that it started along when it is killed", async () => {
		const { parent, told } = await startParent("wait");
		parent.kill("SIGKILL");
		const [leader, , plain] = told.ids as [number, number, number];
		await expectGone([leader, plain]);
		spawnSync("kill", ["-KILL", String(told.ids[1])]);
		spawnSync("rm", ["-r", told.workspace]);
	});

	test("can be impatient: a second signal ends it at once", async () => {
		const { parent, told } = await startParent("wait");
		parent.kill("SIGINT");
		parent.kill("SIGTERM");
		const [code] = await once(parent, "exit");
		expect([130, 143]).toContain(code);
		await expectGone(told.ids);
	});
});

describe("runProcess", () => {
	test("gives both outputs, whole, and the exit code, whatever it is", async () => {
		const script = "seq 1 20000; echo to stderr >&2; exit 3";
		const { end, stdout, stderr } = await runProcess({ name: "seq", command: "bash", args: ["-c", script] });
		expect(end).toBe(3);
		expect(stdout.trim().split("\n")).toHaveLength(20_000);
		expect(stderr).toBe("to stderr\n");
	});
});

describe("startProcess", () => {
	test("hands on everything that is written", async () => {
		let heard = "";
		const script = "echo out; echo err >&2; seq 1 20000; sleep 60";
		const running = await startProcess({
			name: "talker",
			command: "bash",
			args: ["-c", script],
			onOutput: (text) => {
				heard += text;
			},
			ready: (output) => output.includes("20000"),
		});
		await running.stop();
		expect(running.output()).not.toContain("out");
		expect(heard).toContain("out");
		expect(heard).toContain("err");
	});

	test("keeps the output and tells how the program ended", async () => {
		const running = await startProcess({
			name: "talker",
			command: "bash",
			args: ["-c", "echo out; echo err >&2; sleep 0.2; exit 7"],
			ready: (output) => output.includes("out"),
		});
		expect(await running.ended).toBe(7);
		expect(running.output().trim().split("\n").sort()).toEqual(["err", "out"]);
		await running.stop();
	});

	test("says why a program ended before it was ready", async () => {
		const start = startProcess({
			name: "Envoy",
			command: "bash",
			args: ["-c", "echo bad configuration >&2; exit 1"],
			ready: () => false,
		});
		await expect(start).rejects.toMatchObject({ code: "dependency_unreachable" });
		await expect(start).rejects.toThrow(/Envoy ended at once \(exit code 1\).*\| bad configuration/s);
	});

	test("stops a program that does not become ready in time", async () => {
		const start = startProcess({
			name: "sleeper",
			command: "bash",
			args: ["-c", "echo pid $$; exec sleep 60"],
			ready: () => Promise.reject(new Error("not yet")),
			readyWithinMs: 300,
		});
		const error = await start.catch((caught: Error) => caught);
		expect(error).toMatchObject({
			code: "timeout",
			message: expect.stringContaining("sleeper was not ready within 300 ms"),
		});
		await expectGone([Number(/pid (\d+)/.exec((error as Error).message)?.[1])]);
	});

	test("says that a program does not exist", async () => {
		await expect(
			startProcess({ name: "nothing", command: "/nonexistent/program", args: [], ready: () => false }),
		).rejects.toMatchObject({ code: "dependency_unreachable" });
	});
});
