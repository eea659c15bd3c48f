/** Simulated time: one clock for the world, and everything that waits, in one queue. Nothing here waits for real. */
import type { Timers } from "../../src/store/follow/timers.ts";

interface Entry {
	readonly at: number;
	readonly task: () => void;
}

export class SimTime {
	#now: number;
	/** By time, then in the order they were set. */
	readonly #queue: Entry[] = [];

	constructor(start: number) {
		this.#now = start;
	}

	readonly clock = (): number => this.#now;

	/** Runs `task` once after `ms`; the returned function cancels it. */
	after(ms: number, task: () => void): () => void {
		const entry = { at: this.#now + Math.max(0, ms), task };
		let place = this.#queue.length;
		while (place > 0 && this.#queue[place - 1]!.at > entry.at) place--;
		this.#queue.splice(place, 0, entry);
		return () => {
			const index = this.#queue.indexOf(entry);
			if (index >= 0) this.#queue.splice(index, 1);
		};
	}

	sleep(ms: number): Promise<void> {
		return new Promise((resolve) => this.after(ms, resolve));
	}

	/** A machine that was suspended: the clock is later, and nothing ran meanwhile. */
	jump(ms: number): void {
		this.#now += ms;
	}

	/** Moves on by `ms`, taking everything that is due in its order; `step` is called after each. */
	async run(ms: number, step: () => void): Promise<void> {
		const end = this.#now + ms;
		for (;;) {
			await settle();
			step();
			const next = this.#queue[0];
			if (!next || next.at > end) break;
			this.#queue.shift();
			this.#now = Math.max(this.#now, next.at);
			next.task();
		}
		this.#now = Math.max(this.#now, end);
	}
}

/** Timers of one server, which are to be gone when it has stopped. */
export class ServerTimers implements Timers {
	pending = 0;
	readonly #time: SimTime;
	readonly #turn: () => number;

	/** @param turn milliseconds that the event loop is busy with other things when a task gives way. */
	constructor(time: SimTime, turn: () => number) {
		this.#time = time;
		this.#turn = turn;
	}

	after(ms: number, task: () => void): () => void {
		let open = true;
		const close = () => {
			if (open) this.pending--;
			open = false;
		};
		this.pending++;
		const cancel = this.#time.after(ms, () => {
			close();
			task();
		});
		return () => {
			close();
			cancel();
		};
	}

	breathe(): Promise<void> {
		return this.#time.sleep(this.#turn());
	}
}

/** Everything that waits for no timer has run when a turn of the event loop is over: promises alone come before it. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
