import { compileCondition } from "../../../src/core/condition/condition.ts";
import type { ConditionScope } from "../../../src/core/condition/scope.ts";
import type { Request } from "../../../src/core/request.ts";

export interface ScopeParts extends Partial<Omit<ConditionScope, "request">> {
	readonly method?: string;
	readonly path?: string;
	readonly query?: string;
	readonly headers?: Record<string, string>;
}

/** A plausible request of orders to payments, in which a test replaces what it is about. */
export function conditionScope({ method, path = "/v1/payments/42", query, headers, ...parts }: ScopeParts = {}) {
	const request: Request = {
		enforcer: null,
		peer: { principal: null, address: null, certificateHash: null },
		forwarded: null,
		destinationPrincipal: null,
		destinationHint: null,
		method: method ?? "GET",
		scheme: "https",
		host: "payments.internal",
		authority: "payments.internal:8443",
		rawPath: path,
		path,
		segments: path.slice(1).split("/"),
		query: query ?? "account=42",
		headers: headers ?? {},
		upgrade: null,
		authorization: [],
		dpop: [],
	};
	const scope: ConditionScope = {
		request,
		params: { id: "42" },
		source: {
			segment: "orders",
			domain: "internal",
			environment: "prod",
			principal: "spiffe://prod.example.org/ns/orders/sa/orders",
		},
		destination: {
			segment: "payments",
			domain: "internal",
			environment: "prod",
			principal: "spiffe://prod.example.org/ns/payments/sa/payments",
		},
		token: { sub: "alice", account: "42" },
		now: Date.UTC(2026, 2, 1, 10, 0, 0, 123),
		...parts,
	};
	return scope;
}

/** Compiles and evaluates; a condition that does not compile fails the test with its message. */
export function evaluate(text: string, parts?: ScopeParts): "true" | "false" | "error" {
	const result = compileCondition(text);
	if (!result.ok) throw new Error(`${text}: ${result.message} (${result.cure})`);
	return result.condition.evaluate(conditionScope(parts));
}
