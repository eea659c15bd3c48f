/**
 * Costly work in small portions. What many requests that came at once ask for would otherwise be done in one go, and all who
 * come meanwhile would wait for the end of it: a burst of forged tokens must not hold up those who send none. So each turn of
 * the event loop does some, and the rest waits for turns of its own, of every source in turn.
 */
import { LIMITS } from "../core/limits.ts";

export interface TurnsOptions {
	/** Milliseconds from any fixed instant, with fractions; never goes back. */
	readonly stopwatch: () => number;
	/** Calls back when what has come in with this turn of the event loop was handled. */
	readonly afterTurn: (callback: () => void) => void;
	/** Milliseconds of work in one turn, after which what is left waits; default LIMITS.verifyTurnMs. */
	readonly portionMs?: number;
}

export class Turns {
	readonly #stopwatch: () => number;
	readonly #afterTurn: (callback: () => void) => void;
	readonly #portionMs: number;
	/** What waits, by source; the source that is next comes first. */
	readonly #waiting = new Map<string, (() => void)[]>();
	/** Milliseconds of work that this turn has seen. */
	#spent = 0;
	/** Whether the end of this turn will be told. */
	#told = false;
	readonly #next = () => this.#beginTurn();

	constructor({ stopwatch, afterTurn, portionMs = LIMITS.verifyTurnMs }: TurnsOptions) {
		this.#stopwatch = stopwatch;
		this.#afterTurn = afterTurn;
		this.#portionMs = portionMs;
	}

	/**
	 * Does the work at once, or in a later turn when this one has had its portion, or others wait.
	 * @param source whose work it is: none waits for all that another one asks for.
	 * @returns what the work returns, or a promise of it; it rejects with what work throws that had to wait.
	 */
	take<Result>(source: string, work: () => Result | Promise<Result>): Result | Promise<Result> {
		this.#tell();
		if (this.#waiting.size === 0 && this.#spent < this.#portionMs) return this.#measured(work);
		return new Promise((resolve) => {
			const queue = this.#waiting.get(source);
			// Within an executor, so that what it throws rejects.
			const later = () => resolve(new Promise((done) => done(work())));
			if (queue) queue.push(later);
			else this.#waiting.set(source, [later]);
		});
	}

	#measured<Result>(work: () => Result): Result {
		const spent = this.#spent;
		const began = this.#stopwatch();
		try {
			return work();
		} finally {
			// Whatever work did within this work was part of it.
			this.#spent = spent + this.#stopwatch() - began;
		}
	}

	#tell(): void {
		if (this.#told) return;
		this.#told = true;
		this.#afterTurn(this.#next);
	}

	#beginTurn(): void {
		this.#told = false;
		this.#spent = 0;
		const began = this.#stopwatch();
		while (this.#waiting.size > 0 && this.#spent < this.#portionMs) {
			const [[source, queue]] = this.#waiting as unknown as [[string, (() => void)[]]];
			this.#waiting.delete(source);
			const work = queue.shift()!;
			if (queue.length > 0) this.#waiting.set(source, queue);
			work();
			this.#spent = this.#stopwatch() - began;
		}
		if (this.#waiting.size > 0 || this.#spent > 0) this.#tell();
	}
}

/** Those of this process. */
export function eventLoopTurns(): Turns {
	return new Turns({ stopwatch: () => performance.now(), afterTurn: setImmediate });
}
