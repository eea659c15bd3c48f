import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { openWorkbench, refusal, type Workbench } from "../support/workbench.ts";

let bench: Workbench;

beforeAll(async () => {
	bench = await openWorkbench();
	await bench.up();
});
beforeEach(() => bench.emptyFolder());
afterAll(() => bench?.close());

test.each(["08006", "08003", "28000", "28P01", "53300", "57P01", "57P03", "57P05", "57014", "25006", "42501"])(
	"an error that a file raises is the file's, also with code %s, by which Postgres tells of outages",
	async (code) => {
		bench.put(
			"platform/20260101000000_loud.sql",
			`select 1;\n\ndo $$ begin raise exception 'nope' using errcode = '${code}'; end $$;\nselect 2;`,
		);
		const error = await refusal(bench.up());
		expect(error.code).toBe("migration_invalid");
		expect(error.problems).toMatchObject([
			{
				object: "migration platform/20260101000000_loud",
				message: "nope",
				cure: expect.any(String),
				file: expect.stringMatching(/20260101000000_loud\.sql$/),
				line: 3,
			},
		]);
	},
);
