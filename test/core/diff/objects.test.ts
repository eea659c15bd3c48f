import { describe, expect, test } from "@jest/globals";
import { diffObjects, isSame, type ObjectChange, type ObjectSpec } from "../../../src/core/diff/objects.ts";

const change = (
	kind: ObjectChange["kind"],
	name: string,
	before: ObjectSpec | null,
	after: ObjectSpec | null,
): ObjectChange => ({ kind, name, before, after });

describe("diffObjects", () => {
	test("tells added, removed and altered apart, with the fields that differ", () => {
		const before = { name: "a", paths: ["/v1"], mode: "enforce", condition: null };
		const after = { name: "a", paths: ["/v1", "/v2"], mode: "enforce", condition: "true" };
		expect(
			diffObjects([
				change("policy", "a", before, after),
				change("segment", "s", { name: "s" }, null),
				change("owner", "o", null, { name: "o" }),
			]),
		).toEqual([
			{ kind: "owner", name: "o", change: "added", before: null, after: { name: "o" }, fields: [] },
			{ kind: "segment", name: "s", change: "removed", before: { name: "s" }, after: null, fields: [] },
			{
				kind: "policy",
				name: "a",
				change: "altered",
				before,
				after,
				fields: [
					{ field: "paths", before: ["/v1"], after: ["/v1", "/v2"] },
					{ field: "condition", before: null, after: "true" },
				],
			},
		]);
	});

	test("comes by kind, then by name", () => {
		const added = (kind: ObjectChange["kind"], name: string) => change(kind, name, null, { name });
		const diffs = diffObjects([
			added("rate_limit", "domain:a"),
			added("policy", "b"),
			added("policy", "a"),
			added("crossing", "c"),
			added("issuer", "https://a"),
			added("segment", "s"),
			added("domain", "d"),
		]);
		expect(diffs.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
			"domain d",
			"segment s",
			"issuer https://a",
			"crossing c",
			"policy a",
			"policy b",
			"rate_limit domain:a",
		]);
	});

	test("leaves out what is the same", () => {
		expect(
			diffObjects([
				change("policy", "a", { a: 1, b: { c: [1] } }, { b: { c: [1] }, a: 1, d: null }),
				change("owner", "x", null, null),
			]),
		).toEqual([]);
	});
});

test.each([
	[1, 1, true],
	[1, "1", false],
	[null, undefined, true],
	[[], {}, false],
	[["a", "b"], ["b", "a"], false],
	[["a"], ["a", "b"], false],
	[{ a: 1 }, { a: 1, b: null }, true],
	[{ a: { b: [1, { c: 2 }] } }, { a: { b: [1, { c: 3 }] } }, false],
	[null, {}, false],
])("isSame(%j, %j) is %j", (a, b, same) => {
	expect([isSame(a, b), isSame(b, a)]).toEqual([same, same]);
});
