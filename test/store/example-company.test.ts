/** The committed example policies, as `migrate up` applies them. What they decide is told by the demo's story. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { compilePolicySet } from "../../src/core/compile/compile.ts";
import { runToEnd } from "../../src/core/compile/generator.ts";
import { loadPolicySet } from "../../src/store/load.ts";
import { SCHEMA_DIRECTORY } from "../../src/store/migrations/files.ts";
import { migrateUp, type UpOutcome } from "../../src/store/migrations/up.ts";
import { type Database, openDatabase } from "../../src/store/pool.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

const FOLDERS = {
	schema: SCHEMA_DIRECTORY,
	policy: fileURLToPath(new URL("../../migrations/policy", import.meta.url)),
};

let test_: TestDatabase;
let database: Database;
let outcome: UpOutcome;

beforeAll(async () => {
	test_ = await createTestDatabase({ schema: false });
	database = openDatabase(test_.url, { applicationName: "firebreak example test" });
	outcome = await migrateUp(database, { folders: FOLDERS, compile: compilePolicySet, clock: Date.now });
});
afterAll(async () => {
	await database?.end();
	await test_?.drop();
});

test("apply to an empty database as one revision", () => {
	expect(outcome).toMatchObject({ changed: true, head: { revision: 1 } });
	const owners = new Set(outcome.applied.map(({ owner }) => owner));
	expect(owners).toEqual(new Set([null, "platform", "orders", "payments", "storefront", "analytics", "partnerships"]));
});

test("nothing crosses into the internal domain but from public, and every crossing is accepted", async () => {
	const set = await database.withClient((client) => loadPolicySet(client));
	const result = runToEnd(compilePolicySet(set));
	expect(
		result.ok &&
			[...result.snapshot.crossings.values()].map((row) => [row.source_domain, row.destination_domain, row.accepted]),
	).toEqual(
		expect.arrayContaining([
			["public", "internal", true],
			["public", "partner", true],
		]),
	);
	expect(set.crossings).toHaveLength(2);
});

test("no policy lets the storefront call payments, nor staging call prod", async () => {
	const set = await database.withClient((client) => loadPolicySet(client));
	const allows = [...set.policies].filter(({ effect }) => effect === "allow");
	expect(allows.filter(({ source, destination }) => source === "storefront" && destination === "payments")).toEqual([]);
	const environment = new Map(set.segments.map((segment) => [segment.name, segment.environment]));
	for (const { source, destination } of allows) expect(environment.get(source)).toBe(environment.get(destination));
});
