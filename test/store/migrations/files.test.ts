import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { FirebreakError } from "../../../src/core/errors.ts";
import {
	readPolicyFiles,
	readSchemaFiles,
	SCHEMA_DIRECTORY,
	unheededRequirement,
} from "../../../src/store/migrations/files.ts";
import { migrateNew } from "../../../src/store/migrations/new.ts";
import { splitStatements } from "../../../src/store/migrations/statements.ts";

let root: string;

beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), "firebreak-files-"));
});

afterEach(() => {
	rmSync(root, { recursive: true, force: true });
});

function put(path: string, content: string | Buffer): void {
	mkdirSync(dirname(join(root, path)), { recursive: true });
	writeFileSync(join(root, path), content);
}

async function refusal(promise: Promise<unknown>): Promise<FirebreakError> {
	const error = await promise.then(
		() => null,
		(thrown: unknown) => thrown,
	);
	if (error instanceof FirebreakError) return error;
	throw new Error("it was not refused", { cause: error });
}

describe("readPolicyFiles", () => {
	test("reads folders of owners in timestamp order; other files are let be", async () => {
		put("payments/20260102000000_b.sql", "select 2");
		put("orders/20260103000000_c.sql", "select 3");
		put(
			"orders/20260101000000_a-1.sql",
			"-- Requires : payments/20260102000000_b.sql , x.y/20260101000000_z\nselect 1",
		);
		put("orders/README.md", "text");
		put(".hidden/20260101000000_a.sql", "select 1");
		put("README.md", "text");
		const files = await readPolicyFiles(root);
		expect(files.map(({ name, owner, requires }) => ({ name, owner, requires }))).toEqual([
			{
				name: "orders/20260101000000_a-1",
				owner: "orders",
				requires: ["payments/20260102000000_b", "x.y/20260101000000_z"],
			},
			{ name: "payments/20260102000000_b", owner: "payments", requires: [] },
			{ name: "orders/20260103000000_c", owner: "orders", requires: [] },
		]);
	});

	test("has nothing in an absent or empty folder", async () => {
		expect(await readPolicyFiles(join(root, "nothing"))).toEqual([]);
		expect(await readPolicyFiles(root)).toEqual([]);
	});

	test("a checkout with CRLF is the same file; any other change is not", async () => {
		put("a/20260101000000_x.sql", "select 1;\nselect 2;\n");
		put("b/20260101000000_x.sql", "select 1;\r\nselect 2;\r\n");
		put("c/20260101000000_x.sql", "select 1;\nselect 2; \n");
		const [a, b, c] = await readPolicyFiles(root);
		expect(b!.checksum).toBe(a!.checksum);
		expect(c!.checksum).not.toBe(a!.checksum);
	});

	test("names every misplaced and misnamed file", async () => {
		put("20260101000000_lost.sql", "");
		put("orders/add_policy.sql", "");
		put("orders/20261301000000_month.sql", "");
		put("orders/20260230000000_day.sql", "");
		put("orders/20260101000000_Upper.sql", "");
		put("two words/20260101000000_x.sql", "");
		put("orders/2026/01/20260101000000_deep.sql", "");
		put("orders/2026/notes.txt", "");
		put("orders/20260101000000_loud.SQL", "");
		const error = await refusal(readPolicyFiles(root));
		expect(error.code).toBe("migration_invalid");
		expect(error.problems.map(({ file, message }) => [file!.slice(root.length + 1), message])).toEqual([
			["20260101000000_lost.sql", "it lies in no owner's folder"],
			["orders/2026/01/20260101000000_deep.sql", "it lies in a folder of its own"],
			["orders/20260101000000_Upper.sql", "its name is not <utc>_<slug>.sql"],
			["orders/20260101000000_loud.SQL", "its name is not <utc>_<slug>.sql"],
			["orders/20260230000000_day.sql", "its name is not <utc>_<slug>.sql"],
			["orders/20261301000000_month.sql", "its name is not <utc>_<slug>.sql"],
			["orders/add_policy.sql", "its name is not <utc>_<slug>.sql"],
			["two words/20260101000000_x.sql", "two words is no name of an owner"],
		]);
	});

	test.each<[string, string | Buffer, string, number | undefined]>([
		["bytes that are not UTF-8", Buffer.from([0x2d, 0xff]), "it is not UTF-8", undefined],
		["a NUL character", "select\0", "it holds a NUL character", undefined],
		[
			"a requirement that is no name",
			"-- requires: the other one\n",
			'"the other one" in its requires line names no migration',
			1,
		],
	])("refuses %s", async (_what, content, message, line) => {
		put("a/20260101000000_x.sql", content);
		const { problems } = await refusal(readPolicyFiles(root));
		expect(problems.map((problem) => [problem.message, problem.line])).toEqual([[message, line]]);
	});

	test.each<[string, string, number | null]>([
		["the first line", "-- requires: a/20260101000000_a\nselect 1;", null],
		["the second line", "-- about it\n-- requires: a/20260101000000_a\nselect 1;", 2],
		["one more line", "-- requires: a/20260101000000_a\n--Requires : b/20260101000000_b\n", 2],
		["behind an empty line", "\n-- requires: a/20260101000000_a\n", 2],
		["behind a block comment", "/* Licence\n*/\n\n-- requires: a/20260101000000_a\nselect 1;", 4],
		["indented", "  -- requires: a/20260101000000_a\nselect 1;", 1],
		["a comment between statements", "select 1;\n-- requires: it be said twice\nselect 2;", null],
		["a comment of other words", "-- about it\n-- what it requires: nothing\nselect 1;", null],
	])("a requirement in %s", async (_where, text, line) => {
		put("b/20260102000000_x.sql", text);
		const [file] = await readPolicyFiles(root);
		expect(unheededRequirement(file!)).toBe(line);
	});
});

test("the shipped schema files are numbered without a gap", async () => {
	const files = await readSchemaFiles(SCHEMA_DIRECTORY);
	expect(files.map(({ stamp }) => Number(stamp))).toEqual(files.map((_, index) => index + 1));
	expect(files.every(({ owner }) => owner === null)).toBe(true);
});

describe("migrateNew", () => {
	const clock = () => Date.UTC(2026, 0, 14, 9, 30, 5);

	test("writes a file that reads back as a migration without statements", async () => {
		const path = await migrateNew({ directory: root, owner: "payments", name: " Orders read payments ", clock });
		expect(path).toBe(join(root, "payments/20260114093005_orders_read_payments.sql"));
		const [file] = await readPolicyFiles(root);
		expect(file).toMatchObject({ owner: "payments", requires: [] });
		expect(splitStatements(file!.text)).toEqual([]);
		expect(file!.text).toContain("owner => 'payments'");
	});

	test("never overwrites", async () => {
		const make = () => migrateNew({ directory: root, owner: "payments", name: "a", clock });
		await make();
		expect((await refusal(make())).problems[0]?.message).toBe("the file is there already");
	});

	test.each([
		["../x", "a"],
		["", "a"],
		["a", ""],
		["a", "../b"],
		["a", "é"],
	])("refuses owner %j with name %j", async (owner, name) => {
		expect((await refusal(migrateNew({ directory: root, owner, name, clock }))).code).toBe("usage");
	});
});
