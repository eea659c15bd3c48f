/** `firebreak explain` without a server, against a real Postgres: made-up requests, older revisions, recorded decisions. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { accessTokenClaims, jwksOf, makeSigningKey, signToken } from "../demo/tokens.ts";
import { postgresSink } from "../src/audit/postgres-sink.ts";
import { decisionRecord } from "../src/audit/record.ts";
import { FirebreakError } from "../src/core/errors.ts";
import type { Explained, ExplainQuery } from "../src/core/explanation.ts";
import { explainOffline, explainRecorded } from "../src/explain.ts";
import { openDatabase } from "../src/store/pool.ts";
import { createTestDatabase, type TestDatabase } from "./support/postgres.ts";
import { requestOf } from "./support/requests.ts";

const ISSUER = "https://id.example.org";
const key = makeSigningKey("ES256", "k1");
const now = Date.now() / 1_000;
const token = (scope: string) =>
	signToken(key, accessTokenClaims({ issuer: ISSUER, audience: "payments", subject: "orders", scope, now }));

const SETUP = `
	select firebreak.owner('platform');
	select firebreak.domain('internal', owner => 'platform');
	select firebreak.issuer('${ISSUER}', domain => 'internal', audiences => array['payments'], jwks => '${JSON.stringify(jwksOf(key))}');
	select firebreak.segment('orders', domain => 'internal', environment => 'prod', owner => 'platform',
		members => array['spiffe://prod.example.org/ns/orders/*']);
	select firebreak.segment('payments', domain => 'internal', environment => 'prod', owner => 'platform',
		members => array['spiffe://prod.example.org/ns/payments/sa/payments'], probes => array['/healthz']);
	select firebreak.allow('read', source => 'orders', destination => 'payments', owner => 'platform',
		methods => array['GET'], paths => array['/v1/payments/{id}'], scopes => array['payments:read']);
`;

let database: TestDatabase;
let first: number;
let denying: number;
let last: number;

async function commit(sql: string): Promise<number> {
	const client = await database.connect();
	await client.query(`begin; ${sql}; commit`);
	const { rows } = await client.query<{ revision: string }>("select revision from firebreak.head");
	return Number(rows[0]?.revision);
}

beforeAll(async () => {
	database = await createTestDatabase();
	first = await commit(SETUP);
	denying = await commit(`select firebreak.deny('no-guests', source => 'orders', destination => 'payments',
		owner => 'platform', methods => array['*'], paths => array['/**'], scopes => array['guest'])`);
	last = await commit("select firebreak.remove('policy', 'read'), firebreak.remove('policy', 'no-guests')");
});
afterAll(() => database?.drop());

const ask = (some: Partial<ExplainQuery> = {}, revision: number | null = first): Promise<Explained> =>
	explainOffline(
		database.url,
		{
			source: "orders",
			destination: "payments",
			method: "GET",
			path: "/v1/payments/7",
			headers: {},
			token: token("payments:read"),
			at: null,
			...some,
		},
		revision,
	);

test("tells each step of an allowed request, and the rules that were considered", async () => {
	const { decision, steps } = await ask();
	expect(decision).toMatchObject({ reason: "allowed", policy: "read", revision: first });
	expect(steps.map(({ step }) => step)).toEqual([
		"fresh",
		"canonical",
		"enforcer",
		"source",
		"destination",
		"crossing",
		"throttle",
		"credential",
		"policy",
		"rate",
	]);
	expect(steps.find(({ step }) => step === "policy")?.rules).toEqual([
		{ policy: "read", effect: "allow", mode: "enforce", outcome: "match" },
	]);
});

test.each<[string, Partial<ExplainQuery>, object]>([
	["no token", { token: null }, { reason: "token_missing" }],
	["too small a token", { token: token("other") }, { reason: "scope_missing", missingScopes: ["payments:read"] }],
	["a token judged after its time", { at: Date.now() + 86_400_000 }, { reason: "token_invalid", detail: "expired" }],
	["a crafted path", { path: "/v1/payments/%2e%2e/admin" }, { reason: "ambiguous_request", detail: "encoded_dot" }],
	["anonymous", { source: "anonymous" }, { reason: "identity_missing" }],
	["a probe", { source: "anonymous", path: "/healthz" }, { reason: "allowed_probe" }],
	["a workload of no segment", { source: "spiffe://prod.example.org/ns/x" }, { reason: "source_unknown" }],
	["an unknown destination", { destination: "nowhere" }, { reason: "destination_unknown" }],
])("explains %s", async (_, some, expected) => {
	expect((await ask(some)).decision).toMatchObject(expected);
});

test("judges by the revision that it is asked for, and by the newest otherwise", async () => {
	expect((await ask({}, first)).decision.reason).toBe("allowed");
	expect((await ask({}, null)).decision).toMatchObject({ reason: "no_policy", revision: last });
});

test("a source that does not exist is an error that says so", async () => {
	await expect(ask({ source: "nobody" })).rejects.toMatchObject({
		code: "not_found",
		problems: [{ object: "source" }],
	});
});

test("explains a recorded decision by the revision and at the time of its record", async () => {
	const { decision } = await ask({ token: token("other") });
	const id = await record("recorded-1", decision);
	const explained = await explainRecorded(database.url, id);
	expect(explained.decision).toMatchObject({ reason: "scope_missing", policy: "read", revision: first });
	const credential = explained.steps.find(({ step }) => step === "credential");
	expect(credential).toMatchObject({ result: "pass", note: expect.stringContaining(ISSUER) });
});

test("a recorded denial by a scope that the token's registration takes away is one again", async () => {
	const claims = accessTokenClaims({
		issuer: ISSUER,
		audience: "payments",
		subject: "orders",
		scope: "payments:read guest",
		now,
	});
	const registered = `select firebreak.register_token('${ISSUER}', '${claims.jti}', 'platform', 'p',
		now() + interval '1 hour', scopes => array['payments:read'])`;
	await commit(registered);
	const { decision } = await ask({ token: signToken(key, claims) }, denying);
	expect(decision).toMatchObject({ reason: "policy_denied", policy: "no-guests" });
	expect(decision.token).toMatchObject({ scopes: ["payments:read"], allScopes: ["payments:read", "guest"] });
	const explained = await explainRecorded(database.url, await record("recorded-4", decision));
	expect(explained.decision).toMatchObject({ reason: "policy_denied", policy: "no-guests", revision: denying });
	// Where no rule denies guests, the registration still takes nothing from what it leaves.
	expect((await ask({ token: signToken(key, claims) }, first)).decision).toMatchObject({ reason: "allowed" });
});

test("a recorded refusal of a token is explained without the token", async () => {
	const { decision } = await ask({ token: `${token("x")}x` });
	const explained = await explainRecorded(database.url, await record("recorded-2", decision));
	expect(explained.decision).toMatchObject({ reason: "token_invalid", detail: decision.detail });
});

test("what cannot be explained any more is said, not guessed", async () => {
	await expect(explainRecorded(database.url, "nothing")).rejects.toMatchObject({ code: "not_found" });
	const { decision } = await ask();
	const id = await record("recorded-3", { ...decision, reason: "condition_error" });
	await expect(explainRecorded(database.url, id)).rejects.toThrow(FirebreakError);
	await expect(explainRecorded(database.url, id)).rejects.toMatchObject({ code: "unsupported" });
});

async function record(id: string, decision: Explained["decision"]): Promise<string> {
	const client = await database.connect();
	const { rows } = await client.query<{ epoch: string }>("select epoch from firebreak.head");
	const request = requestOf({
		from: "spiffe://prod.example.org/ns/orders/any",
		path: "/v1/payments/7",
		host: "explained.invalid",
	});
	const check = { id, at: Date.now(), decision, request, epoch: rows[0]!.epoch, audit: "full" as const };
	const store = openDatabase(database.url, { applicationName: "test" });
	try {
		await postgresSink(store).writeDecisions([decisionRecord("denial", { ...check, traceparent: undefined })]);
	} finally {
		await store.end();
	}
	return id;
}
