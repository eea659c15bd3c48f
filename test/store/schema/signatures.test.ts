import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { SIGNATURES } from "./signatures.ts";

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
	database = await createTestDatabase();
	client = await database.connect();
});
afterAll(() => database?.drop());

const rows = async (text: string, ...values: unknown[]) => (await client.query(text, values)).rows;

test.each(Object.entries(SIGNATURES))(
	"%s is one function with the arguments it is known for",
	async (name, signature) => {
		const found = await rows(
			`select pg_get_function_arguments(oid) as arguments from pg_proc
			where pronamespace = 'firebreak'::regnamespace and proname = $1`,
			name,
		);
		// policy_at shows its result columns among its arguments.
		expect(found.map(({ arguments: known }) => known.replace(/, OUT .*|, TABLE.*/, ""))).toEqual([signature]);
	},
);

test("policy_at gives kind, name, owner and the whole object", async () => {
	const { fields } = await client.query("select * from firebreak.policy_at(0)");
	expect(fields.map(({ name }) => name)).toEqual(["kind", "name", "owner", "spec"]);
});
