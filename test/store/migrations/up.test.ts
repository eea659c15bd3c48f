import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { UpEvent } from "../../../src/store/migrations/up.ts";
import { until } from "../../support/wait.ts";
import { allow, COMPANY, openWorkbench, refusal, type Workbench } from "../support/workbench.ts";

let bench: Workbench;

beforeAll(async () => {
	bench = await openWorkbench();
	bench.put("platform/20260101000000_company.sql", COMPANY);
	await bench.up();
});
beforeEach(() => bench.emptyFolder());
afterAll(() => bench?.close());

async function names(table: string): Promise<string[]> {
	const client = await bench.test.connect();
	const { rows } = await client.query(`select name from firebreak.${table} order by 1`);
	await client.end();
	return rows.map(({ name }) => name);
}

describe("migrateUp", () => {
	test("applies schema and policies to an empty database as one revision, and then has nothing to do", async () => {
		const fresh = await openWorkbench();
		try {
			fresh.put("platform/20260101000000_company.sql", COMPANY);
			fresh.put("payments/20260102000000_read.sql", allow("read", "/v1/payments/{id}"));
			const outcome = await fresh.up();
			expect(outcome.applied[0]).toMatchObject({ name: "schema/0001_foundation", owner: null });
			expect(outcome.applied.slice(-2)).toMatchObject([
				{ name: "platform/20260101000000_company", owner: "platform" },
				{ name: "payments/20260102000000_read", owner: "payments" },
			]);
			expect(outcome).toMatchObject({ changed: true, head: { revision: 1, seq: 0 } });

			expect(await fresh.up()).toEqual({ applied: [], changed: false, head: outcome.head, plan: null });
			const client = await fresh.test.connect();
			const { rows } = await client.query("select distinct revision from firebreak.migration");
			expect(rows).toEqual([{ revision: "1" }]);
			const history = await client.query("select migration from firebreak.history where kind = 'policy'");
			expect(history.rows).toEqual([{ migration: "payments/20260102000000_read" }]);
		} finally {
			await fresh.close();
		}
	});

	test("two runs at once wait for each other, and apply everything once", async () => {
		const gate = await bench.gate();
		bench.put("platform/20260103000000_slow.sql", `${allow("slow", "/slow")} ${gate.sql}`);
		const events: UpEvent[] = [];
		const report = (event: UpEvent) => events.push(event);
		const running = Promise.all([bench.up({ report }), bench.up({ report })]);
		await Promise.race([running, until("one waits", () => events.some(({ kind }) => kind === "waiting"))]).finally(
			gate.open,
		);
		const outcomes = await running;
		expect(outcomes.map(({ applied }) => applied.length).sort()).toEqual([0, 1]);
		expect(outcomes[0]!.head).toEqual(outcomes[1]!.head);
		expect(events.filter(({ kind }) => kind === "waiting")).toHaveLength(1);
	});

	test("files that arrive late from another owner are applied, behind what they require", async () => {
		bench.put("platform/20260201000000_b.sql", allow("late-b", "/b"));
		await bench.up();
		bench.put("orders/20260110000000_late.sql", `-- requires: orders/20260111000000_later\n${allow("late", "/a")}`);
		bench.put("orders/20260111000000_later.sql", allow("later", "/a"));
		const { applied } = await bench.up();
		expect(applied.map(({ name }) => name)).toEqual(["orders/20260111000000_later", "orders/20260110000000_late"]);
	});

	test("says what a file says, and how far it is", async () => {
		bench.put("platform/20260202000000_talk.sql", "do $$ begin raise notice 'half way'; end $$; select 1;");
		const events: UpEvent[] = [];
		await bench.up({ report: (event) => events.push(event) });
		expect(events).toContainEqual({ kind: "notice", text: "half way" });
		expect(events).toContainEqual(expect.objectContaining({ kind: "running", done: 2, total: 2 }));
	});

	test("stops behind --to", async () => {
		bench.put("platform/20260203000000_a.sql", allow("to-a", "/a"));
		bench.put("platform/20260204000000_b.sql", allow("to-b", "/b"));
		expect((await bench.up({ to: "20260203" })).applied).toHaveLength(1);
		expect(await names("policy")).toEqual(expect.not.arrayContaining(["to-b"]));
		expect((await bench.up()).applied).toHaveLength(1);
	});

	test("a dry run does everything and leaves nothing", async () => {
		bench.put("platform/20260205000000_dry.sql", allow("dry", "/dry"));
		const before = (await bench.up({ to: "2020" })).head;
		const outcome = await bench.up({ dryRun: true });
		expect(outcome).toMatchObject({
			applied: [{ name: "platform/20260205000000_dry" }],
			changed: true,
			head: { revision: before.revision + 1 },
		});
		expect(await names("policy")).not.toContain("dry");
		expect((await bench.up({ to: "2020" })).head).toEqual(before);
		bench.put("platform/20260206000000_bad.sql", allow("bad", "nowhere"));
		expect((await refusal(bench.up({ dryRun: true }))).code).toBe("migration_invalid");
	});

	test("settings of one file do not reach the next", async () => {
		bench.put(
			"platform/20260207000000_a.sql",
			"set search_path = firebreak; set standard_conforming_strings = off; set firebreak.migration = 'mine';",
		);
		bench.put(
			"platform/20260208000000_b.sql",
			`create temp table seen as select current_setting('search_path') as path, current_setting('standard_conforming_strings') as strings, current_setting('firebreak.migration') as migration;
			do $$ declare s record; begin select * into s from pg_temp.seen; if (s.path like '%firebreak%') or s.strings <> 'on' or s.migration <> 'platform/20260208000000_b' then raise '%', s; end if; end $$;`,
		);
		expect((await bench.up()).applied).toHaveLength(2);
	});
});

describe("what does not compile", () => {
	test("is never committed; problems have the file, the line, the object and the cure", async () => {
		const before = (await bench.up()).head;
		bench.put("platform/20260301000000_good.sql", allow("good", "/good"));
		bench.put(
			"platform/20260302000000_bad.sql",
			`-- two policies, the second wrong\n${allow("fine", "/fine")}\nselect firebreak.allow(\n\tname => 'wrong',\n\tsource => 'orders', destination => 'payments',\n\towner => 'platform', methods => array['GET'], paths => array['/v1/{id}'],\n\tcondition => 'params.other == "a"');`,
		);
		const error = await refusal(bench.up());
		expect(error.code).toBe("policy_invalid");
		expect(error.problems).toEqual([
			{
				object: "policy wrong",
				field: "condition",
				message: expect.stringContaining("params.other"),
				cure: expect.any(String),
				file: expect.stringMatching(/platform\/20260302000000_bad\.sql$/),
				line: 6,
			},
		]);
		expect(await names("policy")).toEqual(expect.not.arrayContaining(["good", "fine", "wrong"]));
		expect(await names("migration")).toEqual(expect.not.arrayContaining(["platform/20260301000000_good"]));
		bench.emptyFolder();
		expect((await bench.up()).head).toEqual(before);
	});

	test("is refused also when what no pending file states is at fault", async () => {
		await bench.apply(`select firebreak.allow(name => 'params', source => 'orders', destination => 'payments', owner => 'platform',
			methods => array['GET'], paths => array['/v1/{id}'], condition => 'params.id == "a"');`);
		bench.emptyFolder();
		bench.put(
			"platform/20260303000000_bad.sql",
			"do $$ begin perform firebreak.allow(name => 'par' || 'ams', source => 'orders', destination => 'payments', owner => 'platform', methods => array['GET'], paths => array['/v1/*'], condition => 'params.id == \"a\"'); end $$",
		);
		const error = await refusal(bench.up());
		expect(error.code).toBe("policy_invalid");
		expect(error.problems[0]).toMatchObject({ object: "policy params" });
		expect(error.problems[0]!.file).toBeUndefined();
	});
});

describe("a file that fails", () => {
	const text = (statement: string) => `select 1;\n\n-- here\n${statement};\nselect 2;\n`;

	test.each<[string, string, number, object]>([
		[
			"a syntax error",
			"select\n  1 from from",
			5,
			{ message: 'syntax error at or near "from"', cure: "correct the SQL" },
		],
		["an unknown column", "select 'é',\n\n nope", 6, { message: 'column "nope" does not exist' }],
		["an unknown function", "select firebreak.alow()", 4, { message: "function firebreak.alow() does not exist" }],
		[
			"a misspelt argument",
			"select firebreak.owner(nme => 'x')",
			4,
			{ message: expect.stringContaining("firebreak.owner(nme =>") },
		],
		[
			"a wrong argument",
			"select\n\tfirebreak.domain('d2', 'platform', flow => 'tls')",
			4,
			{
				object: "domain d2",
				field: "flow",
				message: '"tls" is not known',
				cure: "write one of mtls, token, mtls+token, mtls+bound-token",
			},
		],
		[
			"an error within a function that the file calls",
			"do $$ begin\nperform 1;\nperform 1 / 0; end $$",
			4,
			{ message: "division by zero" },
		],
		["COMMIT", "commit", 4, { message: "COMMIT would end or change the transaction of the run" }],
		["a savepoint", "/* x */ savepoint a", 4, { message: "SAVEPOINT would end or change the transaction of the run" }],
		["a hidden COMMIT", "do $$ begin commit; end $$", 4, { message: "invalid transaction termination" }],
		[
			"an executed COMMIT",
			"do $$ begin execute 'commit'; end $$",
			4,
			{ message: "EXECUTE of transaction commands is not implemented" },
		],
		["RESET ROLE", "reset role", 4, { message: 'cannot set parameter "role" within security-definer function' }],
		[
			"SET ROLE by its function",
			"select set_config('role', 'firebreak_owner', false)",
			4,
			{ message: 'cannot set parameter "role" within security-definer function' },
		],
		[
			"SET SESSION AUTHORIZATION",
			"set session authorization default",
			4,
			{ message: 'cannot set parameter "session_authorization" within security-definer function' },
		],
		[
			"COPY from the client",
			"copy firebreak.owner from stdin",
			4,
			{ message: "cannot COPY to/from client in PL/pgSQL" },
		],
		[
			"a revocation",
			"select firebreak.revoke_token('https://id.example.org', 'a', 'stolen')",
			4,
			{ message: expect.stringContaining("a policy file may not write the revocation lane") },
		],
		[
			"a revocation by a file that hides that it is one",
			"do $$ begin reset firebreak.migration; perform firebreak.quarantine('segment', 'orders', 'ours'); end $$",
			4,
			{ message: expect.stringContaining("a policy file may not write the revocation lane") },
		],
	])("is rolled back: %s", async (_what, statement, line, problem) => {
		bench.put("platform/20260401000000_good.sql", allow("rolled-back", "/x"));
		bench.put("platform/20260402000000_bad.sql", text(statement));
		const error = await refusal(bench.up());
		expect(error.code).toBe("migration_invalid");
		expect(error.problems).toHaveLength(1);
		expect(error.problems[0]).toMatchObject({
			object: "migration platform/20260402000000_bad",
			cure: expect.any(String),
			file: expect.stringMatching(/20260402000000_bad\.sql$/),
			line,
			...problem,
		});
		expect(await names("policy")).not.toContain("rolled-back");
	});

	test("beyond the first batch has its own line", async () => {
		const lines = Array.from({ length: 1_200 }, (_, index) => (index === 1_100 ? "select 1 / 0;" : "select 1;"));
		bench.put("platform/20260403000000_long.sql", lines.join("\n"));
		expect((await refusal(bench.up())).problems[0]).toMatchObject({ message: "division by zero", line: 1_101 });
	});

	test("refers to what is not there: found at the end, told with the line that says it", async () => {
		bench.put(
			"platform/20260404000000_bad.sql",
			"select firebreak.allow('lost', 'orders', 'nowhere', 'platform',\n array['GET'], array['/x']);",
		);
		const error = await refusal(bench.up());
		expect(error.code).toBe("migration_invalid");
		expect(error.problems[0]).toMatchObject({
			object: "policy lost",
			field: "destination",
			message: '"nowhere" is no segment',
			line: 1,
			file: expect.stringMatching(/20260404000000_bad\.sql$/),
		});
	});
});

describe("drift", () => {
	test("an applied file that was edited stops everything", async () => {
		bench.put("platform/20260501000000_a.sql", allow("drift", "/a"));
		await bench.up();
		bench.put("platform/20260501000000_a.sql", allow("drift", "/b"));
		bench.put("platform/20260502000000_b.sql", allow("drift-b", "/b"));
		const error = await refusal(bench.up());
		expect(error.code).toBe("migration_drift");
		expect(error.problems).toMatchObject([
			{ object: "migration platform/20260501000000_a", file: expect.stringMatching(/20260501000000_a\.sql$/) },
		]);
		expect(await names("policy")).not.toContain("drift-b");
	});

	test("a schema newer than the program is refused", async () => {
		const client = await bench.test.connect();
		await client.query("insert into firebreak.migration (name, checksum) values ('schema/9999_future', 'x')");
		try {
			const error = await refusal(bench.up());
			expect(error.code).toBe("migration_drift");
			expect(error.message).toBe("the database's schema is newer than this version of Firebreak");
			expect(error.problems).toMatchObject([{ object: "migration schema/9999_future" }]);
		} finally {
			await client.query("delete from firebreak.migration where name = 'schema/9999_future'");
		}
	});
});

describe("a lost connection", () => {
	test("in the middle leaves nothing, and the next run goes on", async () => {
		bench.put("platform/20260601000000_a.sql", allow("half", "/a"));
		bench.put("platform/20260602000000_b.sql", "select pg_sleep(600);");
		const killer = await bench.test.connect();
		const run = refusal(bench.up());
		for (let killed = 0; killed === 0; ) {
			const { rowCount } = await killer.query(
				"select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like '%pg_temp.firebreak_run%' and state = 'active' and wait_event = 'PgSleep'",
			);
			killed = rowCount ?? 0;
		}
		expect((await run).code).toBe("dependency_unreachable");
		expect(await names("policy")).not.toContain("half");
		bench.put("platform/20260602000000_b.sql", "select 1;");
		expect((await bench.up()).applied).toHaveLength(2);
	});
});
