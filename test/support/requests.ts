/** Requests, token facts and whole decisions for tests of the core. */

import type { BudgetKind, Overdrawn } from "../../src/core/budget.ts";
import { rateBudgets, throttleBudgets } from "../../src/core/decide/budgets.ts";
import { conclude, judge, throttle } from "../../src/core/decide/judge.ts";
import { locate } from "../../src/core/decide/locate.ts";
import { route } from "../../src/core/decide/route.ts";
import type { Trace } from "../../src/core/decide/trace.ts";
import type { Decision } from "../../src/core/decision.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import type { CredentialVerdict, Peer, Request, TokenFacts } from "../../src/core/request.ts";
import type { Snapshot } from "../../src/core/snapshot.ts";

export const NOW = Date.UTC(2026, 5, 1, 12);

export const spiffe = (name: string) => `spiffe://prod.example.org/ns/${name}/sa/${name}`;

export interface Asked extends Partial<Omit<Request, "peer">> {
	/** SPIFFE ID of the caller; a bare name is a workload of the example company; null is anonymous. */
	readonly from?: string | null;
	/** Segment name or SPIFFE ID. */
	readonly to?: string;
	readonly peer?: Partial<Peer>;
}

/** A canonical request: what normalization would make of it. */
export function requestOf(asked: Asked): Request {
	const { from = "orders", to = "payments", peer, ...rest } = asked;
	const path = asked.path ?? "/";
	return {
		enforcer: null,
		peer: {
			principal: from === null || from.includes(":") ? from : spiffe(from),
			address: "10.0.0.1",
			certificateHash: null,
			...peer,
		},
		forwarded: null,
		destinationPrincipal: null,
		destinationHint: to,
		method: "GET",
		scheme: "https",
		host: "payments.example.org",
		authority: "payments.example.org",
		rawPath: path,
		path,
		segments: path.slice(1).split("/"),
		query: "",
		headers: Object.create(null),
		upgrade: null,
		authorization: [],
		dpop: [],
		...rest,
	};
}

export const tokenFacts = (facts: Partial<TokenFacts> = {}): TokenFacts => ({
	issuer: "https://id.example.org",
	id: "token-1",
	subject: "orders",
	subjectKind: "client",
	scopes: [],
	allScopes: facts.scopes ?? [],
	issuedAt: NOW / 1000 - 60,
	expiresAt: NOW / 1000 + 60,
	keyThumbprint: null,
	bound: null,
	owner: null,
	purpose: null,
	claims: {},
	...facts,
});

export const withToken = (facts: Partial<TokenFacts> = {}): CredentialVerdict => ({
	kind: "token",
	token: tokenFacts(facts),
});

export interface Circumstances {
	readonly credential?: CredentialVerdict;
	readonly throttle?: Overdrawn;
	readonly rate?: Overdrawn;
	readonly now?: number;
	readonly lane?: Lane;
	readonly enforcerIdentity?: "tls" | "none";
	readonly trace?: Trace;
}

/** A budget that is used up for so many seconds. */
export const overdrawn = (kind: BudgetKind, retryAfter: number): Overdrawn => ({
	budget: { kind, key: "x", perSecond: 1, burst: 1, own: false },
	retryAfter,
});

/** All phases, as evaluate.ts runs them. */
export function decideOn(snapshot: Snapshot, request: Request, circumstances: Circumstances = {}): Decision {
	const routed = route({
		snapshot,
		lane: circumstances.lane ?? new Lane(),
		destination: locate(snapshot, request.destinationPrincipal, request.destinationHint),
		request,
		enforcerIdentity: circumstances.enforcerIdentity ?? "none",
		now: circumstances.now ?? NOW,
		trace: circumstances.trace ?? null,
	});
	throttle(routed, throttleBudgets(routed), circumstances.throttle ?? null);
	const judged = judge(routed, circumstances.credential ?? (routed.demand.token ? withToken() : { kind: "none" }));
	return conclude(judged, rateBudgets(judged), circumstances.rate ?? null);
}
