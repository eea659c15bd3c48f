/** The generated parts of docs/reference are what the program says now: run `make docs` when one of these fails. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { BLOCKS } from "../../scripts/docs/blocks.ts";
import { blocksOf, fill } from "../../scripts/docs/fill.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { readPages } from "./pages.ts";

const reference = readPages().filter(({ path }) => path.startsWith("docs/reference/"));

describe("generated blocks", () => {
	let database: TestDatabase;
	let client: Client;
	beforeAll(async () => {
		database = await createTestDatabase();
		client = await database.connect();
	});
	afterAll(() => database?.drop());

	test.each(reference.flatMap(({ path, text }) => blocksOf(text).map((name) => ({ path, name, text }))))(
		"$name of $path is up to date",
		async ({ name, text }) => {
			const filled = await fill(text, async (block) => (block === name ? BLOCKS[block]!(client) : textOf(text, block)));
			expect(filled).toBe(text);
		},
	);
});

test("every block stands on exactly one page", () => {
	const asked = reference.flatMap(({ text }) => blocksOf(text));
	expect(asked.toSorted()).toEqual(Object.keys(BLOCKS).toSorted());
});

test("filling keeps what stands around the blocks, and the block's own dollars", async () => {
	const page = "a\n<!-- generated: x -->\nold\n<!-- end -->\nb\n<!-- generated: y-z -->\n<!-- end -->\n";
	expect(await fill(page, async (name) => `${name} $& $1`)).toBe(
		"a\n<!-- generated: x -->\nx $& $1\n<!-- end -->\nb\n<!-- generated: y-z -->\ny-z $& $1\n<!-- end -->\n",
	);
});

function textOf(page: string, block: string): string {
	return page.split(`<!-- generated: ${block} -->\n`)[1]!.split("\n<!-- end -->")[0]!;
}
