/** A server that finds an older schema than its own. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { LIMITS } from "../../src/core/limits.ts";
import { readSchemaFiles, SCHEMA_DIRECTORY } from "../../src/store/migrations/files.ts";
import { createSchemaWatch } from "../../src/store/schema-watch.ts";
import { until } from "../support/wait.ts";
import { fakeTime } from "./support/fake-time.ts";
import { installOlderSchema, openWorkbench, type Workbench } from "./support/workbench.ts";

let bench: Workbench;
let shipped: string[];
beforeAll(async () => {
	bench = await openWorkbench();
	shipped = (await readSchemaFiles(SCHEMA_DIRECTORY)).map(({ name }) => name);
});
afterAll(() => bench?.close());

test("what an older schema lacks is told once, and that it is there once somebody migrated", async () => {
	const time = fakeTime();
	const told: (readonly string[])[] = [];
	const watch = createSchemaWatch({
		database: bench.database,
		shipped,
		timers: time.timers,
		report: (missing) => told.push(missing),
	});
	const looked = () => until("it looked", () => time.pending() === 1);
	watch.start();
	await looked();
	expect([watch.missing, told]).toEqual([[], []]);

	await installOlderSchema(await bench.test.connect(), "0022");
	const lacking = shipped.filter((name) => name >= "schema/0022");
	expect(lacking).toContain("schema/0023_tokens");
	for (let times = 0; times < 2; times++) {
		await time.advance(LIMITS.schemaLookMs);
		await looked();
		expect(watch.missing).toEqual(lacking);
		expect(told).toEqual([lacking]);
	}

	await bench.up();
	await time.advance(LIMITS.schemaLookMs);
	await looked();
	expect(watch.missing).toEqual([]);
	expect(told).toEqual([lacking, []]);
	await watch.stop();
	expect(time.pending()).toBe(0);
});
