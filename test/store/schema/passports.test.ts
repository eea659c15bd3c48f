/** Passports of tokens: what may be stated, what of it servers are told, and what traffic adds. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Client } from "pg";
import { LIMITS } from "../../../src/core/limits.ts";
import { readPassport } from "../../../src/core/passport/passport.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { type Arguments, andRollBack, call, headOf, refusalOf, stateExample } from "./calls.ts";

const ISSUER = "https://id.example.org";
const HASH = "g".repeat(43);
const WINDOW = { days: ["mon", "tue"], from: "08:00", until: "18:00", zone: "Europe/Berlin" };
const TOKEN = { issuer: ISSUER, token_id: "j", owner: "orders", purpose: "nightly", expires: "2036-01-01Z" };
const FULL = {
	...TOKEN,
	subject: "svc",
	scopes: ["payments:read"],
	sources: ["orders", "spiffe://prod.example.org/ns/orders/sa/orders"],
	destinations: ["payments"],
	networks: ["10.0.0.0/8", "::ffff:10.0.0.0/104", "fd00::/8"],
	environment: "prod",
	device: HASH,
	windows: JSON.stringify([WINDOW]),
	not_before: "2025-01-01Z",
	binding: `jkt:${HASH}`,
};
const PASSPORT = {
	owner: "orders",
	purpose: "nightly",
	sources: FULL.sources,
	destinations: ["payments"],
	networks: FULL.networks,
	environment: "prod",
	device: HASH,
	windows: [WINDOW],
};

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	await stateExample(client);
});
afterAll(() => database?.drop());

const rows = async (text: string, ...values: unknown[]) => (await client.query(text, values)).rows;
const lane = () => rows("select kind, key, payload, reason from firebreak.revocation order by seq");

describe("in a transaction that stays open", () => {
	beforeEach(() => client.query("begin"));
	afterEach(() => client.query("rollback"));

	test("a registered token's restrictions are told to servers, for as long as the token may live", async () => {
		expect(await call(client, "register_token", FULL)).toBe("1");
		expect(await lane()).toEqual([
			{
				kind: "passport",
				key: `${ISSUER} j`,
				payload: {
					issuer: ISSUER,
					token_id: "j",
					expires: 2082758400,
					not_before: 1735689600,
					scopes: ["payments:read"],
					binding: { jkt: HASH },
					passport: PASSPORT,
				},
				reason: "nightly",
			},
		]);
		const outlives = "select until > '2036-01-01Z'::timestamptz + interval '366 days' as yes from firebreak.revocation";
		expect(await rows(outlives)).toEqual([{ yes: true }]);
	});

	test("what does not restrict is left out", async () => {
		await call(client, "register_token", TOKEN);
		const [{ payload }] = await lane();
		expect(payload).toEqual({
			issuer: ISSUER,
			token_id: "j",
			expires: 2082758400,
			scopes: [],
			passport: { owner: "orders", purpose: "nightly" },
		});
	});

	test("an API key is told by its digest, with whom it speaks for", async () => {
		const key = { ...TOKEN, kind: "api_key", digest: HASH, subject: "svc", binding: `x5t#S256:${HASH}` };
		expect(await call(client, "register_token", key)).toBe("1");
		const [{ kind, payload }] = await lane();
		expect(kind).toBe("api_key");
		expect(payload).toMatchObject({ digest: HASH, subject: "svc", binding: { "x5t#S256": HASH }, scopes: [] });
		expect(Math.abs(payload.issued_at - Date.now() / 1_000)).toBeLessThan(600);
		expect(JSON.stringify(await rows("select * from firebreak.passport"))).toContain(HASH);
	});

	test("a token that carries its passport is kept as a record alone", async () => {
		expect(await call(client, "register_token", { ...FULL, kind: "issued" })).toBeNull();
		expect(await lane()).toEqual([]);
		expect(await rows("select kind, subject, uses, last_seen, created_by from firebreak.passport")).toEqual([
			{ kind: "issued", subject: "svc", uses: "0", last_seen: null, created_by: new URL(database.url).username },
		]);
	});

	test("saying the same again changes nothing; saying it otherwise is told anew", async () => {
		await call(client, "register_token", FULL);
		expect(await call(client, "register_token", FULL)).toBe("1");
		expect(await call(client, "register_token", { ...FULL, environment: null })).toBe("2");
		const [, { payload }] = await lane();
		expect(payload.passport).not.toHaveProperty("environment");
		expect((await headOf(client)).revision).toBe(1);
	});

	test("plain SQL is told to servers too, and nobody is written down but who did it", async () => {
		await call(client, "register_token", TOKEN);
		await client.query("update firebreak.passport set networks = '{10.0.0.0/8}'");
		expect((await lane()).at(-1)!.payload.passport.networks).toEqual(["10.0.0.0/8"]);
		await client.query(
			`insert into firebreak.passport (issuer, token_id, owner, purpose, expires, created_by, created_at, uses)
			values ($1, 'forged', 'orders', 'p', '2036-01-01Z', 'eve', '2001-01-01Z', 9)`,
			[ISSUER],
		);
		expect(
			await rows(
				"select created_by, created_at > '2002-01-01Z' as now, uses from firebreak.passport where token_id = 'forged'",
			),
		).toEqual([{ created_by: new URL(database.url).username, now: true, uses: "0" }]);
	});

	test("uses are added up, and tell servers nothing", async () => {
		for (const token_id of ["a", "b"]) await call(client, "register_token", { ...TOKEN, token_id });
		const use = (token_id: string, count: number, last: string) => ({ issuer: ISSUER, token_id, count, last });
		const counted = (...uses: object[]) => client.query("select firebreak.count_uses($1)", [JSON.stringify(uses)]);
		await counted(use("b", 2, "2026-01-01T00:00:05Z"), use("b", 3, "2026-01-01T00:00:04Z"));
		await counted(use("b", 1, "2026-01-01T00:00:01Z"), use("unknown", 1, "2026-01-01Z"), use("a", -1, "2026-01-01Z"));
		expect(await rows("select token_id, uses, last_seen from firebreak.passport order by 1")).toEqual([
			{ token_id: "a", uses: "0", last_seen: null },
			{ token_id: "b", uses: "6", last_seen: new Date("2026-01-01T00:00:05Z") },
		]);
		expect(await lane()).toHaveLength(2);
	});

	test("a token is retired at an instant, and says what took its place", async () => {
		await call(client, "register_token", TOKEN);
		const args = { issuer: ISSUER, token_id: "j", at: "2026-01-01T00:00:00.25Z", reason: "rotated", replaced_by: "k" };
		expect(await call(client, "retire_token", args)).toBe("2");
		expect(await call(client, "retire_token", args)).toBe("2");
		const [, { kind, key, payload }] = await lane();
		expect([kind, key]).toEqual(["revoke_token", `${ISSUER} j`]);
		expect(payload).toEqual({ issuer: ISSUER, token_id: "j", from: 1767225600.25 });
		expect(await rows("select replaced_by from firebreak.passport")).toEqual([{ replaced_by: "k" }]);
		expect(await call(client, "revoke_token", { issuer: ISSUER, token_id: "j", reason: "leaked" })).toBe("3");
	});

	test("one that is over may be deleted", async () => {
		await call(client, "register_token", { ...TOKEN, expires: "2001-01-01Z" });
		expect((await client.query("delete from firebreak.passport")).rowCount).toBe(1);
	});

	test("policy files may write none of it", async () => {
		await call(client, "register_token", { ...TOKEN, kind: "issued", token_id: "there" });
		await client.query("select set_config('firebreak.migration', 'orders/20260101000000_x', true)");
		const refusal = await refusalOf(() => call(client, "register_token", { ...TOKEN, kind: "issued" }));
		expect(refusal).toMatchObject({
			code: "55000",
			message: "passport j: a policy file may not write tokens and keys",
		});
	});

	test("the lock of a run counts, whatever the file does to its settings", async () => {
		await client.query("select pg_advisory_xact_lock(1179210309, 1112687947)");
		await expect(call(client, "register_token", { ...TOKEN, kind: "issued" })).rejects.toMatchObject({ code: "55000" });
	});
});

describe("is refused", () => {
	const windows = (change: Arguments) => JSON.stringify([{ ...WINDOW, ...change }]);
	test.each<[column: string, args: Arguments, code?: string]>([
		["issuer", { issuer: "id.example.org" }],
		["token_id", { token_id: "" }],
		["token_id", { token_id: "j".repeat(1025) }],
		["owner", { owner: null }, "23502"],
		["owner", { owner: "nobody" }, "42704"],
		["purpose", { purpose: null }, "23502"],
		["purpose", { purpose: " " }],
		["purpose", { purpose: "a\nb" }],
		["expires", { expires: null }, "23502"],
		["expires", { expires: "infinity" }],
		["expires", { expires: "2026-01-01Z", not_before: "2026-01-01Z" }],
		["expires", { not_before: "-infinity" }],
		["kind", { kind: "other" }],
		["digest", { kind: "api_key", subject: "s" }],
		["digest", { digest: HASH }],
		["subject", { kind: "api_key", digest: HASH }],
		["scopes", { scopes: ["a b"] }],
		["sources", { sources: ["*"] }],
		["sources", { sources: ["spiffe://a/*"] }],
		["sources", { sources: [null] }],
		["sources", { sources: Array(LIMITS.listItems + 1).fill("a") }],
		["destinations", { destinations: ["spiffe://a/b"] }],
		["networks", { networks: [null] }],
		["networks", { networks: Array.from({ length: LIMITS.passportNetworks + 1 }, (_, i) => `10.0.${i}.0/24`) }],
		["environment", { environment: "anonymous" }],
		["device", { device: "short" }],
		["binding", { binding: HASH }],
		["windows", { windows: "{}" }],
		["windows", { windows: JSON.stringify(Array(LIMITS.passportWindows + 1).fill(WINDOW)) }],
		["windows", { windows: JSON.stringify(["always"]) }],
		["windows", { windows: windows({ from: "24:00" }) }],
		["windows", { windows: windows({ from: "8:00" }) }],
		["windows", { windows: windows({ from: 8 }) }],
		["windows", { windows: windows({ until: "24:01" }) }],
		["windows", { windows: windows({ zone: "+01:00" }) }],
		["windows", { windows: windows({ zone: "Europe/Atlantis" }) }],
		["windows", { windows: windows({ days: [] }) }],
		["windows", { windows: windows({ days: ["Monday"] }) }],
		["windows", { windows: windows({ except: "2026-01-01" }) }],
	])("%s of %j", async (column, args, code = "23514") => {
		await andRollBack(client, async () => {
			const refusal = await refusalOf(() => call(client, "register_token", { ...TOKEN, ...args }));
			expect(refusal).toMatchObject({ column, code });
		});
	});

	test("a network with bits of a host", () =>
		andRollBack(client, () =>
			expect(call(client, "register_token", { ...TOKEN, networks: ["10.0.0.1/8"] })).rejects.toMatchObject({
				code: "22P02",
			}),
		));

	test.each<[string, Arguments, Arguments]>([
		["a token that was issued otherwise", { kind: "issued" }, { kind: "issued", scopes: ["a"] }],
		["another kind", { kind: "issued" }, { kind: "registered" }],
		[
			"another API key's id",
			{ kind: "api_key", subject: "s", digest: HASH },
			{ kind: "api_key", subject: "s", digest: "k".repeat(43) },
		],
	])("%s", async (_, first, second) => {
		await andRollBack(client, async () => {
			await call(client, "register_token", { ...TOKEN, ...first });
			const refusal = await refusalOf(() => call(client, "register_token", { ...TOKEN, ...second }));
			expect(refusal).toMatchObject({ code: "23505", column: "token_id" });
		});
	});

	test("the same digest twice", async () => {
		await andRollBack(client, async () => {
			const key = { ...TOKEN, kind: "api_key", digest: HASH, subject: "s" };
			await call(client, "register_token", key);
			await expect(call(client, "register_token", { ...key, token_id: "k" })).rejects.toMatchObject({ code: "23505" });
		});
	});

	test("deleting one that is not over", async () => {
		await andRollBack(client, async () => {
			await call(client, "register_token", TOKEN);
			expect(await refusalOf(() => client.query("delete from firebreak.passport"))).toMatchObject({ code: "55000" });
		});
	});
});

test("whatever the database accepts, servers can read", async () => {
	const often = <T>(good: fc.Arbitrary<T>, bad: fc.Arbitrary<T>) =>
		fc.oneof({ arbitrary: good, weight: 15 }, { arbitrary: bad, weight: 1 });
	const word = often(
		fc.constantFrom("orders", "web"),
		fc.constantFrom("spiffe://a/b", "é", "a b", "*", "anonymous", ""),
	);
	const time = often(fc.constantFrom("00:00", "08:30", "23:59"), fc.constantFrom("24:00", "7:00", ""));
	const window = fc.record(
		{
			days: fc.array(often(fc.constantFrom("mon", "sun", "sat"), fc.constantFrom("Mon", "")), {
				minLength: 1,
				maxLength: 3,
			}),
			from: time,
			until: time,
			zone: fc.constantFrom(
				"UTC",
				"Europe/Berlin",
				"America/Argentina/Buenos_Aires",
				"Asia/Kathmandu",
				"EST5EDT",
				"GMT",
				"Etc/GMT+3",
				"Mars/Olympus",
			),
		},
		{ requiredKeys: ["from", "until", "zone"] },
	);
	const network = fc.constantFrom(
		"10.0.0.0/8",
		"0.0.0.0/0",
		"::/0",
		"::ffff:0:0/96",
		"::ffff:1.2.3.4/128",
		"fd00::/8",
		"1.2.3.4/32",
		"2001:db8::1/128",
		"::1.2.3.4/128",
	);
	let readable = 0;
	await fc.assert(
		fc.asyncProperty(
			fc.record({
				purpose: fc.string({ unit: "binary", minLength: 1, maxLength: 3 }),
				sources: fc.array(word, { maxLength: 2 }),
				destinations: fc.array(word, { maxLength: 2 }),
				networks: fc.array(network, { maxLength: 3 }),
				environment: fc.option(word),
				windows: fc.array(window, { maxLength: 2 }).map((list) => JSON.stringify(list)),
			}),
			(args) =>
				andRollBack(client, async () => {
					const accepted = await call(client, "register_token", { ...TOKEN, ...args }).then(
						() => true,
						() => false,
					);
					if (!accepted) return;
					readable++;
					const [{ payload }] = await lane();
					expect(readPassport(payload.passport)).toHaveProperty("owner");
				}),
		),
		{ numRuns: 300 },
	);
	expect(readable).toBeGreaterThan(30);
});
