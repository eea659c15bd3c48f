/**
 * What a caller is told of a budget that is used up: Retry-After (RFC 9110, 10.2.3), and RateLimit with RateLimit-Policy
 * (draft-ietf-httpapi-ratelimit-headers-11). The policy's name is the budget's kind, never the name of what it is for.
 */
import type { Overdrawn } from "../core/budget.ts";
import type { SetHeader } from "./wire.ts";

/**
 * A token bucket in the draft's terms: a quota of `burst`, in the window in which an empty bucket fills up; nothing is
 * left of it, and the next request may pass after `t` seconds.
 */
export function rateHeaders(overdrawn: Overdrawn | null): SetHeader[] {
	if (overdrawn === null) return [{ name: "retry-after", value: "1" }];
	const { kind, burst, perSecond } = overdrawn.budget;
	const seconds = wholeSeconds(overdrawn.retryAfter);
	return [
		{ name: "retry-after", value: seconds },
		{ name: "ratelimit-policy", value: `"${kind}";q=${burst};w=${wholeSeconds(burst / perSecond)}` },
		{ name: "ratelimit", value: `"${kind}";r=0;t=${seconds}` },
	];
}

/** At least 1, at most what a structured field's Integer holds (RFC 9651, 3.3.1). */
const wholeSeconds = (seconds: number) => String(Math.min(Math.max(1, Math.ceil(seconds)), 999_999_999_999_999));
