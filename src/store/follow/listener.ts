/** Keeps one subscription to hints alive. Hints only make things faster: without them the poll finds everything. */
import { LIMITS } from "../../core/limits.ts";
import { backoff } from "./backoff.ts";
import type { PolicySource } from "./source.ts";
import { Pause, type Timers } from "./timers.ts";

export interface ListenerOptions {
	readonly source: PolicySource;
	readonly timers: Timers;
	/** In [0, 1). */
	readonly random: () => number;
	/** Called for each hint, and after each connection: what was committed meanwhile was not heard. */
	readonly onHint: () => void;
	/** Called when hints begin to come, and for each failure. */
	readonly onState: (listening: boolean, error: unknown) => void;
}

export class Listener {
	readonly #options: ListenerOptions;
	readonly #pause: Pause;
	#lost: unknown = null;
	#stopped = false;

	constructor(options: ListenerOptions) {
		this.#options = options;
		this.#pause = new Pause(options.timers);
	}

	/** Runs until it is stopped; never rejects. */
	async run(): Promise<void> {
		const { random, onState } = this.#options;
		let failures = 0;
		while (!this.#stopped) {
			try {
				await this.#listen(() => {
					failures = 0;
				});
			} catch (error) {
				if (this.#stopped) return;
				failures++;
				onState(false, error);
				await this.#pause.wait(backoff(failures, random));
			}
		}
	}

	stop(): void {
		this.#stopped = true;
		this.#pause.wake();
	}

	/** One connection, from its start to its end; throws what ended it. It may die without a packet, so it is tried now and then. */
	async #listen(onOpen: () => void): Promise<void> {
		const { source, onHint, onState } = this.#options;
		this.#lost = null;
		const subscription = await source.listen(onHint, (error) => {
			this.#lost = error;
			this.#pause.wake();
		});
		try {
			onOpen();
			onState(true, null);
			onHint();
			while (!this.#stopped && this.#lost === null) {
				await this.#pause.wait(LIMITS.listenCheckMs);
				if (!this.#stopped && this.#lost === null) await subscription.check();
			}
		} finally {
			subscription.close();
		}
		if (this.#lost !== null) throw this.#lost;
	}
}
