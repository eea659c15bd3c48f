/** What many calls cost, counted in rows that Postgres read rather than in time. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { headOf, inTransaction, stateExample } from "./calls.ts";

let database: TestDatabase;
let client: Client;
beforeEach(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	await stateExample(client);
});
afterEach(() => database?.drop());

/** States policies `from` to `to` and fires the deferred triggers. */
async function statePolicies(from: number, to: number): Promise<void> {
	await client.query(
		`select count(firebreak.allow(name => 'p' || i, source => 'orders', destination => 'payments', owner => 'payments',
			methods => array['GET'], paths => array['/v1/{id}/' || i])) from generate_series($1::int, $2::int) i`,
		[from, to],
	);
	await client.query("set constraints all immediate");
	await client.query("set constraints all deferred");
}

/** Rows of the schema's tables that this session has read lately; only differences mean something. */
async function rowsRead(): Promise<number> {
	const { rows } = await client.query(
		"select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_xact_user_tables where schemaname = 'firebreak'",
	);
	return rows[0].read;
}

test("a call costs the same however many policies there are, though statements were planned when there were few", async () => {
	// Small tables that were vacuumed are what tempts the planner into scanning them.
	for (const table of ["owner", "domain", "segment", "policy", "history", "touched", "pending", "revision"]) {
		await client.query(`vacuum analyze firebreak.${table}`);
	}
	const costs: number[] = [];
	for (const start of [0, 500, 1_000, 1_500, 2_000, 2_500]) {
		const cost = await inTransaction(client, async () => {
			const before = await rowsRead();
			await statePolicies(start + 1, start + 500);
			return (await rowsRead()) - before;
		});
		costs.push(cost);
	}
	expect(Math.max(...costs)).toBeLessThan(Math.min(...costs) * 1.5);
	expect(await headOf(client)).toMatchObject({ revision: 1 + costs.length });
});

test("a change costs the same in a large set as in a small one", async () => {
	const costOfOne = () =>
		inTransaction(client, async () => {
			const before = await rowsRead();
			await client.query(
				"update firebreak.policy set mode = case mode when 'monitor' then 'enforce' else 'monitor' end where name = 'no-cards'",
			);
			await client.query("set constraints all immediate");
			return (await rowsRead()) - before;
		});
	const small = await costOfOne();
	await inTransaction(client, () => statePolicies(1, 3_000));
	expect(await costOfOne()).toBeLessThanOrEqual(small + 10);
});

test("one NOTIFY, one revision and no leftovers for thousands of calls", async () => {
	const listener = await database.connect();
	let hints = 0;
	listener.on("notification", () => hints++);
	await listener.query("listen firebreak_head");
	await inTransaction(client, () => statePolicies(1, 3_000));
	await listener.query("select 1");
	expect(hints).toBe(1);
	expect(await headOf(client)).toMatchObject({ revision: 2 });
	const left = "select (select count(*) from firebreak.touched) + (select count(*) from firebreak.pending) as rows";
	expect((await client.query(left)).rows).toEqual([{ rows: "0" }]);
});
