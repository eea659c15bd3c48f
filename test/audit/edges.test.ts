import { expect, test } from "@jest/globals";
import { EdgeMemory } from "../../src/audit/edges.ts";

test("an edge is new once", () => {
	const edges = new EdgeMemory(100);
	expect(edges.meet("a", "b")).toBe(true);
	expect(edges.meet("a", "b")).toBe(false);
	expect(edges.meet("b", "a")).toBe(true);
	expect(edges.meet("a", "c")).toBe(true);
});

test("memory is bounded: what was not seen for long is forgotten, what is in use is not", () => {
	const edges = new EdgeMemory(10);
	expect(edges.meet("a", "used")).toBe(true);
	expect(edges.meet("a", "unused")).toBe(true);
	for (let index = 0; index < 1_000; index++) {
		expect(edges.meet("a", `other-${index}`)).toBe(true);
		expect(edges.meet("a", "used")).toBe(false);
	}
	expect(edges.meet("a", "unused")).toBe(true);
});
