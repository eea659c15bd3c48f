import { beforeEach, describe, expect, test } from "@jest/globals";
import { Lane } from "../../src/core/lane/lane.ts";
import type { PolicyView } from "../../src/core/policy-view.ts";
import type { CredentialVerdict } from "../../src/core/request.ts";
import { type CheckOptions, createCheck, type Observation } from "../../src/extauthz/check.ts";
import type { CheckRequest, CheckResponse } from "../../src/extauthz/wire.ts";
import { checkRequest, type Sent } from "../support/check-requests.ts";
import { domain, policy, segment, snapshotOf } from "../support/policy-set.ts";
import { NOW, withToken } from "../support/requests.ts";

const HOUR = 3_600_000;
const snapshot = snapshotOf({
	domains: [
		domain({ name: "internal" }),
		domain({ name: "plain", flow: "mtls" }),
		domain({ name: "lenient", on_stale: "allow" }),
		domain({ name: "bound-only", on_stale: "bound_only" }),
	],
	segments: [
		segment({ name: "payments" }),
		segment({ name: "orders" }),
		segment({ name: "plain", domain: "plain", path_exceptions: ["semicolon"] }),
		segment({ name: "plain-client", domain: "plain" }),
		segment({ name: "lenient", domain: "lenient" }),
		segment({ name: "lenient-client", domain: "lenient" }),
		segment({ name: "careful", domain: "bound-only" }),
		segment({ name: "careful-client", domain: "bound-only" }),
	],
	policies: ["payments", "plain", "lenient", "careful"].map((destination) =>
		policy({ name: destination, source: "*", destination, methods: ["*"] }),
	),
});

let view: PolicyView;
let seen: Observation[];
let errors: unknown[];
let verdict: () => CredentialVerdict | Promise<CredentialVerdict>;

beforeEach(() => {
	view = { snapshot, lane: new Lane(), policyConfirmedAt: NOW, laneConfirmedAt: NOW };
	seen = [];
	errors = [];
	verdict = () => withToken({ subject: "orders", scopes: [] });
});

function check(sent: Sent | CheckRequest, some: Partial<CheckOptions> = {}): CheckResponse | Promise<CheckResponse> {
	let instant = 0;
	const run = createCheck({
		view: () => view,
		authenticator: { authenticate: () => verdict() },
		limiter: { take: () => null, giveBack() {} },
		ages: { maxPolicyAge: 24 * HOUR, maxRevocationAge: HOUR / 12 },
		enforcerIdentity: "none",
		clock: () => NOW,
		stopwatch: () => instant++,
		newId: () => "id-1",
		observe: (observation) => seen.push(observation),
		onError: (error) => errors.push(error),
		...some,
	});
	const caller = { enforcer: null, traceparent: undefined, tracestate: undefined };
	return run("attributes" in sent ? sent : checkRequest(sent as Sent), caller);
}

const reasonOf = (response: CheckResponse) => response.metadata.reason;

test("allows at once when the credential is known", () => {
	const response = check({}) as CheckResponse;
	expect(response).toMatchObject({ allowed: true, metadata: { reason: "allowed", policy: "payments", revision: 1 } });
	expect(seen).toMatchObject([
		{ id: "id-1", decision: { reason: "allowed" }, started: 0, authenticate: 1, authenticated: 2, decided: 3 },
	]);
});

test("waits for a credential that needs waiting for", async () => {
	verdict = () => Promise.resolve({ kind: "refused", reason: "token_invalid", detail: "signature" });
	const response = check({});
	expect(response).toBeInstanceOf(Promise);
	expect(await response).toMatchObject({ allowed: false, status: 401, metadata: { reason: "token_invalid" } });
	expect(seen).toMatchObject([{ authenticate: 1, authenticated: 2, decided: 3 }]);
});

test("judges no credential when none is due, or when the request is refused before", () => {
	verdict = () => {
		throw new Error("asked");
	};
	expect(reasonOf(check({ from: "plain-client", to: "plain" }) as CheckResponse)).toBe("allowed");
	expect(reasonOf(check({ from: "stranger" }) as CheckResponse)).toBe("source_unknown");
	expect(seen).toMatchObject([{ authenticate: null }, { authenticate: null }]);
	expect(errors).toEqual([]);
});

describe("freshness", () => {
	const at = (policyAge: number, laneAge = 0) => {
		view = { ...view, policyConfirmedAt: NOW - policyAge, laneConfirmedAt: NOW - laneAge };
	};

	test("policy exactly at its limit still counts", () => {
		at(24 * HOUR);
		expect(reasonOf(check({}) as CheckResponse)).toBe("allowed");
	});

	test.each([
		["older than its limit", 24 * HOUR + 1, "age"],
		["never loaded", Number.POSITIVE_INFINITY, "never_loaded"],
	])("policy %s denies with 503", (_, age, detail) => {
		at(age);
		expect(check({})).toMatchObject({ allowed: false, status: 503, metadata: { reason: "policy_stale" } });
		expect(seen).toMatchObject([{ decision: { detail } }]);
	});

	test("stale policy comes before an ambiguous request", () => {
		at(25 * HOUR);
		expect(reasonOf(check({ path: "//x" }) as CheckResponse)).toBe("policy_stale");
	});

	test.each([
		["deny", { from: "orders", to: "payments" }, "revocation_stale"],
		["allow", { from: "lenient-client", to: "lenient" }, "allowed"],
		["bound_only, not bound", { from: "careful-client", to: "careful" }, "revocation_stale"],
		["no token is due", { from: "plain-client", to: "plain" }, "allowed"],
	])("stale revocations: on_stale %s", (_, sent, reason) => {
		at(0, HOUR / 12 + 1);
		expect(reasonOf(check(sent) as CheckResponse)).toBe(reason);
	});

	test.each([
		["a token bound to the key of a proof", { bound: "dpop" }, "allowed"],
		["a token bound to a certificate", { bound: "mtls" }, "allowed"],
		["a bearer token", { bound: null }, "revocation_stale"],
	] as const)("stale revocations, on_stale bound_only: %s", (_, facts, reason) => {
		verdict = () => withToken({ subject: "orders", scopes: [], ...facts });
		at(0, HOUR / 12 + 1);
		expect(reasonOf(check({ from: "careful-client", to: "careful" }) as CheckResponse)).toBe(reason);
		expect(reasonOf(check({}) as CheckResponse)).toBe("revocation_stale");
	});

	test("stale revocations, on_stale bound_only: what is wrong with a token comes first", () => {
		verdict = () => ({ kind: "refused", reason: "proof_invalid", detail: "time" });
		at(0, HOUR / 12 + 1);
		expect(reasonOf(check({ from: "careful-client", to: "careful" }) as CheckResponse)).toBe("proof_invalid");
	});

	test("a lane row of an unknown kind makes the lane stale", () => {
		view.lane.apply({ seq: 1, kind: "from_the_future", key: "x", payload: {}, until: null });
		expect(reasonOf(check({}) as CheckResponse)).toBe("revocation_stale");
		expect(seen).toMatchObject([{ decision: { detail: "unknown_kind" } }]);
	});
});

test("refuses what has two readings, and tells of it without believing it", () => {
	const response = check({ path: "/v1/../admin" });
	expect(response).toMatchObject({ allowed: false, status: 400, metadata: { reason: "ambiguous_request" } });
	expect(seen).toMatchObject([
		{
			decision: { detail: expect.stringMatching(/dot/), destination: { segment: "payments" } },
			request: { rawPath: "/v1/../admin" },
		},
	]);
});

test("a segment's path exception is that segment's alone", () => {
	expect(reasonOf(check({ from: "plain-client", to: "plain", path: "/a;b=c/d" }) as CheckResponse)).toBe("allowed");
	expect(reasonOf(check({ path: "/a;b=c/d" }) as CheckResponse)).toBe("ambiguous_request");
});

describe("whatever goes wrong", () => {
	const DENIED = { allowed: false, status: 500, metadata: { reason: "internal_error" } };
	const bug = new Error("bug");
	const throwBug = () => {
		throw bug;
	};

	test("a throw on the way denies", () => {
		verdict = throwBug;
		expect(check({})).toMatchObject(DENIED);
		expect(errors).toEqual([bug]);
		expect(seen).toMatchObject([{ decision: { reason: "internal_error", detail: "exception" } }]);
	});

	test("a rejection on the way denies", async () => {
		verdict = () => Promise.reject(bug);
		expect(await check({})).toMatchObject(DENIED);
		expect(errors).toEqual([bug]);
	});

	test("an observer that throws changes no answer", () => {
		expect(check({}, { observe: throwBug })).toMatchObject({ allowed: true });
		expect(errors).toEqual([bug]);
	});

	test("a view that cannot be had denies", () => {
		expect(() => check({}, { view: throwBug })).not.toThrow();
		expect(check({}, { view: throwBug })).toMatchObject({ allowed: false, status: 500 });
	});

	test.each<[string, CheckRequest]>([
		["an empty message", { attributes: null }],
		["no http block", { attributes: { ...checkRequest().attributes, request: null } }],
		["no source", { attributes: { ...checkRequest().attributes, source: null } }],
		["nothing but garbage", { attributes: { source: 7, request: { http: "x" } } as never }],
		["NUL in the path", checkRequest({ path: "/a\u0000b" })],
		["NUL in the principal", checkRequest({ from: "spiffe://prod.example.org/ns/orders\u0000/sa/orders" })],
		["60 KB of headers", checkRequest({ headers: { "x-big": "a".repeat(70_000) } })],
	])("%s is denied, not an error of ours", (_, message) => {
		const response = check(message) as CheckResponse;
		expect(response.allowed).toBe(false);
		expect(errors).toEqual([]);
		expect(seen).toHaveLength(1);
	});
});
