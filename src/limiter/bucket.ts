/**
 * One token bucket, kept as what is owed: each request adds one, and time takes `perSecond` away. What is owed stays when
 * the figures of the budget change, and a bucket that owes nothing may be forgotten.
 */
import type { Budget } from "../core/budget.ts";

export interface Bucket {
	/** Requests that time has not paid for yet. */
	debt: number;
	/** Milliseconds, when `debt` was right. */
	at: number;
}

/** The figures of a budget, or of a part of it. */
export type Rate = Pick<Budget, "perSecond" | "burst">;

/** What rounding of fractions may make of a whole request, so that who waited as long as told is not sent away again. */
const ROUNDING = 1e-6;

/** Brings the debt up to `now`, in milliseconds of a clock that never goes back. */
export function settle(bucket: Bucket, { perSecond, burst }: Rate, now: number): void {
	const paid = ((now - bucket.at) / 1_000) * perSecond;
	bucket.debt = Math.max(0, Math.min(bucket.debt, burst) - paid);
	bucket.at = now;
}

/** Seconds until a settled bucket has room for one more request; 0 when it has. */
export function waitOf({ debt }: Bucket, { perSecond, burst }: Rate): number {
	const missing = debt + 1 - burst;
	return missing <= ROUNDING ? 0 : missing / perSecond;
}

/** What one of several servers may spend of a budget; always enough that a request can pass. */
export function shareOf({ perSecond, burst, own }: Budget, servers: number): Rate {
	if (own || servers <= 1) return { perSecond, burst };
	return { perSecond: perSecond / servers, burst: Math.max(1, burst / servers) };
}
