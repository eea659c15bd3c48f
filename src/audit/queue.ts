/** A bounded queue that is read in batches: a batch stays at the head until it is known to be stored. */
export class BoundedQueue<T> {
	readonly #max: number;
	#items: T[] = [];

	/** @param max items, 1 or more. */
	constructor(max: number) {
		this.#max = max;
	}

	get length(): number {
		return this.#items.length;
	}

	/** False when it is full, and the item was not taken. */
	push(item: T): boolean {
		if (this.#items.length >= this.#max) return false;
		this.#items.push(item);
		return true;
	}

	/** The oldest items, at most `count`; they stay. */
	peek(count: number): readonly T[] {
		return this.#items.slice(0, count);
	}

	/** Removes the oldest items. */
	drop(count: number): void {
		if (count >= this.#items.length) this.#items = [];
		else this.#items.splice(0, count);
	}
}
