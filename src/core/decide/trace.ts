/**
 * What explain shows. Deciding writes into a trace when it is given one and is otherwise the same code, so that an
 * explanation cannot differ from the decision that it explains.
 */
import type { DenyReason } from "../reasons.ts";

export const STEPS = [
	"fresh",
	"canonical",
	"enforcer",
	"source",
	"destination",
	"crossing",
	"throttle",
	"credential",
	"policy",
	"rate",
] as const;
export type StepName = (typeof STEPS)[number];

export interface Step {
	readonly step: StepName;
	/** `waived`: it failed, but monitor let it pass. `skipped`: it did not apply. */
	readonly result: "pass" | "fail" | "waived" | "skipped";
	readonly reason?: DenyReason;
	readonly detail?: string;
	/** What was found, for people: `orders (internal, prod)`. */
	readonly note?: string;
	/** At the policy step: the rules that were considered, and what each came to. */
	readonly rules?: readonly ConsideredRule[];
}

export interface ConsideredRule {
	readonly policy: string;
	readonly effect: "allow" | "deny";
	readonly mode: "enforce" | "monitor";
	/** `match`, or the first of its predicates that did not hold. */
	readonly outcome: RuleOutcome;
}

export type RuleOutcome =
	| "match"
	| "validity"
	| "method"
	| "path"
	| "host"
	| "upgrade"
	| "scopes"
	| "condition"
	| "condition_error";

export type Trace = Step[];
