/** Requests that got past others, through a real Envoy: over HTTP/1.1 and HTTP/2, whatever Envoy is set to make of them first. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { BYPASSES } from "../../cases/bypass/all.ts";
import { type Conditions, expectedOutcome } from "../../cases/bypass/case.ts";
import { type BypassWorld, CONDITIONS, startBypassWorld } from "./world.ts";

let world: BypassWorld;
beforeAll(async () => {
	world = await startBypassWorld();
});
afterAll(async () => {
	await world?.stop();
});

const nameOf = ({ http, normalize, mergeSlashes, rawHeaders }: Conditions) =>
	[`HTTP/${http}`, normalize && "normalized", mergeSlashes && "merged", rawHeaders && "raw"].filter(Boolean).join(" ");

describe.each(BYPASSES.map((row) => [row.id, row.what, row] as const))("%s: %s", (_id, _what, row) => {
	test("in every combination", async () => {
		const outcomes = await Promise.all(
			CONDITIONS.map(async (each) => [nameOf(each), await world.send(row.request, each)] as const),
		);
		const expected = CONDITIONS.map((each) => [nameOf(each), expectedOutcome(row, each)]);
		expect(Object.fromEntries(outcomes)).toEqual(Object.fromEntries(expected));
	});
});

test("nothing broke on the way", () => {
	expect(world.edge.judged.length).toBeGreaterThan(0);
	expect(world.edge.errors).toEqual([]);
	expect(world.edge.judged.filter(({ decision }) => decision.reason === "internal_error")).toEqual([]);
});
