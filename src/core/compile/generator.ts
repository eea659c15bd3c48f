/** Long pure work as generators: whoever drives one decides when to give way to requests. */

/** Runs a generator at once, for callers with nothing else to do. */
export function runToEnd<T>(work: Generator<void, T>): T {
	for (;;) {
		const step = work.next();
		if (step.done) return step.value;
	}
}

/** Copies a map, yielding now and then, so that a large one does not hold up requests. */
export function* copyMap<K, V>(map: ReadonlyMap<K, V>): Generator<void, Map<K, V>> {
	const copy = new Map<K, V>();
	let sinceYield = 0;
	for (const [key, value] of map) {
		copy.set(key, value);
		if (++sinceYield === ENTRIES_PER_STEP) {
			sinceYield = 0;
			yield;
		}
	}
	return copy;
}

/** Work between two yields stays well below a millisecond. */
export const ENTRIES_PER_STEP = 1_024;
