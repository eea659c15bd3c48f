/** What a command may touch of the process around it. Tests hand in their own. */
import type { Clock } from "../core/time.ts";
import type { ExitCode } from "./exit-codes.ts";

export interface Writer {
	write(text: string): unknown;
}

/** The process as `main.ts` finds it. */
export interface Surroundings {
	/** Answers only. */
	readonly stdout: Writer;
	/** Progress and errors. */
	readonly stderr: Writer;
	/** Handed to config.ts, which alone knows the names. */
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly cwd: string;
	/** Whether answers may be coloured: stdout is a terminal that can, and NO_COLOR is not set. */
	readonly colour: boolean;
	/** Whether progress goes to a terminal, where a line may be rewritten. */
	readonly interactive: boolean;
	readonly clock: Clock;
	/** Resolves with the first SIGTERM or SIGINT after the call; a second one ends the process at once. */
	terminated(): Promise<NodeJS.Signals>;
}

export interface Io extends Surroundings {
	/** Answers only; credentials are taken out of what is written. */
	readonly stdout: Writer;
	/** Progress and errors; credentials are taken out of what is written. */
	readonly stderr: Writer;
	/** Writes to stdout as it is: for the one token that a command makes, see output.ts. */
	reveal(text: string): void;
	/** For answers that are no error, such as a denial explained. The last call counts; an error thrown overrules it. */
	setExitCode(code: ExitCode): void;
}

/** The real process. */
export function processSurroundings(): Surroundings {
	// `firebreak ... | head` closes the pipe early, which is no failure.
	process.stdout.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code !== "EPIPE") throw error;
		process.exit();
	});
	return {
		stdout: process.stdout,
		stderr: process.stderr,
		env: process.env,
		cwd: process.cwd(),
		colour: process.stdout.isTTY === true && process.stdout.hasColors(),
		interactive: process.stderr.isTTY === true,
		clock: Date.now,
		terminated: () =>
			new Promise((resolve) => {
				for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, resolve);
			}),
	};
}
