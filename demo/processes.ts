import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { FirebreakError } from "../src/core/errors.ts";
import type { UserIds } from "./workspace.ts";

/** A program to run. */
export interface ProgramSpec {
	/** What errors call it. */
	readonly name: string;
	readonly command: string;
	readonly args: readonly string[];
	/** The whole environment; this program's own when absent. */
	readonly env?: NodeJS.ProcessEnv;
	readonly cwd?: string;
	/** The user to run as, which takes root. */
	readonly user?: UserIds;
}

/** A program to run until it is stopped. */
export interface ProcessSpec extends ProgramSpec {
	/** Given everything that it writes, as it writes it; what is kept for `output` is only the end. */
	readonly onOutput?: (text: string) => void;
	/** Asked again and again until it says true; a rejection means not yet. `output` is what the program wrote so far. */
	readonly ready: (output: string) => boolean | Promise<boolean>;
	/** Milliseconds until it must be ready, two minutes by default. */
	readonly readyWithinMs?: number;
	/** What asks it to end, SIGTERM by default. */
	readonly stopSignal?: NodeJS.Signals;
	/** Milliseconds that it has to end before it is killed, 30 s by default. */
	readonly stopWithinMs?: number;
}

export interface RunningProcess {
	readonly name: string;
	readonly pid: number;
	/** The end of what it wrote to stdout and stderr. */
	output(): string;
	/** Resolves once it has ended, for whatever reason: its exit code, or the signal that ended it. */
	readonly ended: Promise<number | NodeJS.Signals>;
	/** Sends it a signal, if it still runs. */
	signal(signal: NodeJS.Signals): void;
	/** Asks it to end and kills it when it does not; resolves when it is gone. May be called again. */
	stop(): Promise<void>;
}

const OUTPUT_KEPT_CHARACTERS = 32_768;
const READY_POLL_MS = 25;

/** Leaders of process groups that have not ended yet. */
const alive = new Set<number>();

/** To everything the program started as well: each one leads a process group of its own. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(-pid, signal);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
	}
}

function killAll(): void {
	for (const pid of alive) signalGroup(pid, "SIGKILL");
}

/**
 * util-linux's setpriv has the kernel kill the program when this one dies, even of SIGKILL. Without it (macOS) only an end that
 * this program notices takes the others along.
 */
let parentDeathPrefix: readonly string[] | undefined;
function diesWithParent(): readonly string[] {
	const prefix = ["setpriv", "--pdeathsig", "KILL", "--"];
	parentDeathPrefix ??= spawnSync(prefix[0] as string, [...prefix.slice(1), "true"]).status === 0 ? prefix : [];
	return parentDeathPrefix;
}

/**
 * Starts a program and waits until it is ready. A program that ends early, or is not ready in time, is stopped and thrown about
 * as a FirebreakError (`dependency_unreachable`, `timeout`) that quotes the end of its output.
 */
export async function startProcess(spec: ProcessSpec): Promise<RunningProcess> {
	const child = await spawnGroup(spec);
	const running = supervise(child, spec, collectOutput(child, spec.onOutput));
	try {
		await waitUntilReady(running, spec);
	} catch (error) {
		await running.stop();
		throw error;
	}
	return running;
}

/** What a program that ran to its end left. */
export interface Finished {
	readonly end: number | NodeJS.Signals;
	readonly stdout: string;
	readonly stderr: string;
}

/** Runs a program to its end, whatever its exit code. */
export async function runProcess(spec: ProgramSpec): Promise<Finished> {
	const child = await spawnGroup(spec);
	let stdout = "";
	let stderr = "";
	child.stdout?.setEncoding("utf8").on("data", (text: string) => {
		stdout += text;
	});
	child.stderr?.setEncoding("utf8").on("data", (text: string) => {
		stderr += text;
	});
	const end = await supervise(child, spec, () => "").ended;
	return { end, stdout, stderr };
}

type Spawned = ChildProcess & { readonly pid: number };

/** A process group apart: Ctrl-C in the terminal reaches this program alone, which then stops the others in order. */
async function spawnGroup(spec: ProgramSpec): Promise<Spawned> {
	const [command, ...args] = [...diesWithParent(), spec.command, ...spec.args] as [string, ...string[]];
	const child = spawn(command, args, {
		stdio: ["ignore", "pipe", "pipe"],
		detached: true,
		env: spec.env ?? process.env,
		...(spec.cwd !== undefined && { cwd: spec.cwd }),
		...spec.user,
	});
	if (child.pid !== undefined) return child as Spawned;
	const [error] = await once(child, "error");
	throw new FirebreakError("dependency_unreachable", `${spec.name} could not be started: ${error.message}`);
}

function collectOutput(child: ChildProcess, onOutput?: (text: string) => void): () => string {
	let tail = "";
	for (const stream of [child.stdout, child.stderr]) {
		stream?.setEncoding("utf8").on("data", (text: string) => {
			onOutput?.(text);
			tail = (tail + text).slice(-OUTPUT_KEPT_CHARACTERS);
		});
	}
	return () => tail;
}

type Ending = Pick<ProcessSpec, "name" | "stopSignal" | "stopWithinMs">;

function supervise(child: Spawned, spec: Ending, output: () => string): RunningProcess {
	const { pid } = child;
	// Before folders are removed in which they may still write.
	if (alive.size === 0) process.prependListener("exit", killAll);
	alive.add(pid);
	const ended = new Promise<number | NodeJS.Signals>((resolve) => {
		// "close" comes after the last output was read.
		child.once("close", (code, signal) => resolve(code ?? signal ?? 0));
		child.once("exit", () => {
			// What it may have left behind.
			signalGroup(pid, "SIGKILL");
			alive.delete(pid);
			if (alive.size === 0) process.off("exit", killAll);
		});
	});
	const signal = (name: NodeJS.Signals): void => {
		if (alive.has(pid)) signalGroup(pid, name);
	};
	const stop = async (): Promise<void> => {
		signal(spec.stopSignal ?? "SIGTERM");
		const patience = new AbortController();
		const timer = sleep(spec.stopWithinMs ?? 30_000, undefined, { signal: patience.signal })
			.then(() => signal("SIGKILL"))
			.catch(() => {});
		await ended;
		patience.abort();
		await timer;
	};
	return { name: spec.name, pid, output, ended, signal, stop };
}

async function waitUntilReady(running: RunningProcess, spec: ProcessSpec): Promise<void> {
	const within = spec.readyWithinMs ?? 120_000;
	const deadline = performance.now() + within;
	let end: number | NodeJS.Signals | undefined;
	running.ended.then((how) => {
		end = how;
	});
	while (!(await isReady(spec, running.output()))) {
		if (end !== undefined) {
			const how = typeof end === "number" ? `exit code ${end}` : end;
			throw new FirebreakError("dependency_unreachable", quote(`${spec.name} ended at once (${how})`, running));
		}
		if (performance.now() > deadline) {
			throw new FirebreakError("timeout", quote(`${spec.name} was not ready within ${within} ms`, running));
		}
		await sleep(READY_POLL_MS);
	}
}

async function isReady(spec: ProcessSpec, output: string): Promise<boolean> {
	try {
		return await spec.ready(output);
	} catch {
		return false;
	}
}

function quote(message: string, running: RunningProcess): string {
	const lines = running.output().trim().split("\n").slice(-20);
	return `${message}; the end of its output:\n${lines.map((line) => `  | ${line}`).join("\n")}`;
}

const EXIT_SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/**
 * On Ctrl-C, SIGTERM or a closed terminal: runs `stop`, then exits with 128 and the signal's number, as shells expect. A second
 * signal exits at once, and what still runs is killed. Returns a function that takes the handlers away.
 */
export function stopOnSignals(stop: () => Promise<void>): () => void {
	let stopping = false;
	const handler = (signal: NodeJS.Signals): void => {
		const code = EXIT_SIGNALS[signal as keyof typeof EXIT_SIGNALS];
		if (stopping) process.exit(code);
		stopping = true;
		stop().then(
			() => process.exit(code),
			(error: unknown) => {
				process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
				process.exit(code);
			},
		);
	};
	for (const signal of Object.keys(EXIT_SIGNALS)) process.on(signal, handler);
	return () => {
		for (const signal of Object.keys(EXIT_SIGNALS)) process.off(signal, handler);
	};
}
