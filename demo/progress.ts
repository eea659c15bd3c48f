/** What people read on stderr of a program that starts others. */
import { describeProblem, FirebreakError } from "../src/core/errors.ts";
import type { Step } from "./world.ts";

/**
 * Tells of steps on stderr, a line each with how long it took. On a terminal the line stands there while the step runs.
 */
export function createProgress(stderr: NodeJS.WriteStream = process.stderr): Step {
	const tell = (label: string, took: string, end: string): void => {
		stderr.write(`${stderr.isTTY ? "\r" : ""}${label.padEnd(14)}${took.padStart(8)}${end}`);
	};
	return async (label, work) => {
		const started = performance.now();
		const seconds = (): string => `${((performance.now() - started) / 1_000).toFixed(1)} s`;
		if (stderr.isTTY) tell(label, "...", "");
		try {
			const result = await work();
			tell(label, seconds(), "\n");
			return result;
		} catch (error) {
			tell(label, seconds(), " failed\n");
			throw error;
		}
	};
}

/** Tells why `program` failed, each problem with its cure, and has this process exit with 1. */
export function fail(program: string, error: unknown): void {
	const known = error instanceof FirebreakError;
	const message = known ? error.message : error instanceof Error ? error.stack : String(error);
	const problems = known ? error.problems.map((problem) => `  ${describeProblem(problem)}\n`) : [];
	process.stderr.write(`${program}: ${message}\n${problems.join("")}`);
	process.exitCode = 1;
}
