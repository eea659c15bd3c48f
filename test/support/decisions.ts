/** Decisions to record, trace and count: an ordinary allow, changed as a test needs. */
import type { Decision } from "../../src/core/decision.ts";
import type { RequestFacts, TokenFacts } from "../../src/core/request.ts";

export const TOKEN: TokenFacts = Object.freeze({
	issuer: "https://issuer.example.org",
	id: "token-1",
	subject: "alice",
	subjectKind: "user",
	scopes: ["payments:read"],
	allScopes: ["payments:read"],
	issuedAt: 1_769_860_000,
	expiresAt: 1_769_863_600,
	keyThumbprint: "thumb",
	bound: null,
	owner: "team-orders",
	purpose: "export",
	claims: { sub: "alice", planted: "claim-s3cret" },
});

export function decision(changes: Partial<Decision> = {}): Decision {
	return {
		allow: true,
		reason: "allowed",
		detail: null,
		policy: "orders-reads-payments",
		revision: 17,
		mode: "enforce",
		would: null,
		source: { segment: "orders", domain: "internal", environment: "prod" },
		principal: "spiffe://prod.example.org/ns/orders/sa/orders",
		destination: { segment: "payments", domain: "internal", environment: "prod" },
		destinationPrincipal: "spiffe://prod.example.org/ns/payments/sa/payments",
		crossing: null,
		hidden: false,
		missingScopes: [],
		schemes: ["Bearer"],
		nonce: null,
		overdrawn: null,
		token: TOKEN,
		subject: TOKEN.subject,
		subjectKind: TOKEN.subjectKind,
		stripCredential: false,
		vouched: { proxied: false, identities: 0, addresses: 0 },
		...changes,
	};
}

/** A denial for a reason. */
export function denial(reason: Decision["reason"] = "no_policy", changes: Partial<Decision> = {}): Decision {
	return decision({ allow: false, reason, policy: null, ...changes });
}

export function facts(changes: Partial<RequestFacts> = {}): RequestFacts {
	return {
		method: "GET",
		scheme: "https",
		host: "payments.example.org",
		rawPath: "/v1/payments/42",
		peer: { principal: null, address: "10.0.0.7", certificateHash: null },
		...changes,
	};
}
