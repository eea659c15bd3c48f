/** Randomness that a seed repeats. */

export interface Random {
	/** In [0, 1). */
	(): number;
	/** A whole number in [0, below). */
	below(below: number): number;
	pick<T>(items: readonly T[]): T;
	chance(probability: number): boolean;
}

/** Mulberry32: small and good enough to play dice; equal seeds give equal throws. */
export function random(...seeds: readonly number[]): Random {
	let state = seeds.reduce((hash, seed) => Math.imul(hash ^ seed, 0x9e3779b1) >>> 0, 0x811c9dc5);
	const next = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
	const below = (limit: number) => Math.floor(next() * limit);
	return Object.assign(next, {
		below,
		pick: <T>(items: readonly T[]) => items[below(items.length)]!,
		chance: (probability: number) => next() < probability,
	});
}
