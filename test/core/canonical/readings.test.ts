/** Whatever a program on the way makes of a path, it is the path that was judged, or the request was refused. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalPath } from "../../../src/core/canonical/path.ts";
import { canonicalSpelling } from "../../../src/core/canonical/spelling.ts";
import { matchTemplate, parseTemplate } from "../../../src/core/template.ts";

const decode = (text: string) =>
	text.replace(/(%[0-9A-Fa-f]{2})+/g, (escapes) =>
		Buffer.from(escapes.replaceAll("%", ""), "hex").toString("utf8").replaceAll("%", "\u0001"),
	);
const stripQuery = (target: string) => target.split("?", 1)[0] as string;
const stripFragment = (target: string) => target.split("#", 1)[0] as string;
const restorePercent = (text: string) => text.replaceAll("\u0001", "%");

/** Resolves dot segments and merges slashes, as Go's path.Clean, but keeps a trailing slash, as its mux does. */
function clean(path: string): string {
	const kept: string[] = [];
	for (const segment of path.split("/")) {
		if (segment === "..") kept.pop();
		else if (segment !== "" && segment !== ".") kept.push(segment);
	}
	const trailing = /\/\.{0,2}$/.test(path) && kept.length > 0 ? "/" : "";
	return `/${kept.join("/")}${trailing}`;
}

/** Each gives the decoded path that it would serve. */
const READERS: Readonly<Record<string, (target: string) => string>> = {
	asIs: (target) => restorePercent(decode(stripQuery(target))),
	nodeUrl: (target) => restorePercent(decode(new URL(target, "http://host.internal").pathname)),
	goMux: (target) => clean(restorePercent(decode(stripQuery(stripFragment(target))))),
	nginx: (target) => clean(restorePercent(decode(stripQuery(stripFragment(target))).replace(/\/{2,}/g, "/"))),
	springBeforeDecoding: (target) => clean(restorePercent(decode(stripQuery(target).replace(/;[^/]*/g, "")))),
	springAfterDecoding: (target) => clean(restorePercent(decode(stripQuery(target))).replace(/;[^/]*/g, "")),
	twice: (target) => clean(restorePercent(decode(restorePercent(decode(stripQuery(target)))))),
	backslashes: (target) => clean(restorePercent(decode(stripQuery(target))).replaceAll("\\", "/")),
	untilNul: (target) => restorePercent(decode(stripQuery(target))).split("\0", 1)[0] as string,
	trimmed: (target) => restorePercent(decode(stripQuery(target).trim())),
};

const PIECES = [
	..."/.;%\\#?@:*+ \t\0",
	...["//", "..", "a", "admin", "%2e", "%2E", "%2f", "%2F", "%5c", "%25", "%252f", "%252e", "%3b", "%3f", "%23", "%00"],
	...[
		"%61",
		"%40",
		"%20",
		"%7B",
		"{",
		"|",
		'"',
		"%c3%a9",
		"%C3",
		"%A9",
		"é",
		"\ufffd",
		"%c0%af",
		"%u002e",
		"..;",
		";x",
	],
];
const target = fc
	.array(fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...PIECES) }, fc.string({ maxLength: 2, unit: "binary" })), {
		maxLength: 10,
	})
	.map((pieces) => `/${pieces.join("")}`);
/** Mostly paths that pass, so that the readers have something to disagree about. */
const tame = fc
	.array(fc.constantFrom("a", "b", "/c", "/", "%20", "%c3%a9", "%40", "@", "{", "%7b", "%3F", "%23", "*", ":", ".x"), {
		maxLength: 10,
	})
	.map((pieces) => `/${pieces.join("")}`);

describe("readings", () => {
	test.each(Object.entries(READERS))("%s", (_name, read) => {
		fc.assert(
			fc.property(fc.oneof(target, tame), (raw) => {
				const result = canonicalPath(raw);
				if (result.ok) expect(read(raw)).toBe(decodeURIComponent(result.path));
			}),
			{ numRuns: 3_000 },
		);
	});

	test("with semicolons and encoded slashes permitted, dot and empty segments still lead nowhere", () => {
		fc.assert(
			fc.property(target, (raw) => {
				const result = canonicalPath(raw, ["encoded_slash", "semicolon"]);
				if (!result.ok) return;
				expect(clean(decodeURIComponent(result.path))).toBe(decodeURIComponent(result.path));
				const stripped = decodeURIComponent(result.path.replace(/;[^/]*/g, ""));
				expect(clean(stripped)).toBe(stripped);
			}),
			{ numRuns: 3_000 },
		);
	});

	test("paths that decode to the same text have the same form", () => {
		const byte = fc.constantFrom(..."azAZ09-._~!$&'()*+,=:@ \"<>[]^`{|}é");
		const spelled = byte.chain((character) => {
			const escaped = [...Buffer.from(character)].map((code) => `%${code.toString(16)}`).join("");
			return fc.constantFrom(character, escaped, escaped.toUpperCase());
		});
		fc.assert(
			fc.property(fc.array(spelled, { maxLength: 8 }), fc.array(spelled, { maxLength: 8 }), (one, other) => {
				const first = canonicalPath(`/x${one.join("")}`);
				const second = canonicalPath(`/x${other.join("")}`);
				if (!first.ok || !second.ok) return;
				const alike = decodeURIComponent(first.rawPath) === decodeURIComponent(second.rawPath);
				expect(first.path === second.path).toBe(alike);
			}),
			{ numRuns: 5_000 },
		);
	});

	test("the form is its own form, and no character of it is left to choose", () => {
		fc.assert(
			fc.property(fc.oneof(target, tame), (raw) => {
				const result = canonicalPath(raw);
				if (!result.ok) return;
				expect(canonicalPath(result.path)).toEqual({ ...result, rawPath: result.path, query: "" });
				expect(canonicalSpelling(result.path)).toBe(result.path);
				expect(`/${result.segments.join("/")}`).toBe(result.path);
				expect(result.path).toMatch(/^[\w\-.~!$&'()+,=:@/%]+$/);
			}),
		);
	});

	test("a template that spells a path as a caller might covers that path", () => {
		fc.assert(
			fc.property(tame, (raw) => {
				const path = canonicalPath(raw);
				const template = parseTemplate(raw.replaceAll("*", "%2A"));
				if (path.ok && template.ok) expect(matchTemplate(template.template, path.segments)).toBe(true);
			}),
			{ numRuns: 2_000 },
		);
	});
});
