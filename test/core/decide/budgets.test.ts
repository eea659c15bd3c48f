import { describe, expect, test } from "@jest/globals";
import type { Budget } from "../../../src/core/budget.ts";
import { isForged, rateBudgets, throttleBudgets } from "../../../src/core/decide/budgets.ts";
import { judge, throttle } from "../../../src/core/decide/judge.ts";
import { locate } from "../../../src/core/decide/locate.ts";
import { route } from "../../../src/core/decide/route.ts";
import type { Trace } from "../../../src/core/decide/trace.ts";
import { Lane } from "../../../src/core/lane/lane.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { RateKind, RateLimitRow } from "../../../src/core/model.ts";
import type { CredentialVerdict } from "../../../src/core/request.ts";
import type { Snapshot } from "../../../src/core/snapshot.ts";
import { domain, issuer, policy, segment, snapshotOf } from "../../support/policy-set.ts";
import { type Asked, decideOn, NOW, overdrawn, requestOf, withToken } from "../../support/requests.ts";

const ISSUER = "https://id.example.org";
const limit = (kind: RateKind, name: string): RateLimitRow => ({ kind, name, per_second: 5, burst: 10 });
const world = (rate_limits: readonly RateLimitRow[] = []) =>
	snapshotOf({
		domains: [
			domain({ name: "internal" }),
			domain({ name: "plain", flow: "mtls" }),
			domain({ name: "watched", flow: "mtls", mode: "monitor" }),
		],
		issuers: [issuer({ url: ISSUER, domain: "internal" })],
		segments: [
			segment({ name: "orders" }),
			segment({ name: "payments", probes: ["/healthz"] }),
			segment({ name: "shop", domain: "plain" }),
			segment({ name: "till", domain: "plain" }),
			segment({ name: "ledger", domain: "watched" }),
		],
		policies: [
			policy({ name: "read", source: "orders", destination: "payments" }),
			policy({ name: "anyone", source: "anonymous", destination: "till" }),
			policy({ name: "shop", source: "shop", destination: "till" }),
		],
		rate_limits,
	});
const UNLIMITED = world();
const LIMITED = world([
	limit("source", "orders"),
	limit("domain", "internal"),
	limit("segment", "payments"),
	limit("token", ISSUER),
]);

function budgetsOf(snapshot: Snapshot, ask: Asked, credential: CredentialVerdict = withToken()) {
	const request = requestOf(ask);
	const routed = route({
		snapshot,
		lane: new Lane(),
		destination: locate(snapshot, null, request.destinationHint),
		request,
		enforcerIdentity: "none",
		now: NOW,
		trace: null,
	});
	const first = throttleBudgets(routed);
	throttle(routed, first, null);
	return { first, rest: rateBudgets(judge(routed, routed.demand.token ? credential : { kind: "none" })) };
}
const named = (budgets: readonly Budget[]) => budgets.map(({ kind, key }) => `${kind} ${key}`);

describe("step 7", () => {
	test("a source without a budget has this server's own", () => {
		const { sourcePerSecond: perSecond, sourceBurst: burst } = LIMITS;
		expect(budgetsOf(UNLIMITED, { from: "shop", to: "till" }).first).toEqual([
			{ kind: "source", key: "shop", perSecond, burst, own: true },
		]);
	});

	test("a source that policy gave one has that, and under the same key", () => {
		expect(budgetsOf(LIMITED, {}).first[0]).toEqual({
			kind: "source",
			key: "orders",
			perSecond: 5,
			burst: 10,
			own: false,
		});
	});

	test("where a credential is due, forgeries are paid for in advance, and are this server's own always", () => {
		const { forgeriesPerSecond: perSecond, forgeriesBurst: burst } = LIMITS;
		const forgeries = { kind: "forgeries", key: "source orders", perSecond, burst, own: true };
		for (const snapshot of [UNLIMITED, LIMITED]) expect(budgetsOf(snapshot, {}).first[1]).toEqual(forgeries);
	});

	test.each([
		["10.0.0.7", "10.0.0.7"],
		["10.0.0.8", "10.0.0.8"],
		["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
		["2001:db8:1:2:ffff::", "2001:db8:1:2::/64"],
		["2001:db8::1", "2001:db8:0:0::/64"],
		["2001:db8:0:1::", "2001:db8:0:1::/64"],
		["::1", "0:0:0:0::/64"],
		["::", "0:0:0:0::/64"],
		["fe80::", "fe80:0:0:0::/64"],
		[null, "unknown"],
	])("a caller without a segment is counted by its address: %s as %s", (address, key) => {
		const { first } = budgetsOf(LIMITED, { from: null, to: "till", peer: { address } });
		expect(first).toMatchObject([{ kind: "address", key, own: true }]);
	});

	test("so is one that monitor lets pass although nobody knows it", () => {
		const { first } = budgetsOf(LIMITED, { from: "spiffe://other.example.org/x", to: "ledger" });
		expect(named(first)).toEqual(["address 10.0.0.1"]);
	});

	test.each<[string, Asked]>([
		["denied before", { from: "spiffe://other.example.org/x" }],
		["a probe", { path: "/healthz" }],
		["nobody knows where to", { to: "nowhere" }],
	])("nothing when the request is decided: %s", (_, ask) => {
		expect(budgetsOf(LIMITED, ask)).toEqual({ first: [], rest: [] });
	});
});

describe("step 10", () => {
	test("the destination's domain and segment, and the token", () => {
		expect(named(budgetsOf(LIMITED, {}).rest)).toEqual([
			"domain internal",
			"segment payments",
			`token ${ISSUER} jti token-1`,
		]);
	});

	test("each token has a bucket of its own; without an id it is its subject's, and no id can look like a subject", () => {
		const keys = [
			{ id: "a" },
			{ id: "b" },
			{ id: null, subject: "a" },
			{ id: null, subject: "b" },
			{ id: "sub a" },
		].map((facts) => budgetsOf(LIMITED, {}, withToken(facts)).rest.at(-1)!.key);
		expect(new Set(keys).size).toBe(keys.length);
		expect(keys[2]).toBe(`${ISSUER} sub a`);
	});

	test("a token that was given in exchange spends its own, and those of all that it was given for", () => {
		const api = { issuer: ISSUER, id: null, subject: "batch", issuedAt: null, keyThumbprint: null };
		const other = { ...api, issuer: "https://other.example.org", id: "given-2", origin: api };
		const given = withToken({ origin: { ...api, id: "given-1", origin: other } });
		expect(named(budgetsOf(LIMITED, {}, given).rest).slice(2)).toEqual([
			`token ${ISSUER} jti token-1`,
			`token ${ISSUER} jti given-1`,
			`token ${ISSUER} sub batch`,
		]);
	});

	test("a token of another issuer has none", () => {
		const other = withToken({ issuer: "https://other.example.org" });
		expect(named(budgetsOf(LIMITED, {}, other).rest)).toEqual(["domain internal", "segment payments"]);
	});

	test.each<[string, Asked, CredentialVerdict | undefined]>([
		["policy refuses", { method: "DELETE" }, undefined],
		["the credential is refused", {}, { kind: "refused", reason: "token_invalid", detail: "expired" }],
		["the destination has none", { from: "shop", to: "till" }, undefined],
	])("nothing when %s", (_, ask, credential) => {
		expect(budgetsOf(LIMITED, ask, credential).rest).toEqual([]);
	});

	test("nothing without a limit", () => expect(budgetsOf(UNLIMITED, {}).rest).toEqual([]));
});

test.each([
	[{ kind: "none" }, false],
	[withToken(), false],
	[{ kind: "refused", reason: "token_invalid", detail: "signature" }, true],
	[{ kind: "refused", reason: "token_invalid", detail: "unknown_key" }, true],
	[{ kind: "refused", reason: "token_invalid", detail: "checksum" }, false],
	[{ kind: "refused", reason: "passport_context", detail: "network" }, false],
	[{ kind: "refused", reason: "proof_invalid", detail: "duplicate" }, true],
	[{ kind: "refused", reason: "proof_replayed", detail: "used" }, true],
	[{ kind: "refused", reason: "proof_nonce", detail: "stale" }, false],
	[{ kind: "refused", reason: "token_invalid", detail: "expired" }, false],
	[{ kind: "refused", reason: "token_revoked", detail: "token" }, false],
	[{ kind: "refused", reason: "keys_unavailable", detail: "stale" }, false],
] satisfies [CredentialVerdict, boolean][])("forged: %j %s", (credential, forged) => {
	expect(isForged(credential)).toBe(forged);
});

describe("what explain shows", () => {
	const traceOf = (snapshot: Snapshot, circumstances = {}) => {
		const trace: Trace = [];
		decideOn(snapshot, requestOf({}), { ...circumstances, trace });
		return trace.filter(({ step }) => step === "throttle" || step === "rate");
	};

	test("budgets with their figures, and no token's id", () => {
		expect(traceOf(LIMITED)).toEqual([
			{
				step: "throttle",
				result: "pass",
				note: "source orders: 5 a second, 10 at once",
			},
			{
				step: "rate",
				result: "pass",
				note: "domain internal: 5 a second, 10 at once; segment payments: 5 a second, 10 at once; token: 5 a second, 10 at once",
			},
		]);
	});

	test("defaults as such, and no budget as skipped", () => {
		expect(traceOf(UNLIMITED)[0]!.note).toBe("source orders: 10000 a second, 20000 at once (default)");
		expect(traceOf(UNLIMITED)[1]).toEqual({ step: "rate", result: "skipped", note: "no budget" });
	});

	test("which one is used up", () => {
		expect(traceOf(LIMITED, { throttle: overdrawn("forgeries", 1) })).toEqual([
			{ step: "throttle", result: "fail", reason: "source_throttled", detail: "forgeries" },
		]);
	});
});
