import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createTestDatabase, type TestDatabase } from "./postgres.ts";

describe("a test's database", () => {
	let one: TestDatabase;
	let other: TestDatabase;
	let empty: TestDatabase;
	beforeAll(async () => {
		[one, other, empty] = await Promise.all([
			createTestDatabase(),
			createTestDatabase(),
			createTestDatabase({ schema: false }),
		]);
	});
	afterAll(() => Promise.all([one?.drop(), other?.drop(), empty?.drop()]));

	test("has the schema, and is nobody else's", async () => {
		const [a, b] = await Promise.all([one.connect(), other.connect()]);
		await a.query("select firebreak.owner('platform')");
		expect((await a.query("select name from firebreak.owner")).rows).toEqual([{ name: "platform" }]);
		expect((await b.query("select name from firebreak.owner")).rows).toEqual([]);
	});

	test("has no schema when none is asked for", async () => {
		const client = await empty.connect();
		expect((await client.query("select to_regnamespace('firebreak') as schema")).rows).toEqual([{ schema: null }]);
	});

	test("acts as roles whose names are its own", async () => {
		const [a, b] = [await one.role("team"), await other.role("team")];
		expect(a).not.toBe(b);
		const client = await one.connect({ role: a });
		expect((await client.query("select current_user as role")).rows).toEqual([{ role: a }]);
	});

	test("is gone once it is dropped, with its connections and roles, and may be dropped again", async () => {
		const database = await createTestDatabase();
		const role = await database.role("gone");
		const client = await database.connect();
		await database.drop();
		await expect(client.query("select 1")).rejects.toThrow();
		await expect(database.connect()).rejects.toThrow("does not exist");
		const witness = await one.connect();
		expect((await witness.query("select from pg_roles where rolname = $1", [role])).rowCount).toBe(0);
		await database.drop();
	});
});
