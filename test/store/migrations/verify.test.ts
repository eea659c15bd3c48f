/** `migrate verify` against a database that somebody laid hands on. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { CATALOG_FILE } from "../../../src/store/migrations/catalog/file.ts";
import { migrateVerify } from "../../../src/store/migrations/verify.ts";
import { tampered } from "../support/tampering.ts";
import { allow, COMPANY, openWorkbench, refusal, type Workbench } from "../support/workbench.ts";

let bench: Workbench;
let client: Client;

beforeAll(async () => {
	bench = await openWorkbench();
	bench.put("platform/20260101000000_company.sql", COMPANY);
	await bench.up();
	bench.put("platform/20260102000000_a.sql", allow("a", "/a"));
	await bench.up();
	bench.put("platform/20260103000000_b.sql", `${allow("a", "/b")}${allow("b", "/b")}`);
	await bench.up();
	client = await bench.test.connect();
});
afterAll(() => bench?.close());

const verify = (folders = bench.folders()) => migrateVerify(bench.database, folders, CATALOG_FILE);
const told = async () => (await refusal(verify())).problems.map(({ object, message }) => `${object}: ${message}`);

test("a sound database: files, schema and history, with the newest digest", async () => {
	const outcome = await verify();
	expect(outcome).toMatchObject({
		pending: 0,
		head: { revision: 3 },
		schema: { compared: "everything" },
		history: { revisions: 3, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
	});
	expect(await verify()).toEqual(outcome);
});

describe("a history that was altered", () => {
	test.each<[string, string, string[]]>([
		[
			"what an object was",
			`update firebreak.history set spec = jsonb_set(spec, '{paths}', '["/**"]') where name = 'a' and to_revision is not null`,
			["revision 2: what it changed, or its digest, was altered"],
		],
		[
			"who did it",
			"update firebreak.revision set by = 'somebody else' where number = 2",
			["revision 2: what it changed, or its digest, was altered"],
		],
		[
			"when it was done",
			"update firebreak.history set at = at - interval '1 day' where name = 'b'",
			["revision 3: what it changed, or its digest, was altered"],
		],
		[
			"a digest",
			"update firebreak.revision set digest = sha256('mine') where number = 3",
			["revision 3: what it changed, or its digest, was altered"],
		],
		[
			"a digest that is gone",
			"update firebreak.revision set digest = null where number = 3",
			["revision 3: what it changed, or its digest, was altered"],
		],
		[
			"a revision that is gone",
			"delete from firebreak.revision where number = 2",
			["revision 2: the revision is missing", "revision 3: what it changed, or its digest, was altered"],
		],
		[
			"an object that is not what its history says",
			"update firebreak.policy set paths = '{/**}' where name = 'b'",
			["revision 3: policy b is not what its history says"],
		],
		[
			"an object without a history",
			"delete from firebreak.history where name = 'b'",
			["revision 3: policy b is not what its history says", "revision 3: what it changed, or its digest, was altered"],
		],
		[
			"a head that was set back",
			"update firebreak.policy_counter set revision = 2",
			["revision 3: the revision is not one of those that the head counts"],
		],
		[
			"a state outside of all revisions",
			`insert into firebreak.history (kind, name, from_revision, spec, at, by) values ('policy', 'ghost', 0, '{}', now(), 'x')`,
			["revision 0: policy ghost has a state that no revision made"],
		],
	])("%s", async (_what, statements, expected) => {
		await tampered(client, statements, async () => {
			const error = await refusal(verify());
			expect(error.code).toBe("migration_drift");
			expect(await told()).toEqual(expect.arrayContaining(expected));
		});
		expect(await verify()).toMatchObject({ history: { revisions: 3 } });
	});
});

describe("a schema that was changed by hand", () => {
	test("is told by its objects, and nothing of it is run to prove the history", async () => {
		await client.query("alter table firebreak.policy disable trigger touch");
		await client.query(
			"create or replace function firebreak.verify_history() returns table (revision bigint, problem text) language plpgsql stable as $$ begin raise 'it was run'; end $$",
		);
		expect(await told()).toEqual([
			expect.stringMatching(/^function firebreak\.verify_history\(\): .*body is /),
			expect.stringMatching(
				/^table firebreak\.policy: trigger touch is "firebreak\.touch, switched off" in place of "firebreak\.touch"$/,
			),
		]);
	});
});

test("while files of the schema wait, neither schema nor history is proven", async () => {
	const empty = await openWorkbench();
	try {
		const state = () => migrateVerify(empty.database, empty.folders(), CATALOG_FILE);
		expect(await state()).toMatchObject({ verified: 0, head: null, schema: null, history: null });
		await empty.up();
		await (await empty.test.connect()).query("delete from firebreak.migration where name = 'schema/0020_servers'");
		expect(await state()).toMatchObject({ pending: 1, head: { revision: 0 }, schema: null, history: null });
	} finally {
		await empty.close();
	}
});
