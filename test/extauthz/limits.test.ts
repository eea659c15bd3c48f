/** Budgets on the way of a check: who is asked to pay, when, and who is not. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { Budget, Overdrawn } from "../../src/core/budget.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import type { RateKind, RateLimitRow } from "../../src/core/model.ts";
import type { PolicyView } from "../../src/core/policy-view.ts";
import type { CredentialVerdict } from "../../src/core/request.ts";
import { createCheck } from "../../src/extauthz/check.ts";
import { explain } from "../../src/extauthz/explain.ts";
import type { CheckResponse, DeniedResponse } from "../../src/extauthz/wire.ts";
import { MemoryLimiter } from "../../src/limiter/memory.ts";
import { checkRequest, type Sent } from "../support/check-requests.ts";
import { domain, issuer, policy, segment, snapshotOf } from "../support/policy-set.ts";
import { NOW, withToken } from "../support/requests.ts";

const ISSUER = "https://id.example.org";
const AGES = { maxPolicyAge: 1e9, maxRevocationAge: 1e9 };
const limit = (kind: RateKind, name: string, burst: number): RateLimitRow => ({ kind, name, per_second: 0.5, burst });

let instant: number;
let verdict: () => CredentialVerdict | Promise<CredentialVerdict>;
let judged: number;
let view: PolicyView;
let limiter: MemoryLimiter;

const adopt = (rate_limits: readonly RateLimitRow[], mode: "enforce" | "monitor" = "enforce") => {
	const snapshot = snapshotOf({
		domains: [domain({ name: "internal" })],
		issuers: [issuer({ url: ISSUER, domain: "internal" })],
		segments: [segment({ name: "orders" }), segment({ name: "reports" }), segment({ name: "payments", mode })],
		policies: [policy({ name: "read", source: "*", destination: "payments" })],
		rate_limits,
	});
	view = { snapshot, lane: new Lane(), policyConfirmedAt: NOW, laneConfirmedAt: NOW };
};

beforeEach(() => {
	instant = 0;
	judged = 0;
	verdict = () => withToken();
	limiter = new MemoryLimiter({ stopwatch: () => instant, liveServers: () => 1 });
	adopt([]);
});

const judgeCredential = () => {
	judged++;
	return verdict();
};
const authenticator = { authenticate: judgeCredential, examine: judgeCredential };

function check(sent: Sent = {}, take = (budgets: readonly Budget[]) => limiter.take(budgets) as ReturnType<Take>) {
	const run = createCheck({
		view: () => view,
		authenticator,
		limiter: { take, giveBack: (budget) => limiter.giveBack(budget) },
		ages: AGES,
		enforcerIdentity: "none",
		clock: () => NOW,
		stopwatch: () => 0,
		newId: () => "id-1",
		observe: () => {},
		onError: (error) => {
			throw error;
		},
	});
	return run(checkRequest(sent), { enforcer: null, traceparent: undefined, tracestate: undefined });
}
type Take = (budgets: readonly Budget[]) => Overdrawn | null | Promise<Overdrawn | null>;

const reasonsOf = (count: number, sent?: Sent) =>
	Array.from({ length: count }, () => (check(sent) as CheckResponse).metadata.reason);

describe("the source's budget", () => {
	beforeEach(() => adopt([limit("source", "orders", 2)]));

	test("comes before any cryptography, and is that source's alone", () => {
		expect(reasonsOf(4)).toEqual(["allowed", "allowed", "source_throttled", "source_throttled"]);
		expect(judged).toBe(2);
		expect(reasonsOf(1, { from: "reports" })).toEqual(["allowed"]);
	});

	test("is spent by requests that policy refuses, too", () => {
		expect(reasonsOf(3, { method: "DELETE" })).toEqual(["no_policy", "no_policy", "source_throttled"]);
	});

	test("flows back as Retry-After says", () => {
		reasonsOf(2);
		const { headers, status } = check() as DeniedResponse;
		expect(status).toBe(429);
		expect(headers).toContainEqual({ name: "retry-after", value: "2" });
		expect(headers).toContainEqual({ name: "ratelimit-policy", value: '"source";q=2;w=4' });
		expect(headers).toContainEqual({ name: "ratelimit", value: '"source";r=0;t=2' });
		instant += 2_000;
		expect(reasonsOf(1)).toEqual(["allowed"]);
	});
});

describe.each([
	["domain", "internal"],
	["segment", "payments"],
	["token", ISSUER],
] as const)("the budget of a %s", (kind, name) => {
	beforeEach(() => adopt([limit(kind, name, 2)]));

	test("is spent by requests that pass, and by no others", () => {
		expect(reasonsOf(5, { method: "DELETE" })).toEqual(Array(5).fill("no_policy"));
		verdict = () => ({ kind: "refused", reason: "token_invalid", detail: "expired" });
		expect(reasonsOf(5)).toEqual(Array(5).fill("token_invalid"));
		verdict = () => withToken();
		expect(reasonsOf(3)).toEqual(["allowed", "allowed", "rate_limited"]);
		expect((check() as CheckResponse).metadata).toMatchObject({ detail: kind });
	});

	test("keeps what was spent when its figures change, and takes the new ones at once", () => {
		expect(reasonsOf(3)).toEqual(["allowed", "allowed", "rate_limited"]);
		adopt([limit(kind, name, 3)]);
		expect(reasonsOf(2)).toEqual(["allowed", "rate_limited"]);
		adopt([]);
		expect(reasonsOf(5)).toEqual(Array(5).fill("allowed"));
	});
});

test("tokens are counted one by one", () => {
	adopt([limit("token", ISSUER, 1)]);
	for (const id of ["a", "b", "c"]) {
		verdict = () => withToken({ id });
		expect(reasonsOf(2)).toEqual(["allowed", "rate_limited"]);
	}
});

test("monitor waives both, and says what would have been", () => {
	adopt([limit("source", "orders", 1), limit("segment", "payments", 2)], "monitor");
	expect(reasonsOf(1)).toEqual(["allowed"]);
	expect((check() as CheckResponse).metadata).toMatchObject({
		reason: "allowed_monitor",
		would: { reason: "source_throttled", detail: "source" },
	});
	expect(reasonsOf(1)).toEqual(["allowed_monitor"]);
});

describe("forgeries", () => {
	const forged: CredentialVerdict = { kind: "refused", reason: "token_invalid", detail: "signature" };

	test("spend a budget that good credentials do not, however late the verdict comes", async () => {
		for (let turn = 0; turn < 1_000; turn++) check();
		verdict = () => Promise.resolve(withToken());
		for (let turn = 0; turn < 1_000; turn++) expect(await check()).toMatchObject({ allowed: true });
		judged = 0;
		verdict = () => Promise.resolve(forged);
		const reasons = await Promise.all(Array.from({ length: 1_000 }, async () => (await check()).metadata.reason));
		expect(judged).toBe(400);
		expect(reasons.filter((reason) => reason === "token_invalid")).toHaveLength(400);
		expect(reasons.filter((reason) => reason === "source_throttled")).toHaveLength(600);
		expect((check() as CheckResponse).metadata).toMatchObject({ reason: "source_throttled", detail: "forgeries" });
		expect(await check({ from: "reports" })).toMatchObject({ metadata: { reason: "token_invalid" } });
	});

	test("the source passes again as its budget flows back", () => {
		verdict = () => forged;
		reasonsOf(400);
		verdict = () => withToken();
		expect(reasonsOf(1)).toEqual(["source_throttled"]);
		instant += 10;
		expect(reasonsOf(50)).toEqual(Array(50).fill("allowed"));
	});
});

test("budgets that need waiting for are waited for, and in order", async () => {
	const asked: string[][] = [];
	const take = async (budgets: readonly Budget[]) => {
		asked.push(budgets.map(({ kind }) => kind));
		return limiter.take(budgets);
	};
	adopt([limit("source", "orders", 10), limit("domain", "internal", 1)]);
	expect(await check({}, take)).toMatchObject({ allowed: true });
	expect(await check({}, take)).toMatchObject({ metadata: { reason: "rate_limited" } });
	expect(asked.slice(0, 2)).toEqual([["source", "forgeries"], ["domain"]]);
});

test("a limiter that throws denies", () => {
	const errors: unknown[] = [];
	const run = createCheck({
		view: () => view,
		authenticator,
		limiter: {
			take: () => {
				throw new Error("bug");
			},
			giveBack() {},
		},
		ages: AGES,
		enforcerIdentity: "none",
		clock: () => NOW,
		stopwatch: () => 0,
		newId: () => "id-1",
		observe: () => {},
		onError: (error) => errors.push(error),
	});
	const answer = run(checkRequest(), { enforcer: null, traceparent: undefined, tracestate: undefined });
	expect(answer).toMatchObject({ allowed: false, status: 500 });
	expect(errors).toEqual([new Error("bug")]);
});

test("explaining spends nothing, and is not throttled", async () => {
	adopt([limit("source", "orders", 1), limit("domain", "internal", 1)]);
	const query = {
		source: "orders",
		destination: "payments",
		method: "GET",
		path: "/",
		headers: {},
		token: "x",
		at: null,
	};
	for (let turn = 0; turn < 5; turn++) {
		const { decision, steps } = await explain({ authenticator, ages: AGES, clock: () => NOW }, view, query);
		expect(decision.reason).toBe("allowed");
		expect(steps.find(({ step }) => step === "rate")).toMatchObject({
			result: "pass",
			note: "domain internal: 0.5 a second, 1 at once",
		});
	}
	expect(reasonsOf(2)).toEqual(["allowed", "source_throttled"]);
});
