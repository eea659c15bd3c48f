/** What is added up within windows of time, and handed on when they end: denials, flows and uses of tokens alike. */
export class Windows<Row> {
	readonly #lengthMs: number;
	readonly #close: () => Iterable<Row>;
	#since = Number.NEGATIVE_INFINITY;
	#ended: Row[] = [];

	/** @param close the rows of the window under way, oldest first; what is added afterwards belongs to the next one. */
	constructor(lengthMs: number, close: () => Iterable<Row>) {
		this.#lengthMs = lengthMs;
		this.#close = close;
	}

	/** When the one under way began, in milliseconds since the epoch: a multiple of its length. */
	get since(): number {
		return this.#since;
	}

	/** Before anything of `at` is added. A clock that goes back opens no window again: it is added to the one under way. */
	enter(at: number): void {
		if (at < this.#since + this.#lengthMs) return;
		this.#end();
		this.#since = Math.floor(at / this.#lengthMs) * this.#lengthMs;
	}

	/** Rows of the windows that ended before `now`, oldest first, and forgets them. */
	takeEnded(now: number): Row[] {
		this.enter(now);
		const ended = this.#ended;
		this.#ended = [];
		return ended;
	}

	/** Rows of all windows, also of the one under way, and forgets them. */
	takeAll(): Row[] {
		this.#end();
		return this.takeEnded(Number.NEGATIVE_INFINITY);
	}

	#end(): void {
		for (const row of this.#close()) this.#ended.push(row);
	}
}
