import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { register } from "../../src/cli/migrate.ts";
import { run } from "../../src/cli/program.ts";
import { fakeIo } from "../support/fake-io.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { until } from "../support/wait.ts";

let database: TestDatabase;
let root: string;

beforeAll(async () => {
	database = await createTestDatabase({ schema: false });
});
afterAll(() => database?.drop());
beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), "firebreak-cli-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, text: string): void {
	mkdirSync(dirname(join(root, path)), { recursive: true });
	writeFileSync(join(root, path), text);
}

async function firebreak(argv: string[], url = database.url) {
	const io = fakeIo({ env: { DATABASE_URL: url } });
	const code = await run(["migrate", ...argv], io, [{ register }]);
	return { code, out: io.out(), err: io.err() };
}

const OWNER = "select firebreak.owner('platform');\n";

describe("migrate", () => {
	test("up, status and verify, for people and for programs", async () => {
		put("platform/20260101000000_owner.sql", OWNER);
		const planned = await firebreak(["up", "--dir", root, "--dry-run"]);
		expect(planned).toMatchObject({ code: 0, err: "" });
		expect(planned.out).toMatch(/^platform\/20260101000000_owner +platform +\d+\.\d{3}$/m);
		expect(planned.out).toMatch(/\d+ migrations would be applied: revision 1; rolled back\n$/);

		const applied = await firebreak(["up", "--dir", root, "--json"]);
		expect(JSON.parse(applied.out)).toMatchObject({ dryRun: false, changed: true, revision: 1, seq: 0 });
		expect((await firebreak(["up", "--dir", root])).out).toBe("nothing to apply; revision 1\n");

		put("platform/20260102000000_next.sql", "select 1;");
		const status = await firebreak(["status", "--dir", root]);
		expect(status.out).toMatch(/^applied +platform\/20260101000000_owner +1 +\d{4}-\S+Z +\S+$/m);
		expect(status.out).toMatch(/^pending +platform\/20260102000000_next$/m);
		expect(JSON.parse((await firebreak(["status", "--dir", root, "--json"])).out).head).toMatchObject({ revision: 1 });
		expect((await firebreak(["verify", "--dir", root])).out).toMatch(
			/^files: \d+ applied migrations are as their files say; 1 pending\nschema: \d+ objects .+\nhistory: 1 revisions .+\nrevocations: 0 .+\nrecords of applied files: \d+ .+\nwho may alter it: superuser .+\n$/,
		);
	});

	test("up of a folder without migrations warns when others were applied: it may be misspelt", async () => {
		put("platform/20260101000000_owner.sql", OWNER);
		expect(await firebreak(["up", "--dir", root])).toMatchObject({ code: 0, err: "" });
		rmSync(join(root, "platform"), { recursive: true });
		for (const folder of [`${root}x`, root]) {
			const { code, out, err } = await firebreak(["up", "--dir", folder]);
			expect({ code, out }).toEqual({ code: 0, out: "nothing to apply; revision 1\n" });
			expect(err).toBe(
				`warning: there is no migration in ${folder}, though the database has 1 that files made: check --dir\n`,
			);
		}
	});

	test("up says whose open transaction it waits for, and how to end that", async () => {
		put("platform/20260101000000_owner.sql", OWNER);
		await firebreak(["up", "--dir", root]);
		const author = await database.connect();
		try {
			await author.query("set application_name = 'pat'");
			const { pid, login } = (await author.query("select pg_backend_pid() as pid, current_user as login")).rows[0];
			await author.query("begin; select firebreak.domain('held', 'platform', flow => 'mtls')");
			await author.query("set constraints all immediate");
			put("platform/20260102000000_domain.sql", "select firebreak.domain('mine', 'platform', flow => 'mtls');");
			const io = fakeIo({ env: { DATABASE_URL: database.url } });
			const running = run(["migrate", "up", "--dir", root], io, [{ register }]);
			await Promise.race([running, until("it says that it waits", () => io.err() !== "")]);
			await author.query("rollback");
			expect(await running).toBe(0);
			expect(io.err()).toBe(
				`waiting for process ${pid} of Postgres (login ${login}, pat), whose open transaction holds what this run needs: end that transaction, or: select pg_terminate_backend(${pid})\n`,
			);
		} finally {
			await author.end();
		}
	});

	test("what does not compile exits 3 and is told as file:line, with the cure", async () => {
		put(
			"platform/20260103000000_bad.sql",
			`select firebreak.domain('internal', 'platform', flow => 'mtls');
select firebreak.segment('a', 'internal', 'prod', 'platform', array['spiffe://example.org/a']);
select firebreak.allow('wrong', 'a', 'a', 'platform', array['GET'], array['/x'], condition => 'nope');`,
		);
		const { code, out, err } = await firebreak(["up", "--dir", root]);
		expect({ code, out }).toEqual({ code: 3, out: "" });
		expect(err.split("\n")[1]).toMatch(
			new RegExp(`^  ${root}/platform/20260103000000_bad\\.sql:3: policy wrong, condition: .+ \\(.+\\)$`),
		);
		const json = JSON.parse((await firebreak(["up", "--dir", root, "--json"])).out);
		expect(json.error).toMatchObject({ code: "policy_invalid", problems: [{ object: "policy wrong", line: 3 }] });
	});

	test("SQL that fails exits 1", async () => {
		put("platform/20260103000000_bad.sql", "\nselect firebreak.owner(name => 'no good');");
		const { code, err } = await firebreak(["up", "--dir", root]);
		expect(code).toBe(1);
		expect(err).toContain(
			`${root}/platform/20260103000000_bad.sql:2: owner no good, name: "no good" is no name of an owner (use `,
		);
	});

	test("an edited file exits 5, also in verify", async () => {
		put("platform/20260101000000_owner.sql", `${OWNER}-- edited`);
		for (const command of ["up", "verify"]) {
			const { code, err } = await firebreak([command, "--dir", root]);
			expect(code).toBe(5);
			expect(err).toContain("migration platform/20260101000000_owner: it was edited after it was applied (restore");
		}
	});

	test("a schema that was altered by hand, or is newer than the program, exits 5", async () => {
		const other = await createTestDatabase({ schema: false });
		const client = new pg.Client({ connectionString: other.url });
		try {
			put("platform/20260101000000_owner.sql", OWNER);
			expect((await firebreak(["up", "--dir", root], other.url)).code).toBe(0);
			await client.connect();
			await client.query("alter table firebreak.policy add column stray integer");
			const altered = await firebreak(["verify", "--dir", root], other.url);
			expect(altered.code).toBe(5);
			expect(altered.err).toContain("stray");
			await client.query("alter table firebreak.policy drop column stray");
			await client.query("insert into firebreak.migration (name, checksum) values ('schema/9999_future', 'x')");
			for (const command of ["up", "verify"]) {
				const newer = await firebreak([command, "--dir", root], other.url);
				expect(newer.code).toBe(5);
				expect(newer.err).toContain("9999_future");
			}
		} finally {
			await client.end();
			await other.drop();
		}
	});

	test("an unreachable database exits 7 and keeps the password to itself", async () => {
		const { code, out, err } = await firebreak(["up", "--dir", root], "postgresql://someone:s3cret@127.0.0.1:1/none");
		expect(code).toBe(7);
		expect(err).toContain("Postgres at 127.0.0.1:1/none cannot be reached: connect ECONNREFUSED 127.0.0.1:1");
		expect(out + err).not.toContain("s3cret");
	});

	test.each([[["up", "--nonsense"]], [["new", "a"]], [["sideways"]], [["up", "--to", "nothing"]]])(
		"wrong usage exits 2: %j",
		async (argv) => {
			expect((await firebreak([...argv, "--dir", root])).code).toBe(2);
		},
	);

	test("new writes a file by the clock, in UTC", async () => {
		const { code, out } = await firebreak(["new", "orders read payments", "--owner", "payments", "--dir", root]);
		const path = join(root, "payments/20260131120000_orders_read_payments.sql");
		expect({ code, out }).toEqual({ code: 0, out: `${path}\n` });
		expect(readdirSync(join(root, "payments"))).toHaveLength(1);
		expect(readFileSync(path, "utf8")).toContain("-- select firebreak.allow(");
	});
});
