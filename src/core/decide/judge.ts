/**
 * The second pure phase: the verdicts on credential and budgets come in as values, policies are judged (step 9), and
 * everything becomes one decision.
 */
import type { Decision, Place } from "../decision.ts";
import type { SegmentRow } from "../model.ts";
import { type DenyReason, REASONS } from "../reasons.ts";
import type { CredentialVerdict, TokenFacts } from "../request.ts";
import type { Located } from "./locate.ts";
import { judgePolicies, type PolicyOutcome } from "./policy.ts";
import type { Route } from "./route.ts";
import type { ConsideredRule } from "./trace.ts";

/** A budget that is used up. */
export interface Overdrawn {
	/** Which one: `source`, `domain`, `segment`, `token`. */
	readonly detail: string;
	/** Seconds until a request can pass again. */
	readonly retryAfter: number;
}

export interface Verdicts {
	/** Step 8. `none` when no token is due: then none is read. */
	readonly credential: CredentialVerdict;
	/** Step 7, or null. */
	readonly throttle: Overdrawn | null;
	/** Step 10, or null. */
	readonly rate: Overdrawn | null;
}

export function judge(route: Route, verdicts: Verdicts): Decision {
	const { verdict, probe } = route;
	const token = verdicts.credential.kind === "token" ? verdicts.credential.token : null;
	const { destination } = route.input;
	let outcome: PolicyOutcome | null = null;
	if (!verdict.denied && !probe && destination.ok) {
		checkBudget(route, "throttle", "source_throttled", verdicts.throttle);
		if (!verdict.denied) checkCredential(route, verdicts.credential);
		if (!verdict.denied) outcome = checkPolicies(route, destination, token);
		if (!verdict.denied) checkBudget(route, "rate", "rate_limited", verdicts.rate);
	}
	return conclude(route, verdicts, outcome);
}

function checkBudget(
	{ verdict, input }: Route,
	step: "throttle" | "rate",
	reason: "source_throttled" | "rate_limited",
	overdrawn: Overdrawn | null,
): void {
	if (overdrawn) verdict.fail(step, reason, overdrawn.detail);
	else input.trace?.push({ step, result: "pass" });
}

function checkCredential({ verdict, demand, input }: Route, credential: CredentialVerdict): void {
	if (!demand.token) {
		input.trace?.push({ step: "credential", result: "skipped", note: "the flow needs no token" });
	} else if (credential.kind === "refused") {
		verdict.fail("credential", credential.reason, credential.detail);
	} else if (credential.kind === "none") {
		// No caller may forget the verdict of a step: a token that is due and was not judged is an error, and denies.
		verdict.fail("credential", "internal_error", "credential_not_judged");
	} else {
		const { subject, issuer } = credential.token;
		input.trace?.push({ step: "credential", result: "pass", note: `${subject} by ${issuer}` });
	}
}

function checkPolicies(route: Route, destination: Located, token: TokenFacts | null): PolicyOutcome {
	const { input, source, verdict } = route;
	const { request, now, trace } = input;
	const considered: ConsideredRule[] | null = trace ? [] : null;
	const outcome = judgePolicies({ source, destination, request, token, now, considered });
	if (outcome.allow) {
		if (trace && considered)
			trace.push({ step: "policy", result: "pass", note: outcome.policy ?? "", rules: considered });
		return outcome;
	}
	// Nobody who could not show a certificate learns more than that one is due.
	const reason = source.kind === "anonymous" && outcome.reason === "no_policy" ? "identity_missing" : outcome.reason;
	verdict.fail("policy", reason as DenyReason, outcome.detail, outcome.policy);
	if (trace && considered) trace.push({ ...trace.pop()!, rules: considered });
	return outcome;
}

function conclude(route: Route, verdicts: Verdicts, outcome: PolicyOutcome | null): Decision {
	const { input, source, crossing, verdict, probe } = route;
	const { destination } = input;
	const { denied } = verdict;
	const waived = denied ? null : (verdict.waived ?? outcome?.would ?? null);
	const reason = denied ? denied.reason : probe ? "allowed_probe" : waived ? "allowed_monitor" : "allowed";
	const overdrawn =
		reason === "source_throttled" ? verdicts.throttle : reason === "rate_limited" ? verdicts.rate : null;
	const credential = verdicts.credential;
	return {
		allow: denied === null,
		reason,
		detail: denied?.detail ?? null,
		policy: denied ? denied.policy : (outcome?.policy ?? null),
		revision: input.snapshot.revision,
		mode: isMonitored(route, outcome) ? "monitor" : "enforce",
		would: waived,
		source: source.segment && placeOf(source.segment),
		principal: source.principal,
		destination: destination.ok ? placeOf(destination.segment) : null,
		destinationPrincipal: destination.ok ? destination.principal : null,
		crossing: crossing?.name ?? null,
		hidden: denied !== null && REASONS[denied.reason].status === 403 && isHidden(route),
		missingScopes: reason === "scope_missing" ? (outcome?.missingScopes ?? NO_SCOPES) : NO_SCOPES,
		retryAfter: overdrawn?.retryAfter ?? null,
		token:
			credential.kind === "token"
				? credential.token
				: credential.kind === "refused"
					? (credential.token ?? null)
					: null,
		subject: credential.kind === "token" ? credential.token.subject : null,
		stripCredential: destination.ok && destination.segment.credential_upstream === "strip",
	};
}

function isMonitored({ input: { destination } }: Route, outcome: PolicyOutcome | null): boolean {
	if (outcome?.monitor || outcome?.would) return true;
	return destination.ok && (destination.segment.mode === "monitor" || destination.domain.row.mode === "monitor");
}

/** Whether the destination must not even be seen: a hidden domain, a source of another one, and nothing that joins them. */
function isHidden({ input: { destination }, source, crossing }: Route): boolean {
	if (!destination.ok || !destination.domain.row.hidden || source.segment === null) return false;
	return crossing === null && source.segment.domain !== destination.segment.domain;
}

const placeOf = (segment: SegmentRow): Place => ({
	segment: segment.name,
	domain: segment.domain,
	environment: segment.environment,
});

const NO_SCOPES: readonly string[] = Object.freeze([]);
