/**
 * From a CheckRequest to a decision: the steps in their order, on one snapshot. check.ts runs it for Envoy and explain.ts
 * for people, so that an explanation is the decision itself, told step by step.
 */
import { after } from "../authn/after.ts";
import type { Authenticator } from "../authn/authenticator.ts";
import type { Budget, Overdrawn } from "../core/budget.ts";
import { isForged, rateBudgets, throttleBudgets } from "../core/decide/budgets.ts";
import { conclude, judge, throttle } from "../core/decide/judge.ts";
import { locate } from "../core/decide/locate.ts";
import { refuse } from "../core/decide/refuse.ts";
import { type Route, route } from "../core/decide/route.ts";
import type { Trace } from "../core/decide/trace.ts";
import { RoutedUse } from "../core/decide/use.ts";
import type { Decision } from "../core/decision.ts";
import { type AgeLimits, isPolicyStale, laneStaleness, type PolicyView } from "../core/policy-view.ts";
import type { CredentialVerdict, Request, RequestFacts } from "../core/request.ts";
import { destinationOf, normalize, type RefusedFacts } from "./normalize.ts";
import type { CheckRequest } from "./wire.ts";

export interface Rules {
	readonly authenticator: Pick<Authenticator, "authenticate">;
	readonly limiter: Limiter;
	readonly ages: AgeLimits;
	/** `none`: whoever can reach the listener may ask (loopback or a socket). */
	readonly enforcerIdentity: "tls" | "none";
}

/** What is left of budgets. Neither throws nor rejects. */
export interface Limiter {
	/** Takes one request from each budget, or none from any when one of them is empty: then the one to wait for. */
	take(budgets: readonly Budget[]): Overdrawn | null | Promise<Overdrawn | null>;
	/** Gives one request back to a budget that is this server's own. */
	giveBack(budget: Budget): void;
}

export interface Question {
	readonly check: CheckRequest;
	/** SPIFFE ID of the proxy that asks, or null. */
	readonly enforcer: string | null;
	readonly view: PolicyView;
	/** Milliseconds since the epoch. */
	readonly now: number;
	/** Explain's, or null. */
	readonly trace: Trace | null;
}

/** What is noted on the way, for whoever tells of it afterwards. */
export interface Notes {
	/** Null until the request is canonical. */
	request: Request | null;
	/** Null until the request was looked at. */
	facts: RequestFacts | null;
	/** Told when a credential is about to be judged, and when it was. */
	readonly mark: (instant: "authenticate" | "authenticated") => void;
}

/** A value at once, unless a credential needs waiting for. Throws only for bugs; check.ts turns those into denials. */
export function evaluate(rules: Rules, question: Question, notes: Notes): Decision | Promise<Decision> {
	const { check, view, now, trace } = question;
	const { snapshot, lane } = view;
	const { destinationPrincipal, destinationHint } = destinationOf(check);
	const destination = locate(snapshot, destinationPrincipal, destinationHint);
	const exceptions = destination.ok ? destination.segment.path_exceptions : [];
	const normalized = normalize(check, question.enforcer, exceptions);
	notes.facts = normalized.ok ? normalized.request : factsOf(normalized.facts);

	if (isPolicyStale(view, rules.ages, now)) {
		const detail = view.policyConfirmedAt === Number.NEGATIVE_INFINITY ? "never_loaded" : "age";
		trace?.push({ step: "fresh", result: "fail", reason: "policy_stale", detail });
		return refuse(snapshot, destination, { reason: "policy_stale", detail, principal: null });
	}
	trace?.push({ step: "fresh", result: "pass", note: `revision ${snapshot.revision}` });

	if (!normalized.ok) {
		const { detail, facts } = normalized;
		trace?.push({ step: "canonical", result: "fail", reason: "ambiguous_request", detail });
		return refuse(snapshot, destination, { reason: "ambiguous_request", detail, principal: facts.peer.principal });
	}
	const { request } = normalized;
	notes.request = request;
	trace?.push({ step: "canonical", result: "pass", note: `${request.method} ${request.path}` });

	const routed = route({
		snapshot,
		lane,
		destination,
		request,
		enforcerIdentity: rules.enforcerIdentity,
		now,
		trace,
	});
	const forSource = throttleBudgets(routed);
	return after(rules.limiter.take(forSource), (overdrawn) => {
		throttle(routed, forSource, overdrawn);
		return after(authenticate(rules, routed, view, notes), (credential) => {
			const [, forgeries] = forSource;
			if (forgeries && overdrawn === null && !isForged(credential)) rules.limiter.giveBack(forgeries);
			const judged = judge(routed, credential);
			const forRest = rateBudgets(judged);
			return after(rules.limiter.take(forRest), (overdrawn) => conclude(judged, forRest, overdrawn));
		});
	});
}

/** Step 8, when the flow needs a token and nothing has denied the request yet. */
function authenticate(
	{ authenticator, ages }: Rules,
	route: Route,
	view: PolicyView,
	notes: Notes,
): CredentialVerdict | Promise<CredentialVerdict> {
	const { input, demand, verdict } = route;
	const { destination, request, now } = input;
	if (!demand.token || verdict.denied || !destination.ok) return NO_CREDENTIAL;
	const { row, issuers } = destination.domain;
	const stale = laneStaleness(view, ages, now);
	const refusal: CredentialVerdict | null =
		stale === null || row.on_stale === "allow" ? null : { kind: "refused", reason: "revocation_stale", detail: stale };
	if (refusal && row.on_stale === "deny") return refusal;
	notes.mark("authenticate");
	const credential = authenticator.authenticate(request, {
		issuers,
		bound: demand.bound,
		passport: row.passport,
		lane: view.lane,
		use: new RoutedUse(route, destination),
		origins: destination.segment.origins,
	});
	return after(credential, (judged) => {
		notes.mark("authenticated");
		// A bound token is worth nothing to whoever stole it, so it may do for want of news about revocations.
		return refusal && judged.kind === "token" && judged.token.bound === null ? refusal : judged;
	});
}

const factsOf = ({ method, host, path, peer }: RefusedFacts): RequestFacts => ({
	method,
	host,
	peer,
	scheme: "",
	rawPath: path,
});

const NO_CREDENTIAL: CredentialVerdict = Object.freeze({ kind: "none" });
