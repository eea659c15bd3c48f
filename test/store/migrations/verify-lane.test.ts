/** `migrate verify` of the revocation lane and of what is recorded of applied files. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { CATALOG_FILE } from "../../../src/store/migrations/catalog/file.ts";
import { readSchemaFiles, SCHEMA_DIRECTORY } from "../../../src/store/migrations/files.ts";
import { migrateVerify } from "../../../src/store/migrations/verify.ts";
import { tampered } from "../support/tampering.ts";
import { allow, COMPANY, installOlderSchema, openWorkbench, refusal, type Workbench } from "../support/workbench.ts";

const ROWS = 1_205;
const COMPANY_FILE = "platform/20260101000000_company";
const ALLOW_FILE = "platform/20260102000000_a";

let bench: Workbench;
let client: Client;
let files: number;

beforeAll(async () => {
	bench = await openWorkbench();
	bench.put(`${COMPANY_FILE}.sql`, COMPANY);
	await bench.up();
	bench.put(`${ALLOW_FILE}.sql`, allow("a", "/a"));
	bench.put("platform/20260103000000_nothing.sql", "select 1;");
	await bench.up();
	files = (await readSchemaFiles(SCHEMA_DIRECTORY)).length + 3;
	client = await bench.test.connect();
	await client.query(`
		set client_min_messages = error;
		select firebreak.quarantine('segment', 'orders', 'odd', 'infinity');
		select firebreak.lift('segment', 'orders', 'well');
		select firebreak.revoke_token('https://i', 'j' || g, 'leaked') from generate_series(1, 1200) g;
	`);
	await client.query("begin; select firebreak.revoke_token('https://i', 'never', 'rolled back')");
	await client.query("rollback");
	await client.query(`
		insert into firebreak.revocation (kind, key, payload, reason, until)
			values ('revoke_token', 'plain', '{"b": 1e400, "a": "é"}', 'by hand', '-infinity'),
				('quarantine', 'segment:web', '{"kind": "segment", "name": "web"}', 'in one statement', null),
				('lift', 'segment:web', '{"kind": "segment", "name": "web"}', 'in one statement', now());`);
});
afterAll(() => bench?.close());

const verify = () => migrateVerify(bench.database, bench.folders(), CATALOG_FILE);
const told = async () => (await refusal(verify())).problems.map(({ object, message }) => `${object}: ${message}`);

const SOUND = () => ({
	history: { revisions: 2 },
	lane: { revocations: ROWS, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
	records: { migrations: files, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
});

test("a lane of every kind of row, and the records of every file, are proven, whatever the session's settings are", async () => {
	const outcome = await verify();
	expect(outcome).toMatchObject(SOUND());
	await client.query(`alter database ${bench.test.name} set timezone = 'Asia/Kolkata'`);
	await client.query(`alter database ${bench.test.name} set extra_float_digits = -5`);
	expect(await verify()).toEqual(outcome);
});

test("rows are written by whoever may, not by who deletes", async () => {
	await expect(client.query("delete from firebreak.revocation where seq = 3")).rejects.toMatchObject({
		message: "table revocation: is append-only",
	});
});

const ALTERED = "the revocation, or its digest, was altered";
const RECORD = "what was recorded of it (when, by whom, which revision), or its digest, was altered";

describe("what was altered past the triggers is named", () => {
	test.each<[string, string, string[]]>([
		["a row is gone", "delete from firebreak.revocation where seq = 7", ["revocation 8: revocation 7 is missing"]],
		[
			"rows are gone",
			"delete from firebreak.revocation where seq between 1 and 500",
			["revocation 501: revocations 1 to 500 are missing"],
		],
		[
			"the newest are gone",
			"delete from firebreak.revocation where seq > 1000",
			[`revocation ${ROWS}: revocations 1001 to ${ROWS} are missing`],
		],
		[
			"all of them are gone",
			"delete from firebreak.revocation",
			[`revocation ${ROWS}: revocations 1 to ${ROWS} are missing`],
		],
		[
			"whom it is about",
			`update firebreak.revocation set payload = jsonb_set(payload, '{token_id}', '"other"') where seq = 9`,
			[`revocation 9: ${ALTERED}`],
		],
		["its key", "update firebreak.revocation set key = 'k' where seq = 9", [`revocation 9: ${ALTERED}`]],
		["its kind", "update firebreak.revocation set kind = 'lift' where seq = 1", [`revocation 1: ${ALTERED}`]],
		["its end", "update firebreak.revocation set until = now() where seq = 9", [`revocation 9: ${ALTERED}`]],
		[
			"an end without end",
			"update firebreak.revocation set until = '-infinity' where seq = 1",
			[`revocation 1: ${ALTERED}`],
		],
		[
			"an end that was none",
			"update firebreak.revocation set until = null where seq = 1",
			[`revocation 1: ${ALTERED}`],
		],
		["who wrote it", "update firebreak.revocation set by = 'somebody' where seq = 9", [`revocation 9: ${ALTERED}`]],
		[
			"when",
			"update firebreak.revocation set at = at - interval '1 microsecond' where seq = 9",
			[`revocation 9: ${ALTERED}`],
		],
		["why", "update firebreak.revocation set reason = 'x' where seq = 9", [`revocation 9: ${ALTERED}`]],
		[
			"a digest, so that the next one does not follow",
			"update firebreak.revocation r set digest = firebreak.revocation_digest(null, r) where seq = 9",
			[`revocation 9: ${ALTERED}`, `revocation 10: ${ALTERED}`],
		],
		[
			"a row and its digest, both to the purpose",
			`update firebreak.revocation set reason = 'x' where seq = 9;
			update firebreak.revocation r set digest = firebreak.revocation_digest(
				(select p.digest from firebreak.revocation p where p.seq = 8), r) where seq = 9`,
			[`revocation 10: ${ALTERED}`],
		],
		[
			"a row that was slipped in",
			`insert into firebreak.revocation select ${ROWS + 1}, kind, key, payload, until, reason, by, at, digest
				from firebreak.revocation where seq = 1`,
			[`revocation ${ROWS + 1}: the revocation is not one of those that the head counts`],
		],
		[
			"a head that was set back",
			"update firebreak.revocation_counter set seq = 1204",
			["revocation 1205: the revocation is not one of those that the head counts"],
		],
		[
			"when a file was applied",
			`update firebreak.migration set applied_at = applied_at - interval '1 day' where name = '${ALLOW_FILE}'`,
			[`migration ${ALLOW_FILE}: ${RECORD}`],
		],
		[
			"who applied it",
			`update firebreak.migration set applied_by = 'somebody' where name = '${ALLOW_FILE}'`,
			[
				expect.stringMatching(
					/^migration platform\/20260102000000_a: it made revision 2 as .*, and is recorded as applied by somebody$/,
				) as never,
				`migration ${ALLOW_FILE}: ${RECORD}`,
			],
		],
		[
			"which revision it made",
			`update firebreak.migration set revision = 1 where name = '${ALLOW_FILE}'`,
			[`migration ${ALLOW_FILE}: it made revision 2, and is recorded with 1`, `migration ${ALLOW_FILE}: ${RECORD}`],
		],
		[
			"a record that is gone with its file, and all digests made anew",
			`delete from firebreak.migration where name = '${ALLOW_FILE}';
			update firebreak.migration set number = null, digest = null; select firebreak.seal_migrations()`,
			[`migration ${ALLOW_FILE}: it made revision 2, and is not recorded`],
		],
		[
			"a record by hand",
			"insert into firebreak.migration (name, owner, checksum) select 'platform/1_b', 'platform', checksum from firebreak.migration limit 1",
			["migration platform/1_b: it was applied, but its file is not there"],
		],
		[
			"digests that are gone",
			`update firebreak.migration set digest = null where name = '${COMPANY_FILE}'`,
			[`migration ${COMPANY_FILE}: ${RECORD}`, `migration ${ALLOW_FILE}: ${RECORD}`],
		],
		[
			"a number that is gone",
			`update firebreak.migration set number = null where name = '${COMPANY_FILE}'`,
			[
				`migration ${COMPANY_FILE}: it was recorded, but by no run of migrate up`,
				expect.stringMatching(
					/^migration platform\/20260102000000_a: what was applied before it is missing \(number \d+\)$/,
				) as never,
			],
		],
	])("%s", async (_what, statements, expected) => {
		await tampered(client, statements, async () => {
			const error = await refusal(verify());
			expect(error.code).toBe("migration_drift");
			expect(await told()).toEqual(expected);
			for (const { cure } of error.problems) expect(cure).toMatch(/restore/);
		});
		expect(await verify()).toMatchObject(SOUND());
	});
});

test("what is written afterwards is chained on", async () => {
	await client.query("select firebreak.revoke_token('https://i', 'later', 'leaked')");
	bench.put("platform/20260104000000_b.sql", allow("b", "/b"));
	await bench.up();
	expect(await verify()).toMatchObject({ lane: { revocations: ROWS + 1 }, records: { migrations: files + 1 } });
});

test("rows of before there were digests get theirs when the schema is upgraded, and stay what they were", async () => {
	const older = await openWorkbench();
	try {
		const client = await older.test.connect();
		await installOlderSchema(client, "0031");
		await client.query("set client_min_messages = error");
		await client.query(`
			select firebreak.revoke_token('https://i', 'j' || g, 'leaked') from generate_series(1, 100) g;
			select firebreak.quarantine('segment', 'orders', 'odd')`);
		const rows = "select seq, kind, key, payload, until, reason, by, at from firebreak.revocation order by seq";
		const before = (await client.query(rows)).rows;
		await older.up();
		expect((await client.query(rows)).rows).toEqual(before);
		await client.query("select firebreak.lift('segment', 'orders', 'well')");
		expect(await migrateVerify(older.database, older.folders(), CATALOG_FILE)).toMatchObject({
			lane: { revocations: 102 },
			records: { migrations: files - 3 },
		});
	} finally {
		await older.close();
	}
});
