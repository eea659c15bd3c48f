import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseJsonObject } from "../../src/authn/json.ts";

const parse = (text: string, depth = 32) => parseJsonObject(Buffer.from(text), depth);

/** JSON values without what is refused on purpose. */
const plain = fc
	.jsonValue({ maxDepth: 5, stringUnit: "binary" })
	.filter((value) => !/\\u0000|\\ud[89a-f]|__proto__/i.test(JSON.stringify(value)));

describe("parseJsonObject", () => {
	test("reads every plain object as JSON.parse does", () => {
		fc.assert(
			fc.property(plain, fc.constantFrom(undefined, 1, "\t"), (value, space) => {
				const text = JSON.stringify({ value }, null, space);
				expect(parse(text)).toEqual(JSON.parse(text));
			}),
		);
	});

	test("whatever comes in, it returns a fault or what JSON.parse returns", () => {
		const noise = fc.array(
			fc.constantFrom("{", "}", "[", "]", '"', ":", ",", "\\", "\\u0061", "a", "1", " ", "\\ud800"),
			{
				maxLength: 24,
			},
		);
		fc.assert(
			fc.property(noise, (parts) => {
				const text = `{"a":${parts.join("")}`;
				const result = parse(text);
				if (typeof result !== "string") expect(result).toEqual(JSON.parse(text));
			}),
			{ numRuns: 2_000 },
		);
	});

	test("bytes of any kind do not make it throw", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
				expect(["string", "object"]).toContain(typeof parseJsonObject(bytes, 32));
			}),
		);
	});

	test("a member that occurs twice is found on every level, however it is spelled", () => {
		const escaped = (name: string) =>
			[...name].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
		fc.assert(
			fc.property(fc.stringMatching(/^[a-z]{1,8}$/), plain, fc.nat(5), fc.boolean(), (name, value, level, spelled) => {
				const other = spelled ? escaped(name) : name;
				const twice = `{"${name}":${JSON.stringify(value)} , "x1":[] , "${other}" : 1}`;
				const text = `${'{"y":['.repeat(level)}${twice}${"]}".repeat(level)}`;
				expect(parse(text)).toBe("duplicate_member");
			}),
		);
	});

	test.each([2, 3, 31, 32])("depth %i is counted exactly", (depth) => {
		const text = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
		expect(typeof parse(text(depth), depth)).toBe("object");
		expect(parse(text(depth + 1), depth)).toBe("depth");
	});

	test("the result is frozen all the way down", () => {
		const result = parse('{"a":[{"b":{}}]}') as { a: [{ b: object }] };
		expect([result, result.a, result.a[0], result.a[0].b].every(Object.isFrozen)).toBe(true);
	});

	test("members of Object.prototype mean nothing", () => {
		expect(parse('{"constructor":{"prototype":{"x":1}},"toString":1,"hasOwnProperty":2}')).toEqual({
			constructor: { prototype: { x: 1 } },
			toString: 1,
			hasOwnProperty: 2,
		});
		expect(parse('{"__proto__":{"scope":"admin"}}')).toBe("malformed");
		expect(parse('{"__proto_\\u005f":1}')).toBe("malformed");
	});
});
