/**
 * Whatever a proxy or a service makes of a request's path, the answer is never an allow of another path than the one that a
 * policy names.
 */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalPath } from "../../src/core/canonical/path.ts";
import type { PathException } from "../../src/core/model.ts";
import { matchTemplate, parseTemplate, type Template } from "../../src/core/template.ts";
import { READINGS } from "../support/readings/all.ts";
import { spellingsOf, tameTargets, wildTargets } from "../support/readings/targets.ts";
import { answerTo, type Told } from "./answers.ts";

const bytesOf = (text: string) => Buffer.from(text, "utf8").toString("latin1");
const textOf = (bytes: string) => Buffer.from(bytes, "latin1").toString("utf8");

const templateOf = (text: string): Template => {
	const parsed = parseTemplate(text);
	if (!parsed.ok) throw new Error(text);
	return parsed.template;
};

/** Whether a policy for the template names a path that some server serves. */
function names(template: Template, served: string): boolean {
	// Escaped segment by segment, so that what the server decoded separates nothing anew.
	const spelled = textOf(served).split("/").map(encodeURIComponent).join("/");
	const path = canonicalPath(spelled);
	return path.ok && matchTemplate(template, path.segments);
}

/** The only thing that is allowed, and what requests are spelled from. */
const ALLOWED: readonly (readonly [template: string, ...paths: readonly string[]])[] = [
	["/public/x", "/public/x", "/admin", "/public/../admin", "/admin/public/x", "//public/x"],
	["/public/**", "/public/x", "/public", "/public/../admin", "/admin;/public/x", "/public/..;/admin"],
	["/v1/items/{id}", "/v1/items/7", "/v1/items/7/secret", "/v1/items/../7", "/v1/items/a b"],
	["/", "/", "/admin", "/..", "/;x"],
];

/** Every reading of what is allowed is allowed. `seen` is told of each allow. */
function agreement(template: string, paths: readonly string[], exceptions: readonly PathException[], seen = () => {}) {
	const parsed = templateOf(template);
	const targets = fc.oneof({ weight: 6, arbitrary: spellingsOf(...paths) }, wildTargets, tameTargets);
	return fc.property(targets, fc.boolean(), (target, rawHeaders) => {
		if (!answerTo(template, exceptions, { target, rawHeaders }).allow) return;
		seen();
		for (const [name, read] of READINGS) {
			const served = read(bytesOf(target));
			if (served !== null && !names(parsed, served)) throw new Error(`${name} serves ${JSON.stringify(served)}`);
		}
	});
}

describe.each(ALLOWED)("only %s is allowed", (template, ...paths) => {
	test("in whatever spelling, and by whoever reads it", () => {
		let allowed = 0;
		fc.assert(
			agreement(template, paths, [], () => allowed++),
			{ numRuns: 2_000 },
		);
		expect(allowed).toBeGreaterThan(20);
	});
});

test.each([
	["encoded_slash", "/v1/items/{id}", "/v1/items/7%2Fsecret"],
	["semicolon", "/public/**", "/public/a;x/../b"],
] as const)("servers disagree about what %s permits, which is found", (exception, template, path) => {
	const found = fc.check(agreement(template, [path], [exception]), { numRuns: 20_000 });
	expect(found.failed).toBe(true);
});

/** The one reading that each exception permits. */
const EXCEPTIONS: readonly (readonly [PathException, paths: readonly string[]])[] = [
	["encoded_slash", ["/files/a%2Fb", "/files/a%2f..%2fadmin", "/files%2Fadmin", "/files/%2e%2e%2fadmin"]],
	["semicolon", ["/files/a;v=1", "/files;x/admin", "/files/..;/admin", "/files/a%3bv=1"]],
	["utf8", ["/files/é", "/files/\u00e9/../admin", "/files/日本"]],
];

describe.each(EXCEPTIONS)("with %s", (exception, paths) => {
	const template = templateOf("/files/{name}");

	test("what is allowed has two segments as they are written, and leads nowhere else", () => {
		let allowed = 0;
		fc.assert(
			fc.property(
				fc.oneof({ weight: 4, arbitrary: spellingsOf(...paths) }, wildTargets),
				fc.boolean(),
				(target, rawHeaders) => {
					const answer = answerTo("/files/{name}", [exception], { target, rawHeaders });
					if (!answer.allow) return;
					allowed++;
					const segments = (target.split("?", 1)[0] as string).slice(1).split("/");
					expect(segments).toHaveLength(2);
					expect(decodeURIComponent(segments[0] as string)).toBe("files");
					const [, name = ""] = segments;
					const pieces = decodeURIComponent(name).split(exception === "encoded_slash" ? "/" : "\0");
					// A slash at the end may be an escaped one.
					if (pieces.length > 1 && pieces.at(-1) === "") pieces.pop();
					for (const piece of pieces) expect(piece).not.toMatch(/^(\.{0,2})(;|$)/);
					if (exception !== "semicolon") expect(name).not.toContain(";");
					if (exception !== "encoded_slash") expect(name).not.toMatch(/%2f/i);
					expect(name).not.toMatch(/%(25|5c|3b|2e)/i);
					expect(matchTemplate(template, [segments[0] as string, name])).toBe(true);
				},
			),
			{ numRuns: 2_000 },
		);
		expect(allowed).toBeGreaterThan(20);
	});

	test("holds for its segment alone", () => {
		const needing = paths.map((target): Told => ({ target, rawHeaders: true }));
		expect(needing.map((told) => answerTo("/files/**", [], told).reason)).toEqual(paths.map(() => "ambiguous_request"));
	});
});
