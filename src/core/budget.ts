/** Budgets: how many requests may pass. Which of them a request spends is decide/budgets.ts; what is left is kept by limiter/. */
import type { RateKind } from "./model.ts";

/**
 * What a budget is for, and the detail of a denial. Those of `rate_limit` except `source` for one segment; besides them
 * `address` for callers that have no segment, and `forgeries` for credentials that cost cryptography and were forged.
 */
export type BudgetKind = RateKind | "address" | "forgeries";

/** A token bucket: `burst` at once, then `perSecond` as time goes on. */
export interface Budget {
	readonly kind: BudgetKind;
	/** Unique within the kind; what was spent is remembered under it, also when the figures change. */
	readonly key: string;
	/** Above 0. */
	readonly perSecond: number;
	/** At least 1. */
	readonly burst: number;
	/** Bounds what this one server spends on it: never divided among servers, nor shared by them. */
	readonly own: boolean;
}

/** A budget that is used up. */
export interface Overdrawn {
	readonly budget: Budget;
	/** Seconds until a request can pass again. */
	readonly retryAfter: number;
}
