/** The longest ids and subjects that servers accept, through everything that registers, revokes, records and counts them. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { postgresSink } from "../../../src/audit/postgres-sink.ts";
import { decisionRecord } from "../../../src/audit/record.ts";
import { Lane } from "../../../src/core/lane/lane.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { recordedText } from "../../../src/core/recorded.ts";
import { deniedCheck } from "../../support/checks.ts";
import { TOKEN } from "../../support/decisions.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { call, refusalOf, stateExample } from "./calls.ts";

/** As long as the schema lets an issuer's be. Random, since Postgres compresses what repeats itself. */
const noise = (length: number) => randomBytes(length).toString("base64url").slice(0, length);
const issuerOf = (bytes: number) => `https://id.example.org/${noise(bytes - "https://id.example.org/".length)}`;
const ISSUER = issuerOf(1_024);
const wide = (bytes: number) =>
	Array.from(randomBytes(bytes / 4), (byte) => String.fromCodePoint(0x1f300 + byte)).join("");
const EXPIRES = "2036-01-01Z";

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	await stateExample(client);
	const text =
		"select firebreak.issuer(url => $1, domain => 'internal', audiences => '{api}', jwks_uri => 'https://id.example.org/keys')";
	await client.query(text, [ISSUER]);
});
afterAll(() => database?.drop());

const laneNow = async () => {
	const lane = new Lane();
	const { rows } = await client.query("select kind, payload, until from firebreak.revocation order by seq");
	for (const { kind, payload, until } of rows) lane.restore({ kind, payload, until: until?.getTime() ?? null });
	return lane;
};
const tokenOf = (id: string, subject: string) => ({
	issuer: ISSUER,
	id,
	subject,
	issuedAt: Date.UTC(2026, 0, 1) / 1_000,
	keyThumbprint: null,
});

describe.each([
	["one byte a character", noise(LIMITS.tokenIdBytes), noise(LIMITS.subjectBytes)],
	["four bytes a character", wide(LIMITS.tokenIdBytes), wide(LIMITS.subjectBytes)],
])("with %s", (_, id, subject) => {
	test("they are as long as servers accept them", () => {
		expect([id, subject].map((text) => Buffer.byteLength(text))).toEqual([LIMITS.tokenIdBytes, LIMITS.subjectBytes]);
	});

	test("a token of theirs is registered, and revoked by its id", async () => {
		const named = { issuer: ISSUER, token_id: id };
		const told = { owner: "orders", purpose: "p", expires: EXPIRES, subject };
		expect(await call(client, "register_token", { ...named, ...told })).not.toBeNull();
		expect(await call(client, "retire_token", { ...named, at: "2026-01-01Z", reason: "r" })).not.toBeNull();
		await call(client, "revoke_token", { ...named, reason: "leaked" });
		expect((await laneNow()).revocationOf(tokenOf(id, "s"), Date.now())).toBe("token");
		expect((await laneNow()).revocationOf(tokenOf("another", "s"), Date.now())).toBeNull();
	});

	test("and by its subject", async () => {
		await call(client, "revoke_before", { issuer: ISSUER, issued_before: "2026-02-01Z", reason: "left", subject });
		expect((await laneNow()).revocationOf(tokenOf("t", subject), Date.now())).toBe("before");
		expect((await laneNow()).revocationOf(tokenOf("t", `${subject}x`), Date.now())).toBeNull();
	});

	test("its uses are recorded whole, and counted", async () => {
		expect(recordedText(id)).toBe(id);
		const sink = postgresSink({ withClient: (work) => work(client) });
		const at = Date.UTC(2026, 0, 1);
		const token = { ...TOKEN, issuer: ISSUER, id };
		await sink.writeDecisions([decisionRecord("denial", deniedCheck({ token }, { id: `d-${id.length}`, at }))]);
		const ends = { source: "a", destination: "b", operation: "p", count: 1, first: at, last: at };
		await sink.writeFlows([{ minute: at, ...ends, tokenIssuer: ISSUER, tokenId: id }]);
		await sink.writeUses([{ issuer: ISSUER, tokenId: id, count: 7, last: at }]);
		const { rows } = await client.query(
			`select uses::int, (select count(*)::int from firebreak.decision d where d.token_issuer = p.issuer and d.token_id = p.token_id)
				as decisions, (select count(*)::int from firebreak.flow f where f.token_issuer = p.issuer and f.token_id = p.token_id) as flows
			from firebreak.passport p where issuer = $1 and token_id = $2`,
			[ISSUER, id],
		);
		expect(rows).toEqual([{ uses: 7, decisions: 1, flows: 1 }]);
	});
});

describe("what is longer is refused, and says so", () => {
	const long = (bytes: number) => `${wide(bytes)}\u00e9`;
	test.each([
		["revoke_token", { issuer: ISSUER, token_id: long(LIMITS.tokenIdBytes), reason: "r" }, "1024 bytes"],
		["retire_token", { issuer: ISSUER, token_id: long(LIMITS.tokenIdBytes), at: EXPIRES, reason: "r" }, "1024 bytes"],
		[
			"revoke_before",
			{ issuer: ISSUER, issued_before: EXPIRES, reason: "r", subject: long(LIMITS.subjectBytes) },
			"2048 bytes",
		],
		[
			"register_token",
			{ issuer: ISSUER, token_id: long(LIMITS.tokenIdBytes), owner: "orders", purpose: "p", expires: EXPIRES },
			"1024 bytes",
		],
		[
			"register_token",
			{
				issuer: ISSUER,
				token_id: "j",
				owner: "orders",
				purpose: "p",
				expires: EXPIRES,
				subject: long(LIMITS.subjectBytes),
			},
			"2048 bytes",
		],
		["revoke_token", { issuer: issuerOf(1_025), token_id: "j", reason: "r" }, "1024 bytes"],
		[
			"issuer",
			{ url: issuerOf(1_025), domain: "internal", audiences: ["api"], jwks_uri: "https://id.example.org/keys" },
			"1024 bytes",
		],
	])("%s, case %#", async (name, given, wanted) => {
		expect((await refusalOf(() => call(client, name, given))).message).toContain(wanted);
	});
});
