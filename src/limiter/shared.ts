/**
 * Budgets that all servers spend together, in Redis or Valkey. While it is of no use, each server spends its own share in
 * memory: never an open door, never a request that waits for longer than the script's runner lets it.
 */
import { LRUCache } from "lru-cache";
import type { Budget, Overdrawn } from "../core/budget.ts";
import { LIMITS } from "../core/limits.ts";
import { keyOf, type MemoryLimiter } from "./memory.ts";

/** Runs the take script of limiter/take-script.ts, and rejects when it cannot. */
export interface TakeScript {
	/** Null when it would be run now, else why not. */
	readonly trouble: string | null;
	run(keys: readonly string[], args: readonly string[]): Promise<unknown>;
}

export interface SharedLimiterOptions {
	readonly script: TakeScript;
	/** For budgets that are this server's own, and for all others while the script cannot be run. */
	readonly alone: MemoryLimiter;
	/** Milliseconds from any fixed instant; never goes back. */
	readonly stopwatch: () => number;
}

export class SharedLimiter {
	/** How often this server counted alone, by what was wrong. */
	readonly fallbacks: Record<string, number> = { unreachable: 0, slow: 0, error: 0 };
	readonly #script: TakeScript;
	readonly #alone: MemoryLimiter;
	readonly #stopwatch: () => number;
	/** Budgets that were found empty, until when they surely are: so a flood costs Redis nothing. */
	readonly #empty = new LRUCache<string, { readonly until: number; readonly budget: Budget }>({ max: LIMITS.budgets });

	constructor({ script, alone, stopwatch }: SharedLimiterOptions) {
		this.#script = script;
		this.#alone = alone;
		this.#stopwatch = stopwatch;
	}

	/** Takes one request from each budget, or none from any when one of them is empty. Never rejects. */
	take(budgets: readonly Budget[]): Overdrawn | null | Promise<Overdrawn | null> {
		const shared = budgets.filter(({ own }) => !own);
		if (shared.length === 0) return this.#alone.take(budgets);
		const own = budgets.filter((budget) => budget.own);
		const overdrawn = this.#alone.take(own);
		if (overdrawn !== null) return overdrawn;
		const taken = this.#takeShared(shared);
		return taken instanceof Promise ? taken.then((late) => this.#undo(own, late)) : this.#undo(own, taken);
	}

	giveBack(budget: Budget): void {
		this.#alone.giveBack(budget);
	}

	#undo(own: readonly Budget[], overdrawn: Overdrawn | null): Overdrawn | null {
		if (overdrawn !== null) for (const budget of own) this.#alone.giveBack(budget);
		return overdrawn;
	}

	#takeShared(budgets: readonly Budget[]): Overdrawn | null | Promise<Overdrawn | null> {
		const empty = this.#knownEmpty(budgets);
		if (empty !== null) return empty;
		const { trouble } = this.#script;
		if (trouble !== null) return this.#takeAlone(budgets, trouble);
		const keys = budgets.map(sharedKey);
		const args = budgets.flatMap(({ perSecond, burst }) => [String(perSecond), String(burst)]);
		return this.#script.run(keys, args).then(
			(reply) => this.#read(reply, budgets),
			(error: unknown) => this.#takeAlone(budgets, (error as { trouble?: string }).trouble ?? "error"),
		);
	}

	#read(reply: unknown, budgets: readonly Budget[]): Overdrawn | null {
		const [which, wait] = Array.isArray(reply) ? reply : [];
		if (which === 0) return null;
		const budget = budgets[which - 1];
		const retryAfter = Number(wait);
		if (!budget || !(retryAfter > 0)) return this.#takeAlone(budgets, "error");
		this.#empty.set(sharedKey(budget), { until: this.#stopwatch() + retryAfter * 1_000, budget });
		return { budget, retryAfter };
	}

	#takeAlone(budgets: readonly Budget[], trouble: string): Overdrawn | null {
		this.fallbacks[trouble] = (this.fallbacks[trouble] ?? 0) + 1;
		return this.#alone.take(budgets);
	}

	/** Nothing but time fills a budget, and nobody makes it faster; so what Redis said holds unless policy changed the figures. */
	#knownEmpty(budgets: readonly Budget[]): Overdrawn | null {
		if (this.#empty.size === 0) return null;
		const now = this.#stopwatch();
		for (const budget of budgets) {
			const known = this.#empty.get(sharedKey(budget));
			const same = known?.budget.perSecond === budget.perSecond && known.budget.burst === budget.burst;
			if (known && same && now < known.until) return { budget, retryAfter: (known.until - now) / 1_000 };
		}
		return null;
	}
}

const sharedKey = (budget: Budget) => `firebreak:rate:${budget.kind}:${keyOf(budget)}`;
