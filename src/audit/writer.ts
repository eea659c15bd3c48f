/** Empties buffers into the sink at intervals; backs off while the sink is away. */
import { LIMITS } from "../core/limits.ts";
import type { RecordBuffer } from "./buffer.ts";

export interface WriterOptions {
	readonly buffers: readonly Pick<RecordBuffer<unknown>, "length" | "writeBatch" | "abandon">[];
	/** Moves rows that became due into the buffers. */
	readonly collect: () => void;
	/** Between 0 and 1; spreads the retries of several servers. */
	readonly random: () => number;
	/** Called after each round with what went wrong in it, or null. */
	readonly afterRound: (error: unknown) => void;
}

export class Writer {
	readonly #options: WriterOptions;
	#timer: NodeJS.Timeout | null = null;
	#round: Promise<void> | null = null;
	#failures = 0;
	#stopped = false;

	constructor(options: WriterOptions) {
		this.#options = options;
	}

	start(): void {
		this.#schedule(LIMITS.recordFlushMs);
	}

	/** Writes soon, unless the sink is away or a round is under way. */
	hurry(): void {
		if (this.#timer !== null && this.#round === null && this.#failures === 0) this.#schedule(0);
	}

	/** Writes what is left, for at most so long, then gives up the rest. */
	async stop(withinMs: number): Promise<void> {
		this.#stopped = true;
		if (this.#timer !== null) clearTimeout(this.#timer);
		const over = new AbortController();
		const deadline = setTimeout(() => over.abort(), withinMs);
		await Promise.race([this.#writeToTheEnd(over.signal), aborted(over.signal)]);
		clearTimeout(deadline);
		over.abort();
		for (const buffer of this.#options.buffers) buffer.abandon();
		this.#options.afterRound(null);
	}

	#schedule(ms: number): void {
		if (this.#stopped) return;
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#timer = setTimeout(() => {
			this.#round = this.#write().then((wait) => {
				this.#round = null;
				this.#schedule(wait);
			});
		}, ms);
		this.#timer.unref();
	}

	/** One round: everything that is due. Returns the wait until the next one; never rejects. */
	async #write(): Promise<number> {
		try {
			this.#options.collect();
			for (const buffer of this.#options.buffers) while (buffer.length > 0 && !this.#stopped) await buffer.writeBatch();
			this.#failures = 0;
			this.#options.afterRound(null);
			return LIMITS.recordFlushMs;
		} catch (error) {
			this.#options.afterRound(error);
			return this.#backOff();
		}
	}

	async #writeToTheEnd(over: AbortSignal): Promise<void> {
		await this.#round;
		this.#options.collect();
		for (const buffer of this.#options.buffers) {
			while (buffer.length > 0 && !over.aborted) {
				try {
					await buffer.writeBatch();
				} catch (error) {
					this.#options.afterRound(error);
					await Promise.race([new Promise((resolve) => setTimeout(resolve, this.#backOff())), aborted(over)]);
				}
			}
		}
	}

	#backOff(): number {
		const longest = Math.min(LIMITS.recordRetryMs * 2 ** this.#failures, LIMITS.recordRetryMaxMs);
		this.#failures++;
		return longest * (0.5 + this.#options.random() / 2);
	}
}

function aborted(signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		if (signal.aborted) resolve();
		else signal.addEventListener("abort", () => resolve(), { once: true });
	});
}
