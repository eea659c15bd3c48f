import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { LIMITS } from "../../../src/core/limits.ts";
import { type Database, openDatabase } from "../../../src/store/pool.ts";
import { removeServer, writeServer } from "../../../src/store/servers/row.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";

let test_: TestDatabase;
let database: Database;
beforeAll(async () => {
	test_ = await createTestDatabase();
	database = openDatabase(`${test_.url}?options=-c%20role%3Dfirebreak_server`, {
		applicationName: "live servers test",
	});
});
afterAll(async () => {
	await database?.end();
	await test_?.drop();
});

test("a heartbeat tells how many servers are live: not those that left, nor those that fell silent", async () => {
	const report = { epoch: "e", revision: 1, seq: 1, refused: null, problem: null };
	const beat = (id: string) =>
		database.withClient((client) => writeServer(client, { id, version: "1", started: 0 }, report));
	expect(await beat("one")).toBe(1);
	expect(await beat("one")).toBe(1);
	expect(await beat("two")).toBe(2);
	expect(await beat("three")).toBe(3);
	expect(await beat("one")).toBe(3);
	await database.withClient((client) => removeServer(client, "three"));
	expect(await beat("one")).toBe(2);
	const owner = await test_.connect();
	await owner.query("update firebreak.server set heartbeat = now() - make_interval(secs => $1) where id = 'two'", [
		LIMITS.serverLiveMs / 1_000 + 1,
	]);
	expect(await beat("one")).toBe(1);
	expect(await beat("two")).toBe(2);
});
