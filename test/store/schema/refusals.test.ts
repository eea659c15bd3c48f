import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { call, headOf, refusalOf, stateExample } from "./calls.ts";
import { BAD_POLICIES } from "./policy-refusals.ts";
import { BAD_CALLS } from "./refusals.ts";

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	await stateExample(client);
});
afterAll(() => database?.drop());

const NAMED = [...BAD_CALLS, ...BAD_POLICIES].map((bad) => [`${bad.name}: ${bad.message.slice(0, 80)}`, bad] as const);

test.each(NAMED)("%s", async (_, bad) => {
	const before = await headOf(client);
	const refusal = await refusalOf(() => call(client, bad.name, bad.args));
	expect(refusal.message.slice(0, bad.message.length)).toBe(bad.message);
	expect(refusal.hint).toMatch(bad.hint);
	expect(refusal.code).toBe(bad.code ?? "23514");
	// Programs read kind and argument from fields of their own.
	const [kind] = bad.message.split(" ");
	expect(refusal).toMatchObject({ table: kind, column: /, (\w+): /.exec(bad.message)?.[1] });
	expect(await headOf(client)).toEqual(before);
});

test("a bad row is refused in the same words without the functions", async () => {
	const insert =
		"insert into firebreak.domain values ('d', 'platform', 'tls', 'optional', 'deny', false, 'full', 'enforce')";
	expect(await refusalOf(() => client.query(insert))).toEqual({
		code: "23514",
		message: 'domain d, flow: "tls" is not known',
		hint: "write one of mtls, token, mtls+token, mtls+bound-token",
		table: "domain",
		column: "flow",
	});
	const update = "update firebreak.policy set paths = '{v1}' where name = 'no-cards'";
	expect(await refusalOf(() => client.query(update))).toMatchObject({
		code: "23514",
		message: 'policy no-cards, paths: "v1" does not begin with a slash',
	});
});

test("the policy set cannot be emptied behind its history's back", async () => {
	expect(await refusalOf(() => client.query("truncate firebreak.rate_limit"))).toMatchObject({
		code: "0A000",
		message: "table rate_limit: truncating it would leave no history",
	});
});
