/**
 * Step 9: any matching deny refuses, else any matching allow passes, else the default is to deny. Order never matters:
 * of several rules that match alike, the first by name is the one that is shown.
 */

import type { Condition, ConditionPeer } from "../condition/condition.ts";
import { ANONYMOUS, ANY_SOURCE, type SegmentRow } from "../model.ts";
import type { DenyReason } from "../reasons.ts";
import type { Request, TokenFacts } from "../request.ts";
import type { Rule, RuleSet, Shard } from "../snapshot.ts";
import { walkTrie } from "../trie.ts";
import type { Located } from "./locate.ts";
import { capturesOf, holdsScopes, missingScopes, targetMiss } from "./match.ts";
import type { Source } from "./source.ts";
import type { ConsideredRule, RuleOutcome } from "./trace.ts";

export interface PolicyInput {
	readonly source: Source;
	readonly destination: Located;
	readonly request: Request;
	/** Verified, or null: then no scope is held. */
	readonly token: TokenFacts | null;
	/** Milliseconds since the epoch. */
	readonly now: number;
	/** Explain's list of what was considered, or null. */
	readonly considered: ConsideredRule[] | null;
}

export interface PolicyOutcome {
	readonly allow: boolean;
	readonly reason: "allowed" | DenyReason;
	readonly detail: string | null;
	readonly policy: string | null;
	/** The policy that decided is itself in monitor mode. */
	readonly monitor: boolean;
	/** A monitored rule would have refused what passes. */
	readonly would: { readonly reason: DenyReason; readonly detail: string | null; readonly policy: string } | null;
	readonly missingScopes: readonly string[];
}

/** The first by name of each kind of finding. */
interface Findings {
	deny: Rule | null;
	denyError: boolean;
	monitoredDeny: Rule | null;
	allow: Rule | null;
	monitoredAllow: Rule | null;
	monitoredMiss: RuleOutcome | null;
	scopeMiss: Rule | null;
	conditionError: Rule | null;
}

export function judgePolicies(input: PolicyInput): PolicyOutcome {
	const findings: Findings = {
		deny: null,
		denyError: false,
		monitoredDeny: null,
		allow: null,
		monitoredAllow: null,
		monitoredMiss: null,
		scopeMiss: null,
		conditionError: null,
	};
	forEachCandidate(input, (rule) => weigh(rule, input, findings));
	return outcomeOf(findings, input.token?.scopes ?? NONE);
}

/** Whether a policy that names anonymous is about this request, whatever credential it demands on top. */
export function admitsAnonymous(shard: Shard | null, request: Request, now: number): boolean {
	const set = shard?.bySource.get(ANONYMOUS);
	let admitted = false;
	if (set) {
		forEachRule(set, request, (rule) => {
			admitted ||= !rule.deny && targetMiss(rule, request, now) === null;
		});
	}
	return admitted;
}

function forEachCandidate({ source, destination, request }: PolicyInput, visit: (rule: Rule) => void): void {
	const { shard } = destination;
	// Under monitor an unknown source comes this far; it is not anonymous, so no rule is about it.
	if (shard === null || source.kind === "unknown") return;
	const own = shard.bySource.get(source.segment?.name ?? ANONYMOUS);
	if (own) forEachRule(own, request, visit);
	const any = source.segment === null ? undefined : shard.bySource.get(ANY_SOURCE);
	if (any) forEachRule(any, request, visit);
}

function forEachRule(set: RuleSet, request: Request, visit: (rule: Rule) => void): void {
	if (set.trie) walkTrie(set.trie, request.segments, visit);
	else for (const rule of set.rules) visit(rule);
}

function weigh(rule: Rule, input: PolicyInput, findings: Findings): void {
	if (input.considered === null && isSettled(rule, findings)) return;
	const outcome = outcomeOfRule(rule, input);
	input.considered?.push({
		policy: rule.name,
		effect: rule.deny ? "deny" : "allow",
		mode: rule.monitor ? "monitor" : "enforce",
		outcome,
	});
	if (rule.deny) {
		if (outcome !== "match" && outcome !== "condition_error") return;
		if (rule.monitor) findings.monitoredDeny = first(findings.monitoredDeny, rule);
		else if (first(findings.deny, rule) === rule) {
			findings.deny = rule;
			findings.denyError = outcome === "condition_error";
		}
		return;
	}
	if (outcome === "match") findings.allow = first(findings.allow, rule);
	else if (outcome !== "scopes" && outcome !== "condition" && outcome !== "condition_error") return;
	else if (rule.monitor) {
		if (first(findings.monitoredAllow, rule) !== rule) return;
		findings.monitoredAllow = rule;
		findings.monitoredMiss = outcome;
	} else if (outcome === "scopes") findings.scopeMiss = first(findings.scopeMiss, rule);
	else if (outcome === "condition_error") findings.conditionError = first(findings.conditionError, rule);
}

/** Whether nothing that this rule can come to would change the outcome. */
function isSettled(rule: Rule, findings: Findings): boolean {
	if (findings.deny !== null && !(rule.deny && !rule.monitor && rule.name < findings.deny.name)) return true;
	return !rule.deny && findings.allow !== null && findings.allow.name < rule.name;
}

function outcomeOfRule(rule: Rule, input: PolicyInput): RuleOutcome {
	const miss = targetMiss(rule, input.request, input.now);
	if (miss !== null) return miss;
	if (!holdsScopes(rule, scopesFor(rule, input))) return "scopes";
	return rule.condition === null ? "match" : outcomeOfCondition(rule, rule.condition, input);
}

/** Templates of one policy may overlap: the condition holds when it holds for what any of them captured. */
function outcomeOfCondition(
	rule: Rule,
	condition: Condition,
	{ source, destination, request, token, now }: PolicyInput,
): RuleOutcome {
	const scope = {
		request,
		source: source.segment && conditionPeer(source.segment, source.principal),
		destination: conditionPeer(destination.segment, destination.principal),
		token: token?.claims ?? null,
		now,
	};
	let outcome: RuleOutcome = "condition";
	for (const params of capturesOf(rule, request)) {
		const value = condition.evaluate({ ...scope, params });
		if (value === "true") return "match";
		if (value === "error") outcome = "condition_error";
	}
	return outcome;
}

const conditionPeer = (segment: SegmentRow, principal: string | null): ConditionPeer => ({
	segment: segment.name,
	domain: segment.domain,
	environment: segment.environment,
	principal,
});

/** Scopes that a registration takes away let nothing pass, and still deny: fewer scopes must not open what a deny closes. */
const scopesFor = ({ deny }: Rule, { token }: PolicyInput): readonly string[] =>
	token === null ? NONE : deny ? token.allScopes : token.scopes;

function outcomeOf(findings: Findings, scopes: readonly string[]): PolicyOutcome {
	const { deny, allow, monitoredAllow, monitoredDeny, scopeMiss, conditionError } = findings;
	if (deny) return refusal("policy_denied", deny, findings.denyError ? "condition_error" : null);
	const wouldDeny = monitoredDeny && { reason: "policy_denied" as const, detail: null, policy: monitoredDeny.name };
	if (allow) return pass(allow, wouldDeny);
	if (monitoredAllow) {
		const would = {
			reason: REASON_OF_MISS[findings.monitoredMiss as keyof typeof REASON_OF_MISS],
			detail: findings.monitoredMiss === "condition" ? "condition" : null,
			policy: monitoredAllow.name,
		};
		return pass(monitoredAllow, wouldDeny ?? would);
	}
	if (scopeMiss) {
		return refusal("scope_missing", scopeMiss, null, missingScopes(scopeMiss, scopes));
	}
	if (conditionError) return refusal("condition_error", conditionError, null);
	return NO_POLICY;
}

const REASON_OF_MISS = {
	scopes: "scope_missing",
	condition: "no_policy",
	condition_error: "condition_error",
} as const satisfies Partial<Record<RuleOutcome, DenyReason>>;

const pass = (rule: Rule, would: PolicyOutcome["would"]): PolicyOutcome => ({
	allow: true,
	reason: "allowed",
	detail: null,
	policy: rule.name,
	monitor: rule.monitor,
	would,
	missingScopes: NONE,
});

const refusal = (
	reason: DenyReason,
	rule: Rule,
	detail: string | null,
	missingScopes: readonly string[] = NONE,
): PolicyOutcome => ({
	allow: false,
	reason,
	detail,
	policy: rule.name,
	monitor: rule.monitor,
	would: null,
	missingScopes,
});

const first = (held: Rule | null, rule: Rule): Rule => (held === null || rule.name < held.name ? rule : held);

const NONE: readonly string[] = Object.freeze([]);

const NO_POLICY: PolicyOutcome = Object.freeze({
	allow: false,
	reason: "no_policy",
	detail: null,
	policy: null,
	monitor: false,
	would: null,
	missingScopes: NONE,
});
