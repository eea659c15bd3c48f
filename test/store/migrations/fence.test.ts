import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { LIMITS } from "../../../src/core/limits.ts";
import { openWorkbench, refusal, type Workbench } from "../support/workbench.ts";
import { ATTEMPTS, EVIL } from "./escapes.ts";

let bench: Workbench;
let a: string;
let b: string;
let minute = 0;

beforeAll(async () => {
	bench = await openWorkbench();
	await bench.up();
	a = await bench.test.role("team_a", "firebreak_author");
	b = await bench.test.role("team_b", "firebreak_author");
	put(
		"platform",
		`select firebreak.owner('platform'), firebreak.owner('a', '{a}'), firebreak.owner('b', '{b}');
		select firebreak.domain('da', 'a', flow => 'mtls'), firebreak.domain('db', 'b', flow => 'mtls');`,
	);
	put("a", "select firebreak.segment('sa', 'da', 'prod', 'a', '{spiffe://t/a}');");
	put("b", "select firebreak.segment('sb', 'db', 'prod', 'b', '{spiffe://t/b}');");
	put("b", "select firebreak.allow('pb', '*', 'sb', 'b', '{GET}', '{/}');");
	await bench.up();
});
beforeEach(() => bench.emptyFolder());
afterAll(() => bench?.close());

const named = (text: string) => text.replaceAll("{a}", a).replaceAll("{b}", b);

/** A file of that owner, behind all that were put before; its name. */
function put(owner: string, text: string, firstLine = ""): string {
	const time = new Date(Date.UTC(2030, 0, 1, 0, minute++)).toISOString().replace(/\D/g, "").slice(0, 14);
	bench.put(`${owner}/${time}_step.sql`, firstLine + named(text));
	return `${owner}/${time}_step`;
}

async function rows(text: string): Promise<unknown[]> {
	const client = await bench.test.connect();
	try {
		return (await client.query(text)).rows;
	} finally {
		await client.end();
	}
}

/** All that policy is, and what is granted by default. */
const state = () =>
	rows(`select kind, name, spec from firebreak.object union all
		select 'revocation', key, payload from firebreak.revocation order by 1, 2`);

describe.each(Object.entries(ATTEMPTS))("%s", (_, attempts) => {
	test.each(attempts.map((attempt) => [attempt.what, attempt] as const))("%s", async (_, attempt) => {
		const before = await state();
		const name = put(attempt.folder ?? "a", `\n${attempt.sql};`);
		const next = put("b", "select 'x'::text, '2036-01-01'::timestamptz, 1::text from pg_roles limit 1;");
		if (attempt.refused === undefined) {
			const { applied } = await bench.up();
			expect(applied.map((file) => file.name)).toEqual([name, next]);
		} else {
			const error = await refusal(bench.up());
			expect(error.code).toBe("migration_invalid");
			expect(error.problems).toHaveLength(1);
			const [problem] = error.problems;
			expect(problem!.message).toContain(named(attempt.refused));
			expect(problem!.message).not.toContain("escaped");
			expect(problem).toMatchObject({ file: expect.stringContaining(`${name}.sql`), cure: expect.any(String) });
			expect(problem!.line).toBeGreaterThan(0);
		}
		expect(await state()).toEqual(before);
	});
});

test("another owner's object is refused with file, line, object and cure", async () => {
	const name = put("a", "-- mine\nselect 1;\nselect firebreak.allow('pb', 'sa', 'sb', 'b', '{GET}', '{/}');");
	expect((await refusal(bench.up())).problems).toEqual([
		{
			object: "policy pb",
			field: "owner",
			message: `belongs to b, whose role ${b} is not held by ${a}`,
			cure: "state it in a file of that owner's folder",
			file: expect.stringContaining(`${name}.sql`),
			line: 3,
		},
	]);
});

test("history names the file that ran, whatever the file says", async () => {
	const name = put(
		"a",
		`set firebreak.migration = 'b/20260101000000_other'; select set_config('firebreak.migration', 'b/1', true);
		select firebreak.allow('pa', 'sb', 'sa', 'a', '{GET}', '{/}');`,
	);
	await bench.up();
	expect(await rows("select migration from firebreak.policy_history where name = 'pa'")).toEqual([{ migration: name }]);
	expect(await rows("select migrations from firebreak.revision order by number desc limit 1")).toEqual([
		{ migrations: [name] },
	]);
	expect(await rows("select * from firebreak.running")).toEqual([]);
});

test("nor does a setting name one when it is done by hand", async () => {
	await rows(
		"begin; set local firebreak.migration = 'b/1'; select firebreak.allow('hand', 'sb', 'sa', 'a', '{GET}', '{/}'); commit",
	);
	expect(await rows("select migration from firebreak.policy_history where name = 'hand'")).toEqual([
		{ migration: null },
	]);
});

test("temporary objects are the file's own", async () => {
	put("a", "create temp table t as select 1 as x; select x from pg_temp.t;");
	put("a", "create temp table t as select 2 as x; select x from pg_temp.t;");
	put("b", "select x from pg_temp.t;");
	expect((await refusal(bench.up())).problems).toMatchObject([
		{ message: 'relation "pg_temp.t" does not exist', file: expect.stringContaining("/b/") },
	]);
});

describe("the fence of a file's next batch", () => {
	const filler = "select 1;\n".repeat(LIMITS.migrationBatchStatements);

	test("is another one, whatever the file makes of the first", async () => {
		put(
			"a",
			`${EVIL} do $$ declare f regprocedure; begin
				for f in select p.oid from pg_proc p where p.proname like 'firebreak\\_run\\_%' loop
					execute format('alter function %s security invoker', f);
					execute format('alter function %s set search_path = pg_temp', f);
				end loop;
			end $$;\n${filler}select pg_temp.evil();`,
		);
		await expect(bench.up()).resolves.toBeDefined();
	});

	test("cannot be made beforehand", async () => {
		put(
			"a",
			`do $$ begin for n in 1 .. 9 loop begin
				execute format('create function pg_temp.firebreak_run_%s(statements text[]) returns void language sql return null', n);
			exception when duplicate_function then null; end; end loop; end $$;\n${filler}reset role;`,
		);
		expect((await refusal(bench.up())).problems[0]!.message).toMatch(/already exists/);
	});
});

describe("crossings", () => {
	const offer = "select firebreak.crossing('a-to-b', 'a', 'r', '2036-01-01', 'da', 'db');";
	const accept = "select firebreak.accept_crossing('a-to-b', 'b');";
	const accepted = () => rows("select spec -> 'accepted' as accepted from firebreak.object where name = 'a-to-b'");

	test("are offered by one owner's file and accepted by the other's in the same run", async () => {
		put("a", offer);
		put("b", accept);
		await bench.up();
		expect(await accepted()).toEqual([{ accepted: true }]);
		put("b", "select firebreak.remove('crossing', 'a-to-b');");
		await bench.up();
	});

	test("also when the acceptance is the older file: it says what it requires", async () => {
		const time = new Date(Date.UTC(2030, 0, 1, 0, minute + 1)).toISOString().replace(/\D/g, "").slice(0, 14);
		put("b", accept, `-- requires: a/${time}_step\n`);
		const offered = put("a", offer);
		expect(offered).toBe(`a/${time}_step`);
		await bench.up();
		expect(await accepted()).toEqual([{ accepted: true }]);
	});
});
