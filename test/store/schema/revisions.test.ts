import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { call, headOf, inTransaction, stateExample, untilBlocked } from "./calls.ts";

let database: TestDatabase;
let client: Client;
beforeEach(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	await stateExample(client);
});
afterEach(() => database?.drop());

const rows = async (text: string, ...values: unknown[]) => (await client.query(text, values)).rows;
const domain = (change: object) => call(client, "domain", { name: "internal", owner: "platform", ...change });
const revision = async () => (await headOf(client)).revision;
const settle = () => client.query("set constraints all immediate");
const defer = () => client.query("set constraints all deferred");
const history = (name: string) =>
	rows(
		`select kind, from_revision::int as from, to_revision::int as to, spec ->> 'mode' as mode, by, migration, ended_by,
			ended_migration from firebreak.history where name = $1 order by kind, from_revision`,
		name,
	);

describe("a revision", () => {
	test("is one for each transaction, whatever it changes", async () => {
		expect(await revision()).toBe(1);
		await inTransaction(client, async () => {
			await domain({ hidden: true });
			await domain({ mode: "monitor" });
			await call(client, "remove", { kind: "rate_limit", name: "segment:payments" });
		});
		expect(await revision()).toBe(2);
		expect(await rows("select number::int, by, migrations from firebreak.revision order by 1")).toEqual([
			{ number: 1, by: new URL(database.url).username, migrations: [] },
			{ number: 2, by: new URL(database.url).username, migrations: [] },
		]);
	});

	test.each<[string, () => Promise<void>]>([
		["nothing is touched", async () => {}],
		["a row is touched and stays", async () => void (await rows("update firebreak.domain set mode = mode"))],
		[
			"a row is changed back",
			async () => {
				await domain({ mode: "monitor" });
				await domain({});
			},
		],
		[
			"an object is removed and stated alike",
			async () => {
				await call(client, "remove", { kind: "policy", name: "no-cards" });
				const args = {
					source: "*",
					destination: "payments",
					owner: "payments",
					methods: ["*"],
					paths: ["/v1/cards/**"],
				};
				await call(client, "deny", { name: "no-cards", ...args });
			},
		],
		[
			"an object is made and removed",
			async () => {
				await call(client, "owner", { name: "brief" });
				await call(client, "remove", { kind: "owner", name: "brief" });
			},
		],
		[
			"a segment changes its members back",
			async () => {
				const members = [["spiffe://a/b"], ["spiffe://prod.example.org/ns/payments/sa/payments"]];
				for (const list of members) {
					const args = { domain: "internal", environment: "prod", owner: "payments", members: list };
					await call(client, "segment", { name: "payments", ...args });
				}
			},
		],
		[
			"what was done in a savepoint is rolled back",
			async () => {
				await client.query("savepoint s");
				await domain({ mode: "monitor" });
				await client.query("rollback to s");
			},
		],
	])("is not made when %s", async (_, change) => {
		await inTransaction(client, change);
		expect(await revision()).toBe(1);
		expect(await rows("select from firebreak.touched")).toEqual([]);
		expect(await rows("select from firebreak.pending")).toEqual([]);
	});

	test("is made for what was done in a savepoint that stays, also behind one that did not", async () => {
		await inTransaction(client, async () => {
			await client.query("savepoint s");
			await domain({ mode: "monitor" });
			await client.query("rollback to s");
			await client.query("savepoint t");
			await call(client, "owner", { name: "late" });
			await client.query("release t");
		});
		expect(await revision()).toBe(2);
		expect(await history("internal")).toHaveLength(1);
		expect(await history("late")).toHaveLength(1);
	});

	test("is taken back by a rollback, so that no number is missing", async () => {
		await client.query("begin");
		await domain({ mode: "monitor" });
		await settle();
		expect(await revision()).toBe(2);
		await client.query("rollback");
		await domain({ hidden: true });
		expect(await revision()).toBe(2);
	});

	test("is seen by its own transaction once its deferred triggers have fired, and stays one when they fire again", async () => {
		await inTransaction(client, async () => {
			await domain({ mode: "monitor" });
			await settle();
			expect(await revision()).toBe(2);
			await defer();
			await call(client, "owner", { name: "late" });
			await domain({ mode: "monitor", hidden: true });
		});
		expect(await revision()).toBe(2);
		expect((await history("internal")).map(({ from, to }) => [from, to])).toEqual([
			[1, 2],
			[2, null],
		]);
		expect(
			await rows(
				"select spec -> 'hidden' as hidden from firebreak.history where name = 'internal' and to_revision is null",
			),
		).toEqual([{ hidden: true }]);
		expect(await rows("select * from firebreak.verify_history()")).toEqual([]);
	});

	test("vanishes when what the triggers have seen already is changed back", async () => {
		await inTransaction(client, async () => {
			await domain({ mode: "monitor" });
			await call(client, "owner", { name: "brief" });
			await call(client, "remove", { kind: "rate_limit", name: "segment:payments" });
			await settle();
			await defer();
			await domain({});
			await call(client, "remove", { kind: "owner", name: "brief" });
			await call(client, "rate_limit", { kind: "segment", name: "payments", per_second: 100, burst: 200 });
		});
		expect(await revision()).toBe(1);
		expect(await rows("select from firebreak.history where from_revision > 1 or to_revision is not null")).toEqual([]);
		expect(await rows("select * from firebreak.verify_history()")).toEqual([]);
	});

	test("does not depend on how the session shows times and intervals", async () => {
		const other = await database.connect();
		await other.query("set timezone = 'Asia/Kolkata'; set datestyle = 'SQL, DMY'; set intervalstyle = 'sql_standard'");
		await stateExample(other);
		await other.query("update firebreak.crossing set expires = expires");
		await other.query("update firebreak.issuer set max_lifetime = max_lifetime");
		expect(await revision()).toBe(1);
	});

	test("is committed in the order of its number", async () => {
		const other = await database.connect();
		await client.query("begin");
		await domain({ mode: "monitor" });
		await settle();
		const racing = call(other, "owner", { name: "second" });
		await untilBlocked(await database.connect());
		await client.query("commit");
		await racing;
		expect((await history("internal")).at(-1)).toMatchObject({ from: 2 });
		expect((await history("second")).at(-1)).toMatchObject({ from: 3 });
	});
});
