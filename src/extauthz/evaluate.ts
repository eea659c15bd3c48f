/**
 * From a CheckRequest to a decision: the steps in their order, on one snapshot. check.ts runs it for Envoy and explain.ts
 * for people, so that an explanation is the decision itself, told step by step.
 */
import type { Authenticator } from "../authn/authenticator.ts";
import { judge } from "../core/decide/judge.ts";
import { locate } from "../core/decide/locate.ts";
import { refuse } from "../core/decide/refuse.ts";
import { type Route, route } from "../core/decide/route.ts";
import type { Trace } from "../core/decide/trace.ts";
import type { Decision } from "../core/decision.ts";
import { type AgeLimits, isPolicyStale, laneStaleness, type PolicyView } from "../core/policy-view.ts";
import type { CredentialVerdict, Request, RequestFacts } from "../core/request.ts";
import { destinationOf, normalize, type RefusedFacts } from "./normalize.ts";
import type { CheckRequest } from "./wire.ts";

export interface Rules {
	readonly authenticator: Pick<Authenticator, "authenticate">;
	readonly ages: AgeLimits;
	/** `none`: whoever can reach the listener may ask (loopback or a socket). */
	readonly enforcerIdentity: "tls" | "none";
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
	const conclude = (credential: CredentialVerdict) => judge(routed, { credential, throttle: null, rate: null });
	const credential = authenticate(rules, routed, view, notes);
	return credential instanceof Promise ? credential.then(conclude) : conclude(credential);
}

/** Step 8, when the flow needs a token and nothing has denied the request yet. */
function authenticate(
	{ authenticator, ages }: Rules,
	{ input, demand, verdict }: Route,
	view: PolicyView,
	notes: Notes,
): CredentialVerdict | Promise<CredentialVerdict> {
	const { destination, request, now } = input;
	if (!demand.token || verdict.denied || !destination.ok) return NO_CREDENTIAL;
	const { row, issuers } = destination.domain;
	const stale = laneStaleness(view, ages, now);
	// No token can be shown to be bound yet, so `bound_only` passes nobody.
	if (stale !== null && row.on_stale !== "allow") {
		return { kind: "refused", reason: "revocation_stale", detail: stale };
	}
	notes.mark("authenticate");
	const verdictOf = authenticator.authenticate(request, {
		issuers,
		bound: demand.bound,
		passport: row.passport,
		lane: view.lane,
	});
	if (!(verdictOf instanceof Promise)) {
		notes.mark("authenticated");
		return verdictOf;
	}
	return verdictOf.then((verdict) => {
		notes.mark("authenticated");
		return verdict;
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
