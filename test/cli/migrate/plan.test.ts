import { expect, test } from "@jest/globals";
import { showPlan } from "../../../src/cli/migrate/plan.ts";
import { createOutput } from "../../../src/cli/output.ts";
import type { EdgeDiff } from "../../../src/core/diff/edges.ts";
import { diffObjects, type ObjectChange } from "../../../src/core/diff/objects.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { fakeIo } from "../../support/fake-io.ts";

function shown(changes: readonly ObjectChange[], edges: Partial<EdgeDiff> = {}): string[] {
	const io = fakeIo();
	showPlan(createOutput(io, { color: false }), {
		objects: diffObjects(changes),
		edges: { opened: [], closed: [], monitor: { begun: [], ended: [] }, ...edges },
	});
	return io.out().split("\n");
}

const altered = (before: object, after: object): ObjectChange => ({
	kind: "policy",
	name: "p",
	before: { ...before },
	after: { ...after },
});
const field = (before: unknown, after: unknown) =>
	shown([altered({ x: before }, { x: after })])[1]!.replace(/.* p +/, "");

test("objects, edges and their numbers", () => {
	const lines = shown(
		[
			altered({ mode: "enforce", paths: ["/a", "/b"] }, { mode: "monitor", paths: ["/b", "/c"] }),
			{ kind: "segment", name: "s", before: null, after: { name: "s" } },
			{ kind: "rate_limit", name: "domain:d", before: { burst: 1 }, after: null },
		],
		{
			opened: [
				{ source: "*", destination: "b", segments: ["x", "y"] },
				{ source: "a", destination: "b", segments: null },
			],
			closed: [{ source: "*", destination: "c", segments: ["x"] }],
			monitor: { begun: ["b"], ended: ["c"] },
		},
	);
	expect(lines).toEqual([
		"CHANGE   KIND        NAME      FIELDS",
		"added    segment     s",
		"altered  policy      p         mode: enforce -> monitor; paths: +/c -/a",
		"removed  rate_limit  domain:d",
		"",
		"EDGE      SOURCE              DESTINATION",
		"opens     * (2 segments)  ->  b",
		"opens     a               ->  b",
		"closes    * (1 segment)   ->  c",
		"monitors                      b            denials would be recorded only, and pass",
		"enforces                      c            denials would deny again",
		"",
		"objects: 1 added, 1 altered, 1 removed; edges: 3 open, 1 close",
		"",
		"",
	]);
});

test("nothing", () => {
	expect(shown([])).toEqual(["no object of the policy set would change", ""]);
	expect(shown([altered({ reason: "a" }, { reason: "b" })])).toContain("no edge would open or close");
});

test.each([
	[null, "a", "x: none -> a"],
	[1, 2, "x: 1 -> 2"],
	[{ a: 1 }, { a: [2] }, 'x: {"a":1} -> {"a":[2]}'],
	[["a", "b"], ["b", "a"], "x: another order"],
	[[], ["a"], "x: +a"],
	["short", "y".repeat(500), `x: short -> ${"y".repeat(LIMITS.plannedValueChars)}...`],
])("a field that was %j and is %j", (before, after, text) => {
	expect(field(before, after)).toBe(text);
});

test("a long list is cut, and says so", () => {
	const added = Array.from(
		{ length: LIMITS.plannedLines + 7 },
		(_, index): ObjectChange => ({ kind: "policy", name: `p${index}`, before: null, after: {} }),
	);
	const lines = shown(added);
	expect(lines).toContain("and 7 more; --json has all of them");
	expect(lines.filter((line) => line.startsWith("added"))).toHaveLength(LIMITS.plannedLines);
});
