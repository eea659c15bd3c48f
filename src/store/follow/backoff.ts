/** Waits between attempts: they double up to a limit, and differ between servers so that these do not come all at once. */
import { LIMITS } from "../../core/limits.ts";

/** Milliseconds to wait after the n-th failure in a row, from 1; up to a half less, at random. `random` is in [0, 1). */
export function backoff(failures: number, random: () => number): number {
	const doublings = Math.min(failures - 1, MOST_DOUBLINGS);
	const wait = Math.min(LIMITS.databaseRetryMs * 2 ** doublings, LIMITS.databaseRetryMaxMs);
	return wait * (1 - random() / 2);
}

const MOST_DOUBLINGS = 16;
