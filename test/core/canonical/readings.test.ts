/** Whatever a program on the way makes of a path, it is the path that was judged, or the request was refused. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalPath } from "../../../src/core/canonical/path.ts";
import { canonicalSpelling } from "../../../src/core/canonical/spelling.ts";
import { matchTemplate, parseTemplate } from "../../../src/core/template.ts";
import { READINGS } from "../../support/readings/all.ts";
import { clean } from "../../support/readings/bytes.ts";
import { tameTargets, wildTargets } from "../../support/readings/targets.ts";

const bytesOf = (text: string) => Buffer.from(text, "utf8").toString("latin1");

describe("readings", () => {
	test.each(READINGS)("%s", (_name, read) => {
		fc.assert(
			fc.property(fc.oneof(wildTargets, tameTargets), (raw) => {
				const result = canonicalPath(raw);
				if (result.ok) expect([null, bytesOf(decodeURIComponent(result.path))]).toContain(read(bytesOf(raw)));
			}),
			{ numRuns: 1_500 },
		);
	});

	test("with semicolons and encoded slashes permitted, dot and empty segments still lead nowhere", () => {
		fc.assert(
			fc.property(wildTargets, (raw) => {
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
			fc.property(fc.oneof(wildTargets, tameTargets), (raw) => {
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
			fc.property(tameTargets, (raw) => {
				const path = canonicalPath(raw);
				const template = parseTemplate(raw.replaceAll("*", "%2A"));
				if (path.ok && template.ok) expect(matchTemplate(template.template, path.segments)).toBe(true);
			}),
			{ numRuns: 2_000 },
		);
	});
});
