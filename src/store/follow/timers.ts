/** Timers and turns of the event loop, injected so that tests and simulations drive them. */
export interface Timers {
	/** Runs `task` once after `ms` milliseconds; the returned function cancels it. */
	after(ms: number, task: () => void): () => void;
	/** Gives way to whatever waits in the event loop, such as requests. */
	breathe(): Promise<void>;
}

export const realTimers: Timers = {
	after(ms, task) {
		const timer = setTimeout(task, ms);
		return () => clearTimeout(timer);
	},
	breathe: () => new Promise((resolve) => setImmediate(resolve)),
};

/** A wait that can be cut short. */
export class Pause {
	readonly #timers: Timers;
	#end: (() => void) | null = null;

	constructor(timers: Timers) {
		this.#timers = timers;
	}

	/** Resolves after `ms`, or when woken. Only one wait at a time. */
	wait(ms: number): Promise<void> {
		return new Promise((resolve) => {
			const cancel = this.#timers.after(ms, () => this.wake());
			this.#end = () => {
				this.#end = null;
				cancel();
				resolve();
			};
		});
	}

	/** Ends the wait, if there is one. */
	wake(): void {
		this.#end?.();
	}
}
