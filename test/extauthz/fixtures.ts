/** CheckRequests as Envoy writes them, and decisions to answer them with. */
import type { Decision } from "../../src/core/decision.ts";
import type { CheckRequest, WireHeader } from "../../src/extauthz/wire.ts";

export const ORDERS = "spiffe://prod.example.org/ns/orders/sa/orders";
export const PAYMENTS = "spiffe://prod.example.org/ns/payments/sa/payments";

export interface Told {
	readonly principal?: string;
	readonly address?: string;
	readonly certificate?: string;
	readonly destination?: string;
	readonly hint?: string;
	readonly method?: string;
	readonly path?: string;
	readonly host?: string;
	readonly scheme?: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly raw?: readonly WireHeader[];
}

/** A well-formed check, changed where the test says so. */
export function checkOf(told: Told = {}): CheckRequest {
	return {
		attributes: {
			source: {
				address: { socketAddress: { address: told.address ?? "10.0.0.7" } },
				principal: told.principal ?? ORDERS,
				certificate: told.certificate ?? "",
			},
			destination: { principal: told.destination ?? PAYMENTS },
			contextExtensions: told.hint === undefined ? {} : { "firebreak.destination": told.hint },
			request: {
				http: {
					method: told.method ?? "GET",
					path: told.path ?? "/v1/payments/42?expand=lines",
					host: told.host ?? "payments.internal:8443",
					scheme: told.scheme ?? "https",
					headers: told.headers ?? {},
					headerMap: told.raw ? { headers: told.raw } : null,
				},
			},
		},
	};
}

export function decisionOf(parts: Partial<Decision> = {}): Decision {
	return {
		allow: true,
		reason: "allowed",
		detail: null,
		policy: "orders-read-payments",
		revision: 42,
		mode: "enforce",
		would: null,
		source: { segment: "orders", domain: "internal", environment: "prod" },
		principal: ORDERS,
		destination: { segment: "payments", domain: "internal", environment: "prod" },
		destinationPrincipal: PAYMENTS,
		crossing: null,
		hidden: false,
		missingScopes: [],
		schemes: ["Bearer"],
		nonce: null,
		overdrawn: null,
		token: null,
		subject: null,
		subjectKind: parts.subject ? "client" : null,
		stripCredential: false,
		vouched: { proxied: false, identities: 0, addresses: 0 },
		...parts,
	};
}
