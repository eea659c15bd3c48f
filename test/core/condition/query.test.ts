import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseQuery } from "../../../src/core/condition/query.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { evaluate } from "./scope.ts";

const read = (query: string) => {
	const parameters = parseQuery(query);
	return parameters === null ? null : Object.fromEntries(parameters);
};

describe("parseQuery", () => {
	test.each<[query: string, parameters: Record<string, string | undefined> | null]>([
		["", {}],
		["a=1&b=2", { a: "1", b: "2" }],
		["a", { a: "" }],
		["a=", { a: "" }],
		["&&a=1&", { a: "1" }],
		["=1", { "": "1" }],
		["a=b=c", { a: "b=c" }],
		["a=%20%C3%A9&%62=1", { a: " é", b: "1" }],
		["a=%2561", { a: "%61" }],
		["a=1%26b=2", { a: "1&b=2" }],
		["__proto__=1&constructor=2", JSON.parse('{"__proto__":"1","constructor":"2"}')],
		// Two readings of a value: there, but not readable.
		["a=1&a=2", { a: undefined }],
		["a=1&a=1", { a: undefined }],
		["a=1&%61=2", { a: undefined }],
		["a=1&A=2", { a: undefined, A: undefined }],
		["a=1&A=2&a=3&b=4", { a: undefined, A: undefined, b: "4" }],
		["a[]=1", { a: undefined, "a[]": undefined }],
		["a=1&a[]=2", { a: undefined, "a[]": undefined }],
		["a%5B0%5D=1", { a: undefined, "a[0]": undefined }],
		["a=b+c", { a: undefined }],
		["a=%00", { a: undefined }],
		["a=1%0d%0a", { a: undefined }],
		["a=%", { a: undefined }],
		["a=%zz&b=1", { a: undefined, b: "1" }],
		["a=%FF", { a: undefined }],
		["a=%C0%AF", { a: undefined }],
		["a=é", { a: undefined }],
		// Two readings of the names: nothing is readable.
		["a=1;b=2", null],
		["a+b=1", null],
		["%=1", null],
		["%00=1", null],
		["é=1", null],
		["a=1&b\u0000=1", null],
		["a&".repeat(LIMITS.queryParameters + 1), null],
	])("%s", (query, parameters) => {
		expect(read(query)).toEqual(parameters);
	});

	test("reads what one careful sender writes, whatever the values", () => {
		const text = fc
			.string({ unit: "grapheme", maxLength: 12 })
			.filter((value) => !/[\p{Cc}]/u.test(value) && value.isWellFormed());
		const name = fc.stringMatching(/^[a-z_]{1,8}$/);
		fc.assert(
			fc.property(fc.dictionary(name, text), (values) => {
				const query = Object.entries(values)
					.map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
					.join("&");
				expect(read(query)).toEqual({ ...values });
			}),
		);
	});

	test("never reads a value that URLSearchParams reads otherwise", () => {
		const piece = fc.constantFrom("a", "b", "A", "=", "&", "+", "%61", "%20", "%", ";", "[", "]", "é", "1", "%00");
		fc.assert(
			fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
				const query = pieces.join("");
				const other = new URLSearchParams(query);
				for (const [name, value] of parseQuery(query) ?? []) {
					if (value !== undefined) expect(other.getAll(name)).toEqual([value]);
				}
			}),
			{ numRuns: 2_000 },
		);
	});
});

describe("conditions over an ambiguous query fail", () => {
	test.each([
		["request.query.a == '1'", "a=1", "true"],
		["request.query.a == '1'", "", "error"],
		["request.query.a == '1'", "a=1&a=1", "error"],
		["request.query.a != '1'", "a=1&a=2", "error"],
		["request.query[params.id] == '1'", "42=1&42=2", "error"],
		["has(request.query.a)", "a=1&a=2", "true"],
		["'a' in request.query", "a[]=2", "true"],
		["'b' in request.query", "a=1", "false"],
		["'b' in request.query", "a=1;b=2", "error"],
		["has(request.query.b)", "a=1;b=2", "error"],
		["request.query.all(k, request.query[k] == '1')", "a=1&b=1", "true"],
		["request.query.all(k, request.query[k] == '1')", "a=1&b=1&b=1", "error"],
		["size(request.query) == 0", "a=1;b=2", "error"],
		["request.query == {'a': '1'}", "a=1", "true"],
		["request.query == {'a': '1'}", "a=1&a=1", "error"],
		["dyn(request.query).a == '1'", "a=1&a=1", "error"],
	])("%s over ?%s is %s", (text, query, answer) => {
		expect(evaluate(text, { query })).toBe(answer);
	});
});
