/** No credential gets into what people state, whoever writes it and however; and none comes back in an error. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import pg, { type Client } from "pg";
import { holdsCredential } from "../../../src/core/credential-text.ts";
import { API_KEY, CREDENTIALS, NO_CREDENTIALS, PEM, PIECES, TOKEN } from "../../cases/credential-texts.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { type Arguments, andRollBack, call, EXAMPLE, stateExample } from "./calls.ts";

let database: TestDatabase;
let client: Client;
let notices: string[] = [];
beforeAll(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	await stateExample(client);
	await call(client, "quarantine", { kind: "segment", name: "web", reason: "r" });
	client.on("notice", (notice) => notices.push(everythingOf(notice)));
});
afterEach(() => {
	notices = [];
});
afterAll(() => database?.drop());

const everythingOf = (said: object) => JSON.stringify({ ...said, message: (said as { message?: string }).message });

/** What the database says of each. */
async function found(texts: readonly string[]): Promise<boolean[]> {
	const { rows } = await client.query<{ found: boolean }>(
		"select firebreak.holds_credential(t) as found from unnest($1::text[]) with ordinality as given(t, n) order by n",
		[texts],
	);
	return rows.map((row) => row.found);
}

describe("the database finds what the program finds", () => {
	test("in every example", async () => {
		expect(await found(CREDENTIALS.map(({ text }) => text))).toEqual(CREDENTIALS.map(() => true));
		expect(await found(NO_CREDENTIALS)).toEqual(NO_CREDENTIALS.map(() => false));
	});

	test("in texts of pieces", async () => {
		const texts = fc.sample(
			fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join("")),
			{ numRuns: 20_000, seed: 28 },
		);
		const expected = texts.map(holdsCredential);
		expect(new Set(expected).size).toBe(2);
		const said = await found(texts);
		expect(texts.filter((_, index) => said[index] !== expected[index])).toEqual([]);
	});
});

const SECRETS = [
	["token", TOKEN, TOKEN.split(".")[2]!],
	["API key", API_KEY, API_KEY.slice(4, 40)],
	["private key", PEM, PEM.split("\n")[1]!],
	["password", "postgres://u:hunter2-hunter2@db/x", "hunter2"],
] as const;

const ISSUER = "https://id.example.org";
const KEY = `${"k".repeat(42)}A`;
const LANE: readonly (readonly [string, Arguments])[] = [
	["revoke_token", { issuer: ISSUER, token_id: "j", reason: "r" }],
	["revoke_before", { issuer: ISSUER, issued_before: "2026-01-01Z", reason: "r", subject: "alice" }],
	["retire_token", { issuer: ISSUER, token_id: "j", at: "2036-01-01Z", reason: "r" }],
	["quarantine", { kind: "segment", name: "orders", reason: "r" }],
	["quarantine", { kind: "workload", name: "spiffe://a/b", reason: "r" }],
	["quarantine", { kind: "issuer", name: ISSUER, reason: "r" }],
	["quarantine", { kind: "key", name: KEY, reason: "r" }],
	["lift", { kind: "segment", name: "web", reason: "r" }],
	[
		"register_token",
		{
			issuer: ISSUER,
			token_id: "j",
			owner: "orders",
			purpose: "p",
			expires: "2036-01-01Z",
			subject: "alice",
			scopes: ["a"],
			sources: ["orders"],
			destinations: ["payments"],
			environment: "prod",
			device: KEY,
			binding: `jkt:${KEY}`,
		},
	],
	[
		"publish_key",
		{
			domain: "internal",
			kid: "k1",
			jwk: {
				kty: "OKP",
				crv: "Ed25519",
				x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
				use: "sig",
				alg: "EdDSA",
				kid: "k1",
			},
			signs_from: "2026-01-01Z",
			reason: "r",
		},
	],
];
const POLICY: readonly (readonly [string, Arguments])[] = EXAMPLE.map(([name, args]) =>
	name === "allow" || name === "deny" ? [name, { ...args, condition: "true", reason: "r" }] : [name, args],
);

const INSTANTS = new Set(["issued_before", "at", "expires", "signs_from"]);

/** Each text argument of each call in turn with the secret in it, alone and within a text, and in its lists. */
const planted = [...LANE, ...POLICY].flatMap(([name, args]) =>
	Object.entries(args).flatMap(([argument, value]): [string, string, Arguments][] => {
		// Postgres itself reads instants, and quotes what is none; the command line and HTTP have read them before.
		if (INSTANTS.has(argument)) return [];
		const having = (over: unknown): [string, string, Arguments] => [name, argument, { ...args, [argument]: over }];
		if (typeof value === "string") return [having("SECRET"), having("x SECRET")];
		if (Array.isArray(value)) return [having(["SECRET"])];
		if (typeof value === "object" && value !== null) return [having({ ...value, note: "SECRET" })];
		return [];
	}),
);

const plant = (args: Arguments, secret: string): Arguments =>
	Object.fromEntries(
		Object.entries(args).map(([name, value]) => [
			name,
			typeof value === "string"
				? value.replace("SECRET", secret)
				: Array.isArray(value)
					? value.map((element: string) => element.replace("SECRET", secret))
					: typeof value === "object" && value !== null && "note" in value
						? { ...value, note: secret }
						: value,
		]),
	);

describe.each(SECRETS)("a %s", (_, secret, telling) => {
	test.each(planted)("in %s, %s, is refused and not repeated", async (name, _argument, args) => {
		const error = await andRollBack(client, async () => {
			try {
				await call(client, name, plant(args, secret));
				return null;
			} catch (thrown) {
				return thrown as Error;
			}
		});
		// Neither function nor table took it: whatever was wrong, nothing tells of the value.
		expect(error).toBeInstanceOf(pg.DatabaseError);
		expect(everythingOf(error!)).not.toContain(telling);
		expect(notices.filter((notice) => notice.includes(telling))).toEqual([]);
	});
});

describe("the last line", () => {
	const raw: readonly (readonly [string, string])[] = [
		["revocation, key", "insert into firebreak.revocation (kind, key, payload, reason) values ('lift', $1, '{}', 'r')"],
		[
			"revocation, token_id",
			`insert into firebreak.revocation (kind, key, payload, reason)
				values ('revoke_token', 'k', jsonb_build_object('token_id', $1::text), 'r')`,
		],
		[
			"revocation, payload",
			`insert into firebreak.revocation (kind, key, payload, reason) values ('lift', 'k', jsonb_build_array($1::text), 'r')`,
		],
		[
			"revocation, reason",
			"insert into firebreak.revocation (kind, key, payload, reason) values ('lift', 'k', null, $1)",
		],
		[
			"passport, purpose",
			"insert into firebreak.passport (issuer, token_id, owner, purpose, expires) values ('https://i', 'j', 'orders', $1, now())",
		],
		["policy, reason", "update firebreak.policy set reason = $1 where name = 'no-cards'"],
		["crossing, reason", "update firebreak.crossing set reason = $1 where name = 'web-to-internal'"],
	];
	test.each(raw)("%s: a row is refused without the functions, naming the column", async (place, sql) => {
		const [table, column] = place.split(", ");
		for (const [, secret, telling] of SECRETS) {
			const error = await andRollBack(client, () =>
				client.query(sql, [`see ${secret}`]).then(
					() => null,
					(thrown) => thrown,
				),
			);
			expect(error).toMatchObject({ code: "23514", table, column, schema: "firebreak", detail: undefined });
			expect(error.message).toContain("holds a credential itself (not repeated here)");
			expect(everythingOf(error)).not.toContain(telling);
		}
	});

	test("what is none is taken as it is", async () => {
		const told = NO_CREDENTIALS.filter((text) => text.trim() !== "");
		for (const reason of told) await call(client, "revoke_token", { issuer: ISSUER, token_id: "mine", reason });
		const { rows } = await client.query(
			"select reason from firebreak.revocation where kind = 'revoke_token' order by seq",
		);
		expect(rows.map(({ reason }) => reason)).toEqual(told);
	});
});
