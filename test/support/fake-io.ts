/** A process for command-line tests: nothing of the real one is touched, and everything written is kept. */
import type { Surroundings } from "../../src/cli/io.ts";

export interface FakeIo extends Surroundings {
	/** All that was written so far. */
	out(): string;
	err(): string;
	/** Sends the signal that `terminated()` waits for. */
	terminate(): void;
}

export function fakeIo(changes: Partial<Omit<Surroundings, "stdout" | "stderr">> = {}): FakeIo {
	let out = "";
	let err = "";
	const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
	return {
		stdout: {
			write: (text) => {
				out += text;
			},
		},
		stderr: {
			write: (text) => {
				err += text;
			},
		},
		env: {},
		cwd: "/",
		colour: false,
		interactive: false,
		clock: () => Date.UTC(2026, 0, 31, 12),
		terminated: () => promise,
		...changes,
		out: () => out,
		err: () => err,
		terminate: () => resolve("SIGTERM"),
	};
}
