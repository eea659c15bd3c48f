import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { matchGrpc, parseGrpcPattern } from "../../src/core/template.ts";

const matches = (text: string, path: string): boolean => {
	const result = parseGrpcPattern(text);
	if (!result.ok) throw new Error(result.message);
	return matchGrpc(result.pattern, path);
};

describe("matchGrpc", () => {
	const table: readonly [pattern: string, matches: readonly string[], misses: readonly string[]][] = [
		[
			"pay.v1.Payments/Get",
			["/pay.v1.Payments/Get"],
			["/pay.v1.Payments/GetAll", "/pay.v1.Payments/get", "/pay.v1.Payments", "/x/pay.v1.Payments/Get"],
		],
		[
			"pay.v1.Payments/*",
			["/pay.v1.Payments/Get", "/pay.v1.Payments/x%20y"],
			["/pay.v1.Payments/", "/pay.v1.Payments", "/pay.v1.PaymentsX/Get", "/pay.v1.Payments/Get/more"],
		],
		[
			"pay.v1.Pay*",
			["/pay.v1.Payments/Get", "/pay.v1.Payouts/List", "/pay.v1.Pay/X"],
			["/pay.v1.Pay", "/pay.v2.Pay/X"],
		],
		["pay.v1.Payments/Get*", ["/pay.v1.Payments/Get", "/pay.v1.Payments/GetAll"], ["/pay.v1.Payments/List"]],
		["pay.*", ["/pay.v1.Payments/Get"], ["/payments.v1.X/Get"]],
		["*", ["/a/b", "/pay.v1.Payments/Get"], ["/", "/a", "/a/", "//a", "/a/b/", "/a/b/c"]],
		["Health/Check", ["/Health/Check"], ["/grpc.health.v1.Health/Check"]],
	];
	test.each(table)("%s", (pattern, hits, misses) => {
		for (const path of hits) expect([path, matches(pattern, path)]).toEqual([path, true]);
		for (const path of misses) expect([path, matches(pattern, path)]).toEqual([path, false]);
	});

	test("agrees with a naive reading", () => {
		const path = fc.array(fc.constantFrom("a", "a.B", "Get", "GetAll", ""), { minLength: 1, maxLength: 4 });
		const pattern = fc.constantFrom("a/Get", "a.B/Get", "a.B/GetAll", "a.B/Get*", "a.B/*", "a*", "a.*", "*");
		fc.assert(
			fc.property(pattern, path, (text, segments) => {
				const [service = "", method = "", ...more] = segments;
				const name = `${service}/${method}`;
				const isMethod = service !== "" && method !== "" && more.length === 0;
				const covered = text.endsWith("*") ? name.startsWith(text.slice(0, -1)) : name === text;
				expect(matches(text, `/${segments.join("/")}`)).toBe(isMethod && covered);
			}),
			{ numRuns: 1_000 },
		);
	});
});

describe("parseGrpcPattern", () => {
	test.each([
		"",
		"/a.B/Get",
		"a.B",
		"a.B/",
		"a.B/Get/",
		"a.B/Get/More*",
		"a..B/Get",
		".a/B",
		"a.B/*/",
		"a.B/**",
		"*/Get",
		"a.*.B/Get",
		"a b/Get",
		"1a/Get",
		"a.B/Get?x",
		"a-b.C/Get",
		"a".repeat(9_000),
	])("refuses %j with a cure", (text) => {
		expect(parseGrpcPattern(text)).toEqual({
			ok: false,
			message: expect.stringMatching(/./),
			cure: expect.stringMatching(/^write /),
		});
	});

	test("gives frozen plain data", () => {
		const result = parseGrpcPattern("a.B/*");
		expect(result).toEqual({ ok: true, pattern: { text: "a.B/*", literal: "a.B/", prefix: true } });
		expect(result.ok && Object.isFrozen(result.pattern)).toBe(true);
	});
});
