import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Client, Notification } from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { call, headOf, inTransaction, refusalOf, stateExample, untilBlocked } from "./calls.ts";

let database: TestDatabase;
let client: Client;
beforeEach(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	await stateExample(client);
});
afterEach(() => database?.drop());

const ISSUER = "https://id.example.org";
const rows = async (text: string, ...values: unknown[]) => (await client.query(text, values)).rows;
const quarantined = async () =>
	(await rows("select kind || ':' || name as what from firebreak.quarantine order by 1")).map(({ what }) => what);

test("every function appends one row that says what servers need", async () => {
	await call(client, "revoke_token", { issuer: ISSUER, token_id: "j 1", reason: "leaked" });
	await call(client, "revoke_before", { issuer: ISSUER, issued_before: "2026-01-01T00:00:00.5Z", reason: "rotated" });
	await call(client, "revoke_before", {
		issuer: ISSUER,
		issued_before: "2026-01-01Z",
		reason: "left",
		subject: "alice",
	});
	await call(client, "quarantine", { kind: "workload", name: "spiffe://a/b", reason: "odd", until: "2001-01-01Z" });
	await call(client, "quarantine", { kind: "key", name: "k".repeat(43), reason: "leaked" });
	await call(client, "lift", { kind: "key", name: "k".repeat(43), reason: "it was not" });
	expect(
		await rows(
			"select seq::int, kind, key, payload, until is null as forever, reason, by from firebreak.revocation order by 1",
		),
	).toEqual(
		[
			["revoke_token", `${ISSUER} j 1`, { issuer: ISSUER, token_id: "j 1" }, false, "leaked"],
			["revoke_before", ISSUER, { issuer: ISSUER, issued_before: 1767225600.5, subject: null }, false, "rotated"],
			[
				"revoke_before",
				`${ISSUER} alice`,
				{ issuer: ISSUER, issued_before: 1767225600, subject: "alice" },
				false,
				"left",
			],
			["quarantine", "workload:spiffe://a/b", { kind: "workload", name: "spiffe://a/b" }, false, "odd"],
			["quarantine", `key:${"k".repeat(43)}`, { kind: "key", name: "k".repeat(43) }, true, "leaked"],
			["lift", `key:${"k".repeat(43)}`, { kind: "key", name: "k".repeat(43) }, true, "it was not"],
		].map(([kind, key, payload, forever, reason], i) => ({
			seq: i + 1,
			kind,
			key,
			payload,
			forever,
			reason,
			by: new URL(database.url).username,
		})),
	);
	expect(await headOf(client)).toMatchObject({ revision: 1, seq: 6 });
});

test("a revocation outlives every token that an issuer may grant", async () => {
	await call(client, "revoke_token", { issuer: ISSUER, token_id: "j", reason: "leaked" });
	await call(client, "issuer", {
		url: ISSUER,
		domain: "internal",
		audiences: ["a"],
		jwks_uri: "https://k",
		max_lifetime: "366 days",
	});
	const outlives = "select r.until > now() + i.max_lifetime as yes from firebreak.revocation r, firebreak.issuer i";
	expect(await rows(outlives)).toEqual([{ yes: true }]);
	await call(client, "revoke_before", { issuer: ISSUER, issued_before: "2040-01-01Z", reason: "in advance" });
	const last = "select until > '2041-01-01Z' as yes from firebreak.revocation order by seq desc limit 1";
	expect(await rows(last)).toEqual([{ yes: true }]);
});

test("saying the same again appends nothing and gives the row that holds", async () => {
	const token = { issuer: ISSUER, token_id: "j", reason: "leaked" };
	const segment = { kind: "segment", name: "orders", reason: "odd", until: "2036-01-01Z" };
	expect(await call(client, "revoke_token", token)).toBe("1");
	expect(await call(client, "revoke_token", token)).toBe("1");
	expect(await call(client, "quarantine", segment)).toBe("2");
	expect(await call(client, "quarantine", segment)).toBe("2");
	expect(await call(client, "quarantine", { ...segment, until: null })).toBe("3");
	expect(await call(client, "lift", { kind: "segment", name: "orders", reason: "well" })).toBe("4");
	expect(await call(client, "lift", { kind: "segment", name: "orders", reason: "well" })).toBeNull();
	expect(await call(client, "quarantine", segment)).toBe("5");
	expect(await call(client, "revoke_token", { ...token, reason: "leaked again" })).toBe("6");
});

test("the view shows what is in force", async () => {
	const put = (kind: string, name: string, until: string | null = null) =>
		call(client, "quarantine", { kind, name, reason: "r", until });
	await put("segment", "orders");
	await put("domain", "orders");
	await put("segment", "payments", "2036-01-01Z");
	await put("segment", "web", "2001-01-01Z");
	await put("workload", "spiffe://a/b");
	await call(client, "lift", { kind: "workload", name: "spiffe://a/b", reason: "r" });
	expect(await quarantined()).toEqual(["domain:orders", "segment:orders", "segment:payments"]);
	await put("segment", "payments", "2001-01-01Z");
	await put("segment", "web");
	expect(await quarantined()).toEqual(["domain:orders", "segment:orders", "segment:web"]);
});

test("unknown names are warned of and hold all the same: servers may enforce an older set than the newest", async () => {
	const warnings: (string | undefined)[] = [];
	client.on("notice", ({ severity, message }) => warnings.push(`${severity}: ${message}`));
	await call(client, "quarantine", { kind: "segment", name: "gone", reason: "r" });
	await call(client, "revoke_token", { issuer: "https://gone", token_id: "j", reason: "r" });
	expect(warnings).toEqual([
		"WARNING: quarantine: no segment gone is stated; it takes effect all the same",
		"WARNING: revoke_token: no issuer https://gone is stated; it takes effect all the same",
	]);
	expect(await quarantined()).toEqual(["segment:gone"]);
});

test("nothing that was appended can be changed, and number, time and hand cannot be forged", async () => {
	await rows(
		"insert into firebreak.revocation (seq, kind, key, payload, reason, by, at) values (99, 'lift', 'k', '{}', 'r', 'eve', '2001-01-01Z')",
	);
	const forged = "select seq::int, by, at > now() - interval '1 hour' as now from firebreak.revocation";
	expect(await rows(forged)).toEqual([{ seq: 1, by: new URL(database.url).username, now: true }]);
	for (const text of ["update firebreak.revocation set reason = 'x'", "truncate firebreak.revocation"]) {
		expect(await refusalOf(() => client.query(text))).toMatchObject({
			code: "0A000",
			message: "table revocation: is append-only",
		});
	}
	const unknown = "insert into firebreak.revocation (kind, key, payload, reason) values ('forget', 'k', '{}', 'r')";
	expect(await refusalOf(() => client.query(unknown))).toMatchObject({ code: "23514", column: "kind" });
});

test("policy files may not write the lane", async () => {
	await client.query("select set_config('firebreak.migration', 'orders/20260101000000_x', false)");
	const refusal = await refusalOf(() => call(client, "quarantine", { kind: "segment", name: "orders", reason: "r" }));
	expect(refusal).toMatchObject({
		code: "55000",
		message: "revocation segment:orders: a policy file may not write the revocation lane",
		hint: expect.stringContaining("on its own"),
	});
});

describe("the two lanes", () => {
	test("an open policy transaction, its number taken already, delays no revocation", async () => {
		const author = await database.connect();
		await author.query("begin");
		await call(author, "domain", { name: "internal", owner: "platform", mode: "monitor" });
		await call(author, "remove", { kind: "rate_limit", name: "segment:payments" });
		await author.query("set constraints all immediate");
		expect(await headOf(author)).toMatchObject({ revision: 2, seq: 0 });

		// Waiting for any lock at all is a failure here.
		await client.query("set lock_timeout = 1");
		await call(client, "quarantine", { kind: "segment", name: "orders", reason: "r" });
		await call(client, "quarantine", { kind: "domain", name: "internal", reason: "r" });
		await call(client, "revoke_token", { issuer: ISSUER, token_id: "j", reason: "r" });
		expect(await headOf(client)).toMatchObject({ revision: 1, seq: 3 });
		await author.query("commit");
		expect(await headOf(client)).toMatchObject({ revision: 2, seq: 3 });
	});

	test("an open revocation delays no policy", async () => {
		const operator = await database.connect();
		await operator.query("begin");
		await call(operator, "revoke_token", { issuer: ISSUER, token_id: "j", reason: "r" });
		await client.query("set lock_timeout = 1");
		await call(client, "domain", { name: "internal", owner: "platform", mode: "monitor" });
		expect(await headOf(client)).toMatchObject({ revision: 2, seq: 0 });
		await operator.query("commit");
	});

	test("revocations are committed in the order of their numbers", async () => {
		const other = await database.connect();
		await client.query("begin");
		await call(client, "revoke_token", { issuer: ISSUER, token_id: "first", reason: "r" });
		const second = call(other, "revoke_token", { issuer: ISSUER, token_id: "second", reason: "r" });
		await untilBlocked(await database.connect());
		await client.query("commit");
		expect(await second).toBe("2");
	});

	test("hint at each new head, once for each transaction", async () => {
		const listener = await database.connect();
		const hints: (string | undefined)[] = [];
		listener.on("notification", ({ channel, payload }: Notification) => hints.push(`${channel} ${payload}`));
		await listener.query("listen firebreak_head");
		await inTransaction(client, async () => {
			for (const token_id of ["a", "b"]) await call(client, "revoke_token", { issuer: ISSUER, token_id, reason: "r" });
		});
		await inTransaction(client, async () => {
			await call(client, "domain", { name: "internal", owner: "platform", mode: "monitor" });
			await call(client, "owner", { name: "late" });
		});
		await call(client, "owner", { name: "late" });
		await rows(
			"insert into firebreak.flow values (date_trunc('minute', now()), null, 'a', 'b', 'GET /', null, null, 1, now(), now())",
		);
		const { epoch } = await headOf(client);
		await listener.query("select 1");
		expect(hints).toEqual([`firebreak_head ${epoch} 1 2`, `firebreak_head ${epoch} 2 2`]);
	});
});
