/** SQL that pages show does what it says, on top of the example company's policies. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { EXAMPLE_POLICIES } from "../../demo/policies.ts";
import { createWorkspace, type Workspace } from "../../demo/workspace.ts";
import { compilePolicySet } from "../../src/core/compile/compile.ts";
import { SCHEMA_DIRECTORY } from "../../src/store/migrations/files.ts";
import { migrateUp } from "../../src/store/migrations/up.ts";
import { type Database, openDatabase } from "../../src/store/pool.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type CodeBlock, codeBlocks, readPages } from "./pages.ts";

const blocks = readPages().flatMap((page) => codeBlocks(page, "sql"));
const AUTHORING = /firebreak\.(owner|domain|issuer|segment|crossing|accept_crossing|allow|deny|remove)\(/;
const isPolicy = ({ code }: CodeBlock) => AUTHORING.test(code);
/** What the tutorial lets its reader mend. */
const isMistaken = ({ code }: CodeBlock) => code.includes("params.payment ");

let testDatabase: TestDatabase;
let database: Database;
let workspace: Workspace;
beforeAll(async () => {
	workspace = createWorkspace("test");
	testDatabase = await createTestDatabase({ schema: false });
	database = openDatabase(testDatabase.url, { applicationName: "test" });
	await migrate(EXAMPLE_POLICIES, false);
});
afterAll(async () => {
	await database?.end();
	await testDatabase?.drop();
	workspace?.remove();
});

function migrate(policy: string, dryRun = true) {
	return migrateUp(database, {
		folders: { schema: SCHEMA_DIRECTORY, policy },
		compile: compilePolicySet,
		clock: Date.now,
		dryRun,
	});
}

/** The example's folder with one file more. */
function folderWith({ page, line, code }: CodeBlock): string {
	const folder = join(workspace.path, `${page.replaceAll("/", "-")}-${line}`);
	cpSync(EXAMPLE_POLICIES, folder, { recursive: true });
	mkdirSync(join(folder, "payments"), { recursive: true });
	writeFileSync(join(folder, "payments", "20990101000000_shown.sql"), code);
	return folder;
}

describe("policies", () => {
	const shown = blocks.filter((block) => isPolicy(block) && !isMistaken(block));

	test.each(shown)("$page:$line is applied", async (block) => {
		const { applied } = await migrate(folderWith(block));
		expect(applied.map(({ name }) => name)).toEqual(["payments/20990101000000_shown"]);
	});

	test("there are many", () => expect(shown.length).toBeGreaterThan(6));

	test.each(blocks.filter(isMistaken))("the mistake of $page:$line is found at its line", async (block) => {
		await expect(migrate(folderWith(block))).rejects.toMatchObject({
			code: "policy_invalid",
			problems: [{ object: "policy orders-delete-payments", field: "condition", line: 3 }],
		});
	});
});

test.each(blocks.filter((block) => !isPolicy(block)))("$page:$line runs", async ({ code }) => {
	const client = await testDatabase.connect();
	await client.query("begin");
	await expect(client.query(code)).resolves.toBeDefined();
	await client.query("rollback");
});
