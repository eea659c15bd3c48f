/** Whether memory grows: a line through what is left after each sweep of the collector, which single peaks do not bend. */

export interface Sample {
	/** Milliseconds. */
	readonly at: number;
	readonly bytes: number;
}

export interface Trend {
	/** From the beginning of the judged part to its end, as a share of its median; negative when it shrinks. */
	readonly growth: number;
	readonly flat: boolean;
	/** Lows that the line was laid through. */
	readonly lows: number;
}

/** Growth that still counts as flat. */
export const MOST_GROWTH = 0.05;
const BUCKETS = 24;
const LEAST_SAMPLES = 3 * BUCKETS;

/**
 * Judges the last two thirds of a run. Memory goes up and down between two collections; its lows tell what is kept. The slope is
 * the median of those between all pairs of lows (Theil and Sen), so that up to a quarter of them may be astray.
 *
 * @throws RangeError when there are too few samples to say anything.
 */
export function trendOf(samples: readonly Sample[]): Trend {
	const [first, last] = [samples[0], samples.at(-1)];
	if (!first || !last || samples.length < LEAST_SAMPLES) {
		throw new RangeError(`${samples.length} samples say nothing; at least ${LEAST_SAMPLES} are needed`);
	}
	const from = first.at + (last.at - first.at) / 3;
	const span = last.at - from;
	const lows: Sample[] = [];
	for (let bucket = 0; bucket < BUCKETS; bucket++) {
		const begin = from + (span * bucket) / BUCKETS;
		const end = from + (span * (bucket + 1)) / BUCKETS;
		const within = samples.filter(({ at }) => at >= begin && (at < end || bucket === BUCKETS - 1));
		if (within.length > 0) lows.push(within.reduce((low, each) => (each.bytes < low.bytes ? each : low)));
	}
	const slopes = lows.flatMap((a, index) =>
		lows.slice(index + 1).flatMap((b) => (b.at === a.at ? [] : [(b.bytes - a.bytes) / (b.at - a.at)])),
	);
	const growth = (median(slopes) * span) / median(lows.map(({ bytes }) => bytes));
	return { growth, flat: growth <= MOST_GROWTH, lows: lows.length };
}

function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length / 2;
	return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
