/**
 * What is fuzzed: bytes to decoded request to decision to bytes, as the server does it, on a company whose names and tokens
 * are planted so that any of them in an answer is a leak.
 */
import { Lane } from "../../src/core/lane/lane.ts";
import type { PolicySet } from "../../src/core/model.ts";
import type { CredentialVerdict } from "../../src/core/request.ts";
import { type Check, createCheck } from "../../src/extauthz/check.ts";
import { encodeCheckResponse } from "../../src/extauthz/encode.ts";
import { decodeCheckRequest } from "../../src/extauthz/proto.ts";
import { crossing, domain, policy, policySet, type Rows, segment, snapshotOf } from "../support/policy-set.ts";
import { NOW, tokenFacts } from "../support/requests.ts";

/** In every name that only operators may see, and in every credential. */
export const PLANTED_NAME = "zq7policy";
export const PLANTED_SECRET = "zq7secret";

/** Authorization values that count, and the scopes that they give. */
export const TOKENS: Readonly<Record<string, readonly string[]>> = {
	[`Bearer ${PLANTED_SECRET}.read`]: ["read"],
	[`Bearer ${PLANTED_SECRET}.all`]: ["read", "write"],
	[`DPoP ${PLANTED_SECRET}.dpop`]: [],
};

const named = (name: string) => `${PLANTED_NAME}-${name}`;
const workload = (name: string) => `spiffe://t/${name}`;

export const ROWS: Rows = {
	domains: [
		domain({ name: "open", flow: "mtls" }),
		domain({ name: "shut", flow: "mtls+token", hidden: true }),
		domain({ name: "partner", flow: "mtls+token" }),
	],
	segments: [
		segment({ name: "web", domain: "open", members: [workload("web"), workload("web/*")], probes: ["/healthz"] }),
		segment({ name: "pay", domain: "shut", members: [workload("pay")], probes: ["/healthz", "/ready"] }),
		segment({ name: "old", domain: "shut", environment: "staging", members: [workload("old")] }),
		segment({ name: "far", domain: "partner", members: [workload("far")] }),
		segment({ name: "try", domain: "open", members: [workload("try")], mode: "monitor" }),
	],
	crossings: [
		crossing({ name: named("in"), source_domain: "open", destination_domain: "shut" }),
		crossing({ name: named("late"), source_domain: "partner", destination_domain: "shut", expires: NOW - 1 }),
	],
	policies: [
		policy({
			name: named("reads"),
			source: "web",
			destination: "pay",
			paths: ["/v1/{id}", "/v1/*/lines"],
			scopes: ["read"],
		}),
		policy({
			name: named("writes"),
			source: "web",
			destination: "pay",
			methods: ["POST"],
			paths: ["/v1/**"],
			scopes: ["write"],
		}),
		policy({
			name: named("no-admin"),
			effect: "deny",
			source: "*",
			destination: "pay",
			methods: ["*"],
			paths: ["/v1/admin", "/v1/admin/**"],
		}),
		policy({
			name: named("calls"),
			source: "web",
			destination: "pay",
			grpc: ["pay.Pay/Get", "pay.List/*"],
			scopes: ["read"],
		}),
		policy({ name: named("home"), source: "web", destination: "web", paths: ["/public/**"], hosts: ["web.example"] }),
		policy({ name: named("anybody"), source: "anonymous", destination: "web", paths: ["/welcome"] }),
		policy({
			name: named("all"),
			source: "*",
			destination: "web",
			methods: ["GET", "HEAD"],
			paths: ["/", "/all/{id}"],
		}),
		policy({ name: named("not-all"), effect: "deny", source: "*", destination: "web", paths: ["/all/secret"] }),
		policy({ name: named("false"), source: "web", destination: "try", condition: "1 == 2", mode: "monitor" }),
		policy({ name: named("far"), source: "far", destination: "pay", paths: ["/v1/{id}"] }),
	],
};
export const SET: PolicySet = policySet(ROWS);

export function verdictOf(authorization: readonly string[]): CredentialVerdict {
	if (authorization.length === 0) return { kind: "refused", reason: "token_missing", detail: "absent" };
	const scopes = authorization.length === 1 ? TOKENS[authorization[0]!] : undefined;
	if (scopes === undefined) return { kind: "refused", reason: "token_invalid", detail: "signature" };
	return { kind: "token", token: tokenFacts({ scopes }) };
}

/** @param onError told of bugs: a request that ends as `internal_error`. */
export function createTarget(onError: (error: unknown) => void): Check {
	const view = { snapshot: snapshotOf(ROWS), lane: new Lane(), policyConfirmedAt: NOW, laneConfirmedAt: NOW };
	return createCheck({
		view: () => view,
		authenticator: { authenticate: ({ authorization }) => verdictOf(authorization) },
		limiter: { take: () => null, giveBack() {} },
		ages: { maxPolicyAge: 1e9, maxRevocationAge: 1e9 },
		enforcerIdentity: "none",
		clock: () => NOW,
		stopwatch: () => 0,
		newId: () => "00000000-0000-4000-8000-000000000000",
		observe: () => {},
		onError,
	});
}

const CALLER = { enforcer: null, traceparent: undefined, tracestate: undefined };

/** One request through it, without a network. Throws what the server would not survive, or would answer as an error. */
export function run(check: Check, bytes: Buffer): Buffer {
	const answer = check(decodeCheckRequest(bytes), CALLER);
	if (answer instanceof Promise) throw new Error("nothing here needs waiting for");
	return encodeCheckResponse(answer);
}
