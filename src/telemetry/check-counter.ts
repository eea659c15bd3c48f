/**
 * Counts of checks and how long they took, kept as plain numbers: counting happens for every request, reading once a
 * scrape. prom-client's own `inc` and `observe` hash their labels each time, which would cost more than the decision.
 */
import type { Decision } from "../core/decision.ts";
import { MODES } from "../core/model.ts";
import { REASONS, type Reason } from "../core/reasons.ts";

export interface CheckCount {
	readonly decision: "allow" | "deny";
	readonly reason: Reason;
	/** "" when the source has no segment, as for callers without a certificate. */
	readonly sourceDomain: string;
	readonly destinationDomain: string;
	readonly mode: string;
	readonly count: number;
}

const REASON_LIST = Object.keys(REASONS) as Reason[];
/** Places of a reason's cells: one for each mode. */
const REASON_AT: ReadonlyMap<string, number> = new Map(
	REASON_LIST.map((reason, index) => [reason, index * MODES.length]),
);
const CELLS = REASON_LIST.length * MODES.length;

/** Counts by decision, reason, both domains and mode. Domains come from policy, so that their number is bounded by it. */
export class CheckCounter {
	/** By destination domain, then source domain. */
	readonly #pairs = new Map<string, Map<string, Float64Array>>();

	count(decision: Decision): void {
		const destination = decision.destination === null ? "" : decision.destination.domain;
		const source = decision.source === null ? "" : decision.source.domain;
		const cells = this.#pairs.get(destination)?.get(source) ?? this.#add(destination, source);
		const at = REASON_AT.get(decision.reason)! + (decision.mode === MODES[0] ? 0 : 1);
		cells[at] = cells[at]! + 1;
	}

	#add(destination: string, source: string): Float64Array {
		const cells = new Float64Array(CELLS);
		const bySource = this.#pairs.get(destination);
		if (bySource === undefined) this.#pairs.set(destination, new Map([[source, cells]]));
		else bySource.set(source, cells);
		return cells;
	}

	/** What was counted at least once. */
	*[Symbol.iterator](): Generator<CheckCount> {
		for (const [destinationDomain, bySource] of this.#pairs) {
			for (const [sourceDomain, cells] of bySource) {
				for (const [at, count] of cells.entries()) {
					if (count === 0) continue;
					const reason = REASON_LIST[Math.floor(at / MODES.length)]!;
					const mode = MODES[at % MODES.length]!;
					const decision = REASONS[reason].status === 200 ? "allow" : "deny";
					yield { decision, reason, sourceDomain, destinationDomain, mode, count };
				}
			}
		}
	}
}

/** Upper bounds of the duration's buckets, in seconds. */
export const DURATION_BOUNDS: readonly number[] = [
	0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];

/** A histogram over {@link DURATION_BOUNDS}; like Prometheus, a bound belongs to its own bucket. */
export class DurationHistogram {
	sum = 0;
	count = 0;
	/** Not cumulative; the last one is for what is above every bound. */
	readonly #buckets = new Float64Array(DURATION_BOUNDS.length + 1);

	/** @param seconds 0 or more. */
	observe(seconds: number): void {
		let at = 0;
		while (at < DURATION_BOUNDS.length && seconds > DURATION_BOUNDS[at]!) at++;
		this.#buckets[at] = this.#buckets[at]! + 1;
		this.sum += seconds;
		this.count++;
	}

	/** Observations at or below each bound, and in all (`Infinity`). */
	*cumulative(): Generator<readonly [bound: number, count: number]> {
		let total = 0;
		for (const [at, count] of this.#buckets.entries()) {
			total += count;
			yield [DURATION_BOUNDS[at] ?? Infinity, total];
		}
	}
}
