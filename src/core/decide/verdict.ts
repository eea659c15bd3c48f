/** Collects the failures of the steps in their order: the first that monitor cannot waive decides. */
import type { Overdrawn } from "../budget.ts";
import { type DenyReason, REASONS } from "../reasons.ts";
import type { StepName, Trace } from "./trace.ts";

export interface Failure {
	readonly reason: DenyReason;
	readonly detail: string | null;
	readonly policy: string | null;
}

export class Verdict {
	/** The failure that denies. Once it stands, no later step is looked at. */
	denied: Failure | null = null;
	/** The first failure that monitor waived. */
	waived: Failure | null = null;
	/** The budget behind `denied`. */
	overdrawn: Overdrawn | null = null;
	readonly #monitored: boolean;
	readonly #trace: Trace | null;

	/** @param monitored whether the destination's segment or domain is in monitor mode. */
	constructor(monitored: boolean, trace: Trace | null) {
		this.#monitored = monitored;
		this.#trace = trace;
	}

	overdraw(step: "throttle" | "rate", reason: "source_throttled" | "rate_limited", overdrawn: Overdrawn): void {
		this.fail(step, reason, overdrawn.budget.kind);
		if (this.denied !== null) this.overdrawn = overdrawn;
	}

	fail(step: StepName, reason: DenyReason, detail: string | null, policy: string | null = null): void {
		const waived = this.#monitored && REASONS[reason].waivable;
		const failure = { reason, detail, policy };
		if (waived) this.waived ??= failure;
		else this.denied ??= failure;
		this.#trace?.push({
			step,
			result: waived ? "waived" : "fail",
			reason,
			...(detail === null ? {} : { detail }),
			...(policy === null ? {} : { note: policy }),
		});
	}
}
