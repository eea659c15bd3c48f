/** Public halves of domains' signing keys: published, told to servers, withdrawn, and never anything else. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { type Arguments, call, refusalOf, stateExample } from "./calls.ts";

const jwk = (change: Arguments = {}) => ({
	kty: "OKP",
	crv: "Ed25519",
	x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
	use: "sig",
	alg: "EdDSA",
	kid: "k1",
	...change,
});
const KEY = { domain: "internal", kid: "k1", jwk: jwk(), signs_from: "2026-01-01T00:00:00.5Z", reason: "first" };

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	await stateExample(client);
});
afterAll(() => database?.drop());
beforeEach(() => client.query("begin"));
afterEach(() => client.query("rollback"));

const rows = async (text: string, ...values: unknown[]) => (await client.query(text, values)).rows;
const lane = () => rows("select kind, key, payload, until, reason from firebreak.revocation order by seq");
const payload = { domain: "internal", kid: "k1", jwk: jwk(), from: 1767225600.5 };

test("a key is published, withdrawn from an instant on, and withdrawn earlier", async () => {
	expect(await call(client, "publish_key", KEY)).toBe("1");
	expect(await call(client, "publish_key", KEY)).toBe("1");
	const withdraw = (until: string, reason = "rotated") =>
		call(client, "withdraw_key", { domain: "internal", kid: "k1", until, reason });
	expect(await withdraw("2036-01-01Z")).toBe("2");
	expect(await withdraw("2036-01-01Z")).toBe("2");
	expect(await withdraw("2035-01-01Z", "sooner")).toBe("3");
	const row = { kind: "domain_key", key: "internal k1", payload };
	expect(await lane()).toEqual([
		{ ...row, until: null, reason: "first" },
		{ ...row, until: new Date("2036-01-01Z"), reason: "rotated" },
		{ ...row, until: new Date("2035-01-01Z"), reason: "sooner" },
	]);
	expect(await rows("select domain, kid, jwk, until, by from firebreak.domain_key")).toEqual([
		{ domain: "internal", kid: "k1", jwk: jwk(), until: new Date("2035-01-01Z"), by: new URL(database.url).username },
	]);
});

test("what is over stays so", async () => {
	await call(client, "publish_key", { ...KEY, until: "2026-01-02Z" });
	for (const until of ["2036-01-01Z", null]) {
		expect(await refusalOf(() => attempt(() => call(client, "publish_key", { ...KEY, until })))).toMatchObject({
			code: "55000",
			column: "until",
		});
	}
	const again = { domain: "internal", kid: "k1", until: "2036-01-01Z", reason: "r" };
	expect(await refusalOf(() => attempt(() => call(client, "withdraw_key", again)))).toMatchObject({ code: "55000" });
});

test("published again without an end it keeps the one that is set", async () => {
	await call(client, "publish_key", { ...KEY, until: "2036-01-01Z" });
	expect(await call(client, "publish_key", KEY)).toBe("1");
	expect(await call(client, "publish_key", { ...KEY, reason: "again" })).toBe("2");
	await call(client, "withdraw_key", { domain: "internal", kid: "k1", until: "2035-01-01Z", reason: "sooner" });
	await call(client, "publish_key", { ...KEY, reason: "once more" });
	const ends = (await lane()).map(({ until }) => (until as Date).getUTCFullYear());
	expect(ends).toEqual([2036, 2036, 2035, 2035]);
	expect(await rows("select until, reason from firebreak.domain_key")).toEqual([
		{ until: new Date("2035-01-01Z"), reason: "once more" },
	]);
	await call(client, "publish_key", { ...KEY, until: "2037-01-01Z" });
	expect(await rows("select until from firebreak.domain_key")).toEqual([{ until: new Date("2037-01-01Z") }]);
});

test("two domains may use one kid", async () => {
	await call(client, "publish_key", KEY);
	await call(client, "publish_key", { ...KEY, domain: "public" });
	expect((await lane()).map(({ key }) => key)).toEqual(["internal k1", "public k1"]);
});

test.each<[column: string, args: Arguments, code?: string]>([
	["domain", { domain: "a b" }],
	["domain", { domain: null }, "23502"],
	["kid", { kid: "../x", jwk: jwk({ kid: "../x" }) }],
	["kid", { kid: "k".repeat(256), jwk: jwk({ kid: "k".repeat(256) }) }],
	["jwk", { jwk: jwk({ kid: "k2" }) }],
	["jwk", { jwk: jwk({ use: "enc" }) }],
	["jwk", { jwk: jwk({ alg: "HS256" }) }],
	["jwk", { jwk: jwk({ alg: undefined }) }],
	["jwk", { jwk: jwk({ d: "secret" }) }],
	["jwk", { jwk: jwk({ k: "secret" }) }],
	["jwk", { jwk: { kty: "oct", use: "sig", alg: "EdDSA", kid: "k1" } }],
	["jwk", { jwk: jwk({ x: "a".repeat(8192) }) }],
	["jwk", { jwk: "[]" }],
	["until", { until: "infinity" }],
	["until", { signs_from: "-infinity" }],
	["reason", { reason: "" }],
	["reason", { reason: null }, "23502"],
])("is refused: %s of %j", async (column, args, code = "23514") => {
	expect(await refusalOf(() => call(client, "publish_key", { ...KEY, ...args }))).toMatchObject({ column, code });
});

test("a kid is given to one key only", async () => {
	await call(client, "publish_key", KEY);
	const other = { ...KEY, jwk: jwk({ x: `${jwk().x.slice(0, -1)}p` }) };
	expect(await refusalOf(() => attempt(() => call(client, "publish_key", other)))).toMatchObject({ code: "23505" });
	const later = { ...KEY, signs_from: "2026-02-01Z" };
	expect(await refusalOf(() => attempt(() => call(client, "publish_key", later)))).toMatchObject({ code: "23505" });
});

test("what is not published cannot be withdrawn", async () => {
	const args = { domain: "internal", kid: "none", until: "2036-01-01Z", reason: "r" };
	expect(await refusalOf(() => call(client, "withdraw_key", args))).toMatchObject({ code: "42704", column: "kid" });
});

test("a domain that is not stated is warned of", async () => {
	const warnings: (string | undefined)[] = [];
	client.on("notice", ({ message }) => warnings.push(message));
	await call(client, "publish_key", { ...KEY, domain: "later" });
	expect(warnings).toEqual(["domain_key k1: no domain later is stated; it takes effect all the same"]);
});

test("policy files may not publish keys", async () => {
	await client.query("select set_config('firebreak.migration', 'orders/20260101000000_x', true)");
	expect(await refusalOf(() => call(client, "publish_key", KEY))).toMatchObject({ code: "55000" });
});

/** What fails inside a transaction takes it along, but for a savepoint. */
async function attempt(action: () => Promise<unknown>): Promise<unknown> {
	await client.query("savepoint before");
	try {
		return await action();
	} catch (error) {
		await client.query("rollback to before");
		throw error;
	}
}
