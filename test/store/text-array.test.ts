import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseTextArray } from "../../src/store/text-array.ts";

describe("parseTextArray", () => {
	test.each<[string, string[]]>([
		["{}", []],
		["{a}", ["a"]],
		["{GET,HEAD}", ["GET", "HEAD"]],
		["{/v1/a b}", ["/v1/a b"]],
		['{"a,b","c\\"d","e\\\\f",""}', ["a,b", 'c"d', "e\\f", ""]],
		['{"NULL","{x}"}', ["NULL", "{x}"]],
	])("%s", (text, items) => {
		expect(parseTextArray(text)).toEqual({ items, end: text.length });
	});

	test("goes on where an earlier array ended", () => {
		const text = 'x {a,"b}"} {c}';
		const first = parseTextArray(text, 2);
		expect(first.items).toEqual(["a", "b}"]);
		expect(parseTextArray(text, first.end + 1)).toEqual({ items: ["c"], end: text.length });
	});

	test.each(["", "a", "{", "{a", "{a,", '{"a}', "{a,}", "{a b"])("refuses %j", (text) => {
		expect(() => parseTextArray(text)).toThrow(SyntaxError);
	});

	test("reads back whatever is quoted as Postgres quotes it", () => {
		const quote = (item: string) => `"${item.replace(/["\\]/g, "\\$&")}"`;
		fc.assert(
			fc.property(fc.array(fc.string({ unit: "binary-ascii" })), (items) => {
				expect(parseTextArray(`{${items.map(quote).join(",")}}`).items).toEqual(items);
			}),
		);
	});
});
