/** The description of the schema: kept up to date, read back as it was written, and telling every drift by its object. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { compareCatalogs } from "../../../../src/store/migrations/catalog/compare.ts";
import { CATALOG_FILE, readCatalogFile } from "../../../../src/store/migrations/catalog/file.ts";
import { type Catalog, readCatalog } from "../../../../src/store/migrations/catalog/read.ts";
import { formatCatalog, parseCatalog } from "../../../../src/store/migrations/catalog/text.ts";
import { createTestDatabase, type TestDatabase } from "../../../support/postgres.ts";
import { refusal } from "../../support/workbench.ts";

let database: TestDatabase;
let client: Client;
let fresh: Catalog;

beforeAll(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	fresh = await catalogAfter("select 1");
});
afterAll(() => database?.drop());

/** What the catalogs say once this has run; it is rolled back. */
async function catalogAfter(statements: string): Promise<Catalog> {
	await client.query("begin");
	try {
		await client.query(statements);
		return await readCatalog(client);
	} finally {
		await client.query("rollback");
	}
}

test("migrations/schema/catalog.txt is what the files of the schema make (else run: npm run schema)", async () => {
	const kept = await readCatalogFile(CATALOG_FILE);
	expect(compareCatalogs(kept, fresh)).toEqual([]);
	expect(formatCatalog(kept)).toBe(formatCatalog(fresh));
});

test("comes back from its text as it was", () => {
	const parsed = parseCatalog(formatCatalog(fresh));
	expect(parsed).toEqual(fresh);
	expect(fresh.objects.size).toBeGreaterThan(100);
	expect(parseCatalog(formatCatalog(fresh).replaceAll("\n", "\r\n"))).toEqual(fresh);
});

test.each([
	["", "does not say which Postgres described it"],
	["table a\n  x: y\n", "is malformed: table a"],
	["postgres 18\n\n  x: y\n", "is malformed:   x: y"],
	["postgres 18\n\ntable a\n  nonsense\n", "is malformed: nonsense"],
	["postgres 18\n\n    |more\n", "is malformed"],
])("text that is none: %j", (text, message) => {
	expect(() => parseCatalog(text)).toThrow(message);
});

test("a file that is not there says how to get it", async () => {
	expect(await refusal(readCatalogFile("/nowhere/catalog.txt"))).toMatchObject({
		code: "migration_invalid",
		problems: [{ file: "/nowhere/catalog.txt", cure: expect.stringContaining("npm run schema") }],
	});
});

/** A change by hand, the object that it is found by, and a part of what is said of it. */
const DRIFTS: readonly [change: string, object: string, says: string][] = [
	["create table firebreak.extra (a integer)", "table firebreak.extra", "is none of the schema's"],
	["drop view firebreak.quarantine", "view firebreak.quarantine", "it is missing"],
	[
		"alter table firebreak.flow add column extra text",
		"table firebreak.flow",
		"column extra is there and should not be",
	],
	["alter table firebreak.flow drop column last", "table firebreak.flow", "column last is missing"],
	["alter table firebreak.flow alter column token_id set not null", "table firebreak.flow", "column token_id is"],
	[
		"alter table firebreak.flow alter column source type varchar(9)",
		"table firebreak.flow",
		'"character varying(9) not null"',
	],
	[
		"alter table firebreak.server alter column heartbeat set default '2020-01-01'",
		"table firebreak.server",
		"heartbeat, default is",
	],
	[
		"alter table firebreak.history drop constraint history_pkey",
		"table firebreak.history",
		"constraint history_pkey is missing",
	],
	["alter table firebreak.segment disable trigger touch", "table firebreak.segment", "trigger touch is"],
	["alter table firebreak.segment disable trigger all", "table firebreak.segment", "switched off"],
	["alter table firebreak.policy disable row level security", "table firebreak.policy", '"forced, but not enabled"'],
	["alter table firebreak.policy no force row level security", "table firebreak.policy", "row security is"],
	[
		"create policy mine on firebreak.policy using (true)",
		"table firebreak.policy",
		"policy mine is there and should not be",
	],
	["drop policy owner on firebreak.policy", "table firebreak.policy", "policy owner is missing"],
	["alter policy owner on firebreak.policy using (true)", "table firebreak.policy", "policy owner, using is"],
	["alter policy owner on firebreak.policy to public", "table firebreak.policy", "to public"],
	["grant update on firebreak.history to firebreak_author", "table firebreak.history", "grant UPDATE is there"],
	["grant select on firebreak.head to public", "view firebreak.head", "public"],
	[
		"revoke insert on firebreak.decision from firebreak_recorder",
		"table firebreak.decision",
		"grant INSERT is missing",
	],
	[
		"grant select on firebreak.policy to firebreak_reader with grant option",
		"table firebreak.policy",
		"firebreak_reader*",
	],
	[
		"grant update (spec) on firebreak.history to firebreak_server",
		"table firebreak.history",
		"column spec, grant UPDATE",
	],
	["drop index firebreak.history_from", "table firebreak.history", "index history_from is missing"],
	["create index extra on firebreak.history (at)", "table firebreak.history", "index extra is there"],
	[
		"create rule deaf as on insert to firebreak.revocation do instead nothing",
		"table firebreak.revocation",
		"rule deaf is there",
	],
	[
		"create or replace function firebreak.epoch() returns text language sql return 'mine'",
		"function firebreak.epoch()",
		"security invoker",
	],
	[
		"create or replace function firebreak.commit_revocation() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as 'begin return null; end'",
		"function firebreak.commit_revocation()",
		"body is",
	],
	["alter function firebreak.touch() set search_path = public", "function firebreak.touch()", "settings is"],
	["alter function firebreak.touch() security invoker", "function firebreak.touch()", "is is"],
	[
		"create function firebreak.allow() returns int language sql return 1",
		"function firebreak.allow()",
		"none of the schema's",
	],
	[
		"grant execute on function firebreak.renew_epoch() to public",
		"function firebreak.renew_epoch()",
		"grant EXECUTE is there",
	],
	["create type firebreak.extra as enum ('a')", "other type firebreak.extra", "is none of the schema's"],
	["create domain firebreak.extra as text", "other type firebreak.extra", "is none of the schema's"],
	["create collation firebreak.extra (locale = 'C')", "other collation firebreak.extra", "is none of the schema's"],
	["grant create on schema firebreak to firebreak_author", "schema firebreak", "grant CREATE is there"],
	["alter schema firebreak owner to current_user", "schema firebreak", "owner is"],
	["alter table firebreak.flow owner to current_user", "table firebreak.flow", "owner is"],
	[
		"alter default privileges for role firebreak_owner grant execute on functions to public",
		"default privileges of firebreak_owner",
		"it is missing",
	],
];

describe("a change by hand is told by its object", () => {
	test.each(DRIFTS)("%s", async (change, object, says) => {
		const problems = compareCatalogs(fresh, await catalogAfter(change));
		const found = problems.find((problem) => problem.object === object);
		expect(found?.message).toContain(says);
	});
});

describe("described by another major version of Postgres", () => {
	const older = (catalog: Catalog): Catalog => ({ ...catalog, major: fresh.major - 1 });

	test("the wording of expressions does not count, everything else does", async () => {
		const reworded = await catalogAfter("alter policy owner on firebreak.policy using (1 = 1)");
		expect(compareCatalogs(fresh, reworded)).toHaveLength(1);
		expect(compareCatalogs(fresh, older(reworded))).toEqual([]);
		const changed = await catalogAfter("alter policy owner on firebreak.policy to public");
		expect(compareCatalogs(fresh, older(changed))).toHaveLength(1);
	});
});

test("the description does not depend on the session's settings", async () => {
	const odd = await catalogAfter(
		"set local search_path = firebreak; set local quote_all_identifiers = on; set local intervalstyle = iso_8601; set local datestyle = 'SQL, DMY'",
	);
	expect(odd).toEqual(fresh);
});
