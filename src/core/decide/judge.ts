/**
 * The pure phases after the route: the verdicts on budgets and credential come in as values, each at its step, policies
 * are judged (step 9), and everything becomes one decision.
 */
import type { Budget, Overdrawn } from "../budget.ts";
import type { Decision, Place, Scheme } from "../decision.ts";
import type { SegmentRow } from "../model.ts";
import { type DenyReason, REASONS } from "../reasons.ts";
import type { CredentialVerdict, TokenFacts } from "../request.ts";
import type { Located } from "./locate.ts";
import { judgePolicies, type PolicyOutcome } from "./policy.ts";
import { isOpen, type Route } from "./route.ts";
import { schemesOf } from "./schemes.ts";
import type { ConsideredRule } from "./trace.ts";

/** Step 7, before anything is spent on the credential. `budgets` are {@link throttleBudgets}. */
export function throttle(route: Route, budgets: readonly Budget[], overdrawn: Overdrawn | null): void {
	if (isOpen(route)) checkBudgets(route, "throttle", "source_throttled", budgets, overdrawn);
}

/** A request after step 9. */
export interface Judged {
	readonly route: Route;
	readonly credential: CredentialVerdict;
	/** Null when the policies were not asked. */
	readonly outcome: PolicyOutcome | null;
	/** Whether the request is on its way to pass: then it spends {@link rateBudgets}. */
	readonly passing: boolean;
}

/** Steps 8 and 9. `credential` is `none` when no token is due: then none is read. */
export function judge(route: Route, credential: CredentialVerdict): Judged {
	const { destination } = route.input;
	let outcome: PolicyOutcome | null = null;
	if (isOpen(route)) checkCredential(route, credential);
	if (isOpen(route) && destination.ok) outcome = checkPolicies(route, destination, tokenOf(credential));
	return { route, credential, outcome, passing: isOpen(route) };
}

/** Step 10, and everything as one decision. `budgets` are {@link rateBudgets}. */
export function conclude(judged: Judged, budgets: readonly Budget[], overdrawn: Overdrawn | null): Decision {
	if (judged.passing) checkBudgets(judged.route, "rate", "rate_limited", budgets, overdrawn);
	return decisionOf(judged);
}

/** The token that was accepted, or null. */
export function tokenOf(credential: CredentialVerdict): TokenFacts | null {
	return credential.kind === "token" ? credential.token : null;
}

function checkBudgets(
	{ verdict, input: { trace } }: Route,
	step: "throttle" | "rate",
	reason: "source_throttled" | "rate_limited",
	budgets: readonly Budget[],
	overdrawn: Overdrawn | null,
): void {
	if (overdrawn) verdict.overdraw(step, reason, overdrawn);
	else if (budgets.length === 0) trace?.push({ step, result: "skipped", note: "no budget" });
	else trace?.push({ step, result: "pass", note: describe(budgets) });
}

/** Without tokens' ids, and without what every source has. */
function describe(budgets: readonly Budget[]): string {
	return budgets
		.filter(({ kind }) => kind !== "forgeries")
		.map(({ kind, key, perSecond, burst, own }) => {
			const name = kind === "token" ? kind : `${kind} ${key}`;
			return `${name}: ${perSecond} a second, ${burst} at once${own ? " (default)" : ""}`;
		})
		.join("; ");
}

function checkCredential({ verdict, demand, input }: Route, credential: CredentialVerdict): void {
	if (!demand.token) {
		input.trace?.push({ step: "credential", result: "skipped", note: "the flow needs no token" });
	} else if (credential.kind === "refused") {
		verdict.fail("credential", credential.reason, credential.detail);
		const { token } = credential;
		if (input.trace && token) input.trace.push({ ...input.trace.pop()!, note: nameOf(token) });
	} else if (credential.kind === "none") {
		// No caller may forget the verdict of a step: a token that is due and was not judged is an error, and denies.
		verdict.fail("credential", "internal_error", "credential_not_judged");
	} else {
		input.trace?.push({ step: "credential", result: "pass", note: nameOf(credential.token) });
	}
}

/** Whose token it is, for people. */
function nameOf({ subject, issuer, owner, purpose }: TokenFacts): string {
	return `${subject} by ${issuer}${owner === null ? "" : `, of ${owner} for ${purpose}`}`;
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

function decisionOf({ route, credential, outcome }: Judged): Decision {
	const { input, source, crossing, verdict, probe } = route;
	const { destination } = input;
	const { denied } = verdict;
	const waived = denied ? null : (verdict.waived ?? outcome?.would ?? null);
	const reason = denied ? denied.reason : probe ? "allowed_probe" : waived ? "allowed_monitor" : "allowed";
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
		schemes: denied ? schemesOf(destination.ok ? destination.domain.issuers : [], route.demand.bound) : NO_SCHEMES,
		nonce: credential.kind === "none" ? null : (credential.nonce ?? null),
		overdrawn: verdict.overdrawn,
		token:
			credential.kind === "token"
				? credential.token
				: credential.kind === "refused"
					? (credential.token ?? null)
					: null,
		subject: credential.kind === "token" ? credential.token.subject : null,
		subjectKind: credential.kind === "token" ? credential.token.subjectKind : null,
		stripCredential: destination.ok && destination.segment.credential_upstream === "strip",
		vouched: route.forwarded.vouched,
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

const NO_SCHEMES: readonly Scheme[] = Object.freeze([]);
const NO_SCOPES: readonly string[] = Object.freeze([]);
