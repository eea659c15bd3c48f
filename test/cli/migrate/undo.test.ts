import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { register } from "../../../src/cli/migrate.ts";
import { run } from "../../../src/cli/program.ts";
import { allow, COMPANY } from "../../store/support/workbench.ts";
import { fakeIo } from "../../support/fake-io.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";

let database: TestDatabase;
let root: string;

beforeAll(async () => {
	database = await createTestDatabase({ schema: false });
	root = mkdtempSync(join(tmpdir(), "firebreak-undo-"));
	await firebreak("up");
	const client = await database.connect();
	for (const text of [COMPANY, allow("reads", "/v1"), allow("reads", "/v2")])
		await client.query(`begin; ${text} commit`);
});
afterAll(async () => {
	await database?.drop();
	rmSync(root, { recursive: true, force: true });
});

async function firebreak(...argv: string[]) {
	const io = fakeIo({ env: { DATABASE_URL: database.url } });
	const code = await run(["migrate", ...argv, "--dir", root], io, [{ register }]);
	return { code, out: io.out(), err: io.err() };
}

test("undo writes a file that up applies, and that compiles", async () => {
	const path = join(root, "platform/20260131120000_undo_to_revision_2.sql");
	const { code, out, err } = await firebreak("undo", "--to-revision", "2");
	expect({ code, out, err }).toEqual({ code: 0, out: `${path}: 1 statement\n`, err: "" });
	expect(readFileSync(path, "utf8")).toContain("paths => array['/v1']\n");

	const dry = JSON.parse((await firebreak("up", "--dry-run", "--json")).out);
	expect(dry.plan.objects).toMatchObject([
		{ change: "altered", kind: "policy", name: "reads", fields: [{ field: "paths", before: ["/v2"], after: ["/v1"] }] },
	]);
	expect((await firebreak("up")).code).toBe(0);
	expect((await firebreak("undo", "--to-revision", "2")).out).toBe(
		"nothing to put back: the policy set is at revision 4 as it was at 2\n",
	);
});

test("--owner and --name, for programs", async () => {
	const { code, out } = await firebreak(
		"undo",
		"--to-revision",
		"1",
		"--owner",
		"platform",
		"--name",
		"back",
		"--json",
	);
	expect(code).toBe(0);
	expect(JSON.parse(out)).toEqual({
		toRevision: 1,
		head: { epoch: expect.any(String), revision: 4, seq: 0 },
		files: [{ path: join(root, "platform/20260131120000_back.sql"), owner: "platform", statements: 1 }],
		left: [],
	});
	const again = await firebreak("undo", "--to-revision", "1", "--name", "back");
	expect(again.code).toBe(1);
	expect(again.err).toContain("the file is there already");
});

test("what has gone from one owner to another is named, and left", async () => {
	const client = await database.connect();
	await client.query(`begin; select firebreak.owner('other');
		select firebreak.segment('payments', 'internal', 'prod', 'other', array['spiffe://prod.example.org/payments']);
		select firebreak.remove('policy', 'reads'); commit`);
	const { code, out, err } = await firebreak("undo", "--to-revision", "4", "--owner", "platform", "--name", "part");
	expect(code).toBe(0);
	expect(out).toContain("_part.sql: 1 statement\n");
	expect(err).toBe(
		"left as it is: segment payments, which has gone between platform and other; undo without --owner puts it back\n",
	);
});

test.each([
	[["undo"], 2, "required option '--to-revision <n>' not specified"],
	[["undo", "--to-revision", "-1"], 2, "A revision is a whole number."],
	[["undo", "--to-revision", "99"], 1, "there is no revision 99"],
	[["undo", "--to-revision", "1", "--owner", "nobody"], 1, 'there is no owner "nobody", now or then'],
	[["undo", "--to-revision", "1", "--name", "../x"], 2, '"../x" is no name'],
])("%j exits %i", async (argv, expected, message) => {
	const { code, err } = await firebreak(...argv);
	expect({ code, err }).toEqual({ code: expected, err: expect.stringContaining(message) });
});
