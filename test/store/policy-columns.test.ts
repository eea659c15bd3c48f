import { expect, test } from "@jest/globals";
import { PolicyColumns, type PolicyTexts } from "../../src/store/policy-columns.ts";

const SHAPE = "allow enforce {GET,HEAD} {} {} {a:read} {}";

function columnsOf(...rows: PolicyTexts[]): PolicyColumns {
	const columns = new PolicyColumns();
	for (const row of rows) columns.add(row);
	return columns;
}

test("gives back the rows that were put in, as often as asked", () => {
	const columns = columnsOf(
		["a", "x", "y", "team", SHAPE, "{/v1/a,/v1/b}", null, null, null, null],
		[
			"b",
			"*",
			"y",
			"team",
			'deny monitor {} {p.S/M} {h} {} {"s\\"1",s2}',
			"{}",
			"now > now",
			"websocket",
			"1000",
			"2000",
		],
	);
	const common = { source: "x", destination: "y", owner: "team" };
	const expected = [
		{
			...common,
			name: "a",
			effect: "allow",
			mode: "enforce",
			methods: ["GET", "HEAD"],
			paths: ["/v1/a", "/v1/b"],
			grpc: [],
			hosts: [],
			scopes: ["a:read"],
			scopes_any: [],
			condition: null,
			upgrade: null,
			valid_from: null,
			valid_until: null,
		},
		{
			...common,
			name: "b",
			source: "*",
			effect: "deny",
			mode: "monitor",
			methods: [],
			paths: [],
			grpc: ["p.S/M"],
			hosts: ["h"],
			scopes: [],
			scopes_any: ['s"1', "s2"],
			condition: "now > now",
			upgrade: "websocket",
			valid_from: 1_000,
			valid_until: 2_000,
		},
	];
	expect(columns.size).toBe(2);
	expect([...columns]).toEqual(expected);
	expect([...columns]).toEqual(expected);
});

test("keeps what policies share once", () => {
	const [first, second] = columnsOf(
		["a", "x", "y", "team", SHAPE, "{/v1/a}", null, null, null, null],
		["b", "x", "y", "team", SHAPE, "{/v1/a}", null, null, null, null],
	);
	expect(first!.methods).toBe(second!.methods);
	expect(first!.paths).toBe(second!.paths);
});
