import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LIMITS } from "../../src/core/limits.ts";
import type { PathException } from "../../src/core/model.ts";
import { captureParams, matchTemplate, parseTemplate, type Template } from "../../src/core/template.ts";

const parse = (text: string, exceptions?: readonly PathException[]): Template => {
	const result = parseTemplate(text, exceptions);
	if (!result.ok) throw new Error(`${result.message} (${result.cure})`);
	return result.template;
};
const split = (path: string): string[] => path.slice(1).split("/");

describe("matchTemplate", () => {
	const table: readonly [template: string, matches: readonly string[], misses: readonly string[]][] = [
		["/", ["/"], ["/v1", "//"]],
		["/**", ["/", "/v1", "/v1/", "/v1/a/b"], []],
		["/v1", ["/v1"], ["/", "/v1/", "/V1", "/v1/a", "/v11", "/v"]],
		["/v1/", ["/v1/"], ["/v1", "/v1/a"]],
		["/*", ["/v1", "/%20"], ["/", "/v1/", "/v1/a"]],
		["/*/", ["/v1/"], ["/", "/v1", "//"]],
		["/v1/payments/*", ["/v1/payments/7"], ["/v1/payments", "/v1/payments/", "/v1/payments/7/"]],
		["/v1/payments/{id}", ["/v1/payments/7", "/v1/payments/*"], ["/v1/payments/", "/v1/payments/7/refund"]],
		["/v1/{id}/refund", ["/v1/7/refund"], ["/v1//refund", "/v1/7/8/refund", "/v1/7/Refund"]],
		["/v1/reports/**", ["/v1/reports", "/v1/reports/", "/v1/reports/a", "/v1/reports/a/b"], ["/v1", "/v1/reportsx"]],
		["/v1/*/**", ["/v1/a", "/v1/a/", "/v1/a/b/c"], ["/v1", "/v1/", "/v1//a"]],
		["/caf%c3%a9", ["/caf%C3%A9"], ["/caf%c3%a9", "/café", "/cafe"]],
		["/a:b@c!$&'()+,=|", ["/a:b@c!$&'()+,=%7C"], ["/a"]],
		["/a%40b/%2A%7b", ["/a@b/%2A%7B"], ["/a%40b/%2A%7B"]],
	];
	test.each(table)("%s", (text, matches, misses) => {
		const template = parse(text);
		for (const path of matches) expect([path, matchTemplate(template, split(path))]).toEqual([path, true]);
		for (const path of misses) expect([path, matchTemplate(template, split(path))]).toEqual([path, false]);
	});

	test("agrees with a naive reading of the template's text, and captures what the names stand on", () => {
		const part = fc.constantFrom("a", "b", "v1", "*", "{id}", "{x}", "%C3%A9", "a.b");
		const texts = fc
			.tuple(fc.array(part, { maxLength: 4 }), fc.constantFrom("", "/", "/**"))
			.map(([parts, end]) => (parts.length === 0 ? end || "/" : `/${parts.join("/")}${end}`))
			.filter((text) => parseTemplate(text).ok);
		const paths = fc
			.array(fc.constantFrom("a", "b", "v1", "", "%C3%A9", "a.b", "*", "**"), { minLength: 1, maxLength: 6 })
			.map((segments) => `/${segments.join("/")}`);
		fc.assert(
			fc.property(texts, paths, (text, path) => {
				const template = parse(text);
				const expected = oracle(text, path);
				expect(matchTemplate(template, split(path))).toBe(expected !== null);
				if (expected) expect({ ...captureParams(template, split(path)) }).toEqual(expected);
			}),
			{ numRuns: 2_000 },
		);
	});
});

/** Reads template and path a segment at a time off their texts; the captured names, or null when they differ. */
function oracle(text: string, path: string): Record<string, string> | null {
	if (text === "/**") return {};
	const params: Record<string, string> = {};
	let [templateRest, pathRest]: [string | null, string | null] = [text, path];
	while (templateRest !== null) {
		const [wanted, nextTemplate] = firstSegment(templateRest);
		if (wanted === "**") return params;
		if (pathRest === null) return null;
		const [found, nextPath] = firstSegment(pathRest);
		const wildcard = wanted === "*" || wanted.startsWith("{");
		if (wildcard ? found === "" : wanted !== found) return null;
		if (wanted.startsWith("{")) params[wanted.slice(1, -1)] = decodeURIComponent(found);
		templateRest = nextTemplate;
		pathRest = nextPath;
	}
	return pathRest === null ? params : null;
}

function firstSegment(text: string): [segment: string, rest: string | null] {
	const slash = text.indexOf("/", 1);
	return slash === -1 ? [text.slice(1), null] : [text.slice(1, slash), text.slice(slash)];
}

describe("parseTemplate", () => {
	test("gives frozen plain data", () => {
		const template = parse("/v1/{id}/*/caf%c3%a9/**");
		expect(template).toEqual({
			text: "/v1/{id}/*/caf%C3%A9/**",
			parts: ["v1", null, null, "caf%C3%A9"],
			names: [null, "id", null, null],
			rest: true,
		});
		for (const value of [template, template.parts, template.names]) expect(Object.isFrozen(value)).toBe(true);
		expect(parse("/v1/*").names).toBeNull();
		expect(parse("/")).toEqual({ text: "/", parts: [""], names: null, rest: false });
		expect(parse("/**")).toEqual({ text: "/**", parts: [], names: null, rest: true });
	});

	const refused: readonly [text: string, message: RegExp, cure: RegExp][] = [
		["", /does not start with \//, /\/\*\*/],
		["v1/a", /does not start with \//, /start it with/],
		["**", /does not start with \//, /\/\*\*/],
		["//", /empty segment/, /single slashes/],
		["/v1//a", /empty segment/, /single slashes/],
		["/v1//**", /empty segment/, /single slashes/],
		["/**/a", /\*\* stands before other segments/, /last segment/],
		["/**/", /\*\* stands before other segments/, /last segment/],
		["/a*b", /"a\*b" mixes \*/, /whole segment/],
		["/v1/***", /mixes \*/, /whole segment/],
		["/{a}/{a}", /captures \{a\} twice/, /its own name/],
		["/{id}.json", /no captured segment/, /whole segment/],
		["/{}", /no captured segment/, /letters, digits/],
		["/{1a}", /no captured segment/, /letters, digits/],
		["/{id=**}", /mixes \*/, /whole segment/],
		[`/{${"a".repeat(LIMITS.templateNameBytes + 1)}}`, /no captured segment/, /at most 64/],
		["/a/../b", /dot segment "\.\."/, /leads to/],
		["/./b", /dot segment/, /leads to/],
		["/a?x=1", /query/, /leave the query out/],
		["/a;b=1", /holds ;/, /semicolon/],
		["/a\\b", /in no canonical path/, /leave it out/],
		["/a#b", /in no canonical path/, /leave it out/],
		["/a b", /in no canonical path/, /%20/],
		["/café", /"é", which is in no canonical path/, /%C3%A9/],
		["/a\u0000", /in no canonical path/, /leave it out/],
		["/a\ud800", /in no canonical path/, /leave it out/],
		["/a%", /broken escape/, /two hex digits/],
		["/a%2", /broken escape/, /two hex digits/],
		["/a%zz", /broken escape/, /two hex digits/],
		["/%61", /encoded a/, /write a$/],
		["/%2e%2E/a", /encoded \./, /write \.$/],
		["/a%2fb", /encoded slash/, /encoded_slash/],
		["/a%5cb", /%5c are refused/, /leave it out/],
		["/a%2561", /%25 are refused/, /leave it out/],
		["/a%3Bb", /%3B are refused/, /leave it out/],
		["/a%00", /%00 are refused/, /leave it out/],
		["/a%c3", /not UTF-8/, /UTF-8/],
		["/a%c0%af", /not UTF-8/, /UTF-8/],
		["/a%ed%a0%80", /not UTF-8/, /UTF-8/],
		[`/${"a".repeat(LIMITS.pathBytes)}`, /longer than/, /shorter/],
		["/a".repeat(LIMITS.pathSegments + 1), /more than 128 segments/, /shorter/],
	];
	test.each(refused)("refuses %j", (text, message, cure) => {
		expect(parseTemplate(text)).toEqual({
			ok: false,
			message: expect.stringMatching(message),
			cure: expect.stringMatching(cure),
		});
	});

	test("what a path exception permits may be written literally, and nothing else", () => {
		expect(parse("/a%2fb", ["encoded_slash"]).parts).toEqual(["a%2Fb"]);
		expect(parse("/a;b=1", ["semicolon"]).parts).toEqual(["a;b=1"]);
		expect(parseTemplate("/a;b%2fc", ["semicolon"]).ok).toBe(false);
		expect(parseTemplate("/..;a/b", ["semicolon"]).ok).toBe(false);
		expect(parseTemplate("/café", ["utf8"]).ok).toBe(false);
	});

	test("never throws, and what it accepts matches its own text when that is a path", () => {
		fc.assert(
			fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
				const result = parseTemplate(`/${text}`);
				if (!result.ok || result.template.rest) return;
				expect(matchTemplate(result.template, split(result.template.text))).toBe(true);
				expect(parse(result.template.text)).toEqual(result.template);
			}),
		);
	});
});

describe("captureParams", () => {
	test("decodes, and keeps names that objects inherit as plain data", () => {
		const params = captureParams(parse("/{__proto__}/{constructor}/x/{id}"), split("/a/caf%C3%A9/x/a%20b"));
		expect(Object.getPrototypeOf(params)).toBeNull();
		expect(Object.entries(params)).toEqual([
			["__proto__", "a"],
			["constructor", "café"],
			["id", "a b"],
		]);
	});

	test("is empty without names", () => {
		expect(Object.keys(captureParams(parse("/v1/*"), ["v1", "a"]))).toEqual([]);
	});
});
