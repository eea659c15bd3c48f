/** Few changes come in one round trip, many within a transaction of their own: nobody can tell by what comes. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { loadChanges } from "../../src/store/changes.ts";
import { type Database, openDatabase } from "../../src/store/pool.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { COMPANY } from "./support/workbench.ts";

let made: TestDatabase;
let database: Database;
let writer: Client;
beforeAll(async () => {
	made = await createTestDatabase();
	database = openDatabase(made.url, { applicationName: "firebreak test", connections: 1 });
	writer = await made.connect();
	await writer.query(COMPANY);
});
afterAll(async () => {
	await database?.end();
	await made?.drop();
});

const head = async () => {
	const { epoch, revision } = (await writer.query("select epoch, revision from firebreak.head")).rows[0];
	return { epoch, revision: Number(revision) };
};

/** One transaction that states so many segments anew. */
async function restate(count: number, environment: string): Promise<void> {
	await writer.query(
		`select firebreak.segment('made-' || n, 'internal', $2, 'platform', array['spiffe://prod.example.org/made/' || n])
			from generate_series(1, $1::int) n`,
		[count, environment],
	);
}

test.each([
	["few", 3],
	["as many as few can be, with what was before", 500],
	["many", 1_100],
])("%s", async (_title, count) => {
	const before = await head();
	await restate(count, "staging");
	const between = await head();
	await restate(count, "prod");
	const load = (revision: number) =>
		database.withClient((client) => loadChanges(client, { epoch: before.epoch, revision }));

	for (const base of [before, between]) {
		const changes = await load(base.revision);
		expect(changes).toMatchObject({ epoch: before.epoch, revision: between.revision + 1 });
		const names = [...changes!.segments.put].map(({ name, environment }) => `${name} ${environment}`);
		expect(names.sort()).toEqual(Array.from({ length: count }, (_, n) => `made-${n + 1} prod`).sort());
		expect(changes!.segments.drop).toEqual([]);
	}
	const upTo = (until: number) => database.withClient((client) => loadChanges(client, before, until));
	const past = await upTo(between.revision);
	expect(past).toMatchObject({ epoch: before.epoch, revision: between.revision });
	const names = [...past!.segments.put].map(({ name, environment }) => `${name} ${environment}`);
	expect(names.sort()).toEqual(Array.from({ length: count }, (_, n) => `made-${n + 1} staging`).sort());
	expect(await upTo(between.revision + 2)).toBeNull();
	await writer.query("select firebreak.remove('segment', 'made-' || n) from generate_series(1, $1::int) n", [count]);
	const changes = await load(between.revision);
	expect([...changes!.segments.put]).toEqual([]);
	expect([...changes!.segments.drop]).toHaveLength(count);
	expect(await database.withClient((client) => loadChanges(client, { epoch: "another", revision: 0 }))).toBeNull();
	expect(await load(before.revision + 1_000)).toBeNull();
});
