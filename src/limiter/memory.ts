/**
 * Budgets in this server's memory. Many servers each have their share: the budget divided by how many live, which is right
 * as far as requests are spread evenly over them.
 *
 * Not rate-limiter-flexible: its memory counts in fixed windows, which let twice the budget pass around their edges, keeps
 * an entry and a timer for every key it ever saw (574 MB for a million), and answers by promises only.
 */
import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Budget, BudgetKind, Overdrawn } from "../core/budget.ts";
import { LIMITS } from "../core/limits.ts";
import { type Bucket, settle, shareOf, waitOf } from "./bucket.ts";

export interface MemoryLimiterOptions {
	/** Milliseconds from any fixed instant; never goes back. */
	readonly stopwatch: () => number;
	/** Servers that share the budgets, this one included. Asked at every request. */
	readonly liveServers: () => number;
	/** Budgets of one kind that are remembered; default LIMITS.budgets. */
	readonly max?: number;
}

export class MemoryLimiter {
	readonly #stopwatch: () => number;
	readonly #liveServers: () => number;
	readonly #max: number;
	/** Apart by kind, so that a flood of one kind's keys makes no other kind forget. */
	readonly #buckets = new Map<BudgetKind, LRUCache<string, Bucket>>();

	constructor({ stopwatch, liveServers, max = LIMITS.budgets }: MemoryLimiterOptions) {
		this.#stopwatch = stopwatch;
		this.#liveServers = liveServers;
		this.#max = max;
	}

	/** Takes one request from each budget, or none from any when one of them is empty: then the one to wait for longest. */
	take(budgets: readonly Budget[]): Overdrawn | null {
		if (budgets.length === 0) return null;
		const now = this.#stopwatch();
		const servers = this.#liveServers();
		const buckets: Bucket[] = [];
		let overdrawn: Overdrawn | null = null;
		for (const budget of budgets) {
			const bucket = this.#bucketOf(budget, now);
			const share = shareOf(budget, servers);
			settle(bucket, share, now);
			buckets.push(bucket);
			const retryAfter = waitOf(bucket, share);
			if (retryAfter > (overdrawn?.retryAfter ?? 0)) overdrawn = { budget, retryAfter };
		}
		if (overdrawn === null) for (const bucket of buckets) bucket.debt++;
		return overdrawn;
	}

	giveBack(budget: Budget): void {
		const bucket = this.#buckets.get(budget.kind)?.get(keyOf(budget));
		if (bucket) bucket.debt = Math.max(0, bucket.debt - 1);
	}

	/** Buckets that are remembered, of all kinds. */
	get size(): number {
		return [...this.#buckets.values()].reduce((sum, { size }) => sum + size, 0);
	}

	#bucketOf(budget: Budget, now: number): Bucket {
		let ofKind = this.#buckets.get(budget.kind);
		if (!ofKind) {
			ofKind = new LRUCache({ max: this.#max });
			this.#buckets.set(budget.kind, ofKind);
		}
		const key = keyOf(budget);
		const known = ofKind.get(key);
		if (known) return known;
		const fresh = { debt: 0, at: now };
		ofKind.set(key, fresh);
		return fresh;
	}
}

/** The key under which a budget is remembered: of bounded length, since ids of tokens are as long as their issuer likes. */
export function keyOf({ key }: Budget): string {
	return key.length <= LIMITS.budgetKeyChars ? key : `sha256 ${hash("sha256", key, "base64url")}`;
}
