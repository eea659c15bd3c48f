/** What test/cases/tokens/proofs.ts does not tell of htu: paths in all their spellings, and origins. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { matchesTarget } from "../../../src/authn/proof/target.ts";
import { parseOrigin } from "../../../src/core/origin.ts";

const REQUEST = { scheme: "https", authority: "api.example.org", rawPath: "/v1/a" };
const matches = (htu: string, request: Partial<typeof REQUEST> = {}, origins: readonly string[] = []) =>
	matchesTarget(htu, { ...REQUEST, ...request }, origins);

describe("paths", () => {
	test.each([
		["https://api.example.org", "/", true],
		["https://api.example.org?x", "/", true],
		["https://api.example.org/", "/", true],
		["https://api.example.org/v1/./a", "/v1/a", true],
		["https://api.example.org/v1/b/../a", "/v1/a", true],
		["https://api.example.org/../v1/a", "/v1/a", true],
		["https://api.example.org/v1/a/.", "/v1/a/", true],
		["https://api.example.org/v1/a/..", "/v1/", true],
		["https://api.example.org/v1/a/b/..", "/v1/a", false],
		["https://api.example.org/v1/%2e%2e/a", "/a", true],
		["https://api.example.org/.well-known/x", "/.well-known/x", true],
		["https://api.example.org//v1/a", "/v1/a", false],
		["https://api.example.org/v1%2Fa", "/v1/a", false],
		["https://api.example.org/v1%2fa", "/v1%2Fa", true],
		["https://api.example.org/%40me", "/@me", false],
		["https://api.example.org/a|b", "/a|b", true],
		["https://api.example.org/caf%C3%A9", "/café", true],
		["https://api.example.org/café", "/café", false],
		["https://api.example.org/a%", "/a%", false],
		["https://api.example.org/a b", "/a b", false],
		["https://api.example.org/v1/a?", "/v1/a", true],
	])("%s for %s: %s", (htu, rawPath, wanted) => expect(matches(htu, { rawPath })).toBe(wanted));
});

describe("origins that callers know", () => {
	const known = ["https://shop.example.com", "http://shop.example.com:8080"];
	test.each([
		["https://shop.example.com/v1/a", true],
		["HTTPS://SHOP.example.com:443/v1/a", true],
		["http://shop.example.com:8080/v1/a", true],
		["https://shop.example.com:8080/v1/a", false],
		["http://shop.example.com/v1/a", false],
		["https://api.example.org/v1/a", false],
		["https://shop.example.com/v1/b", false],
	])("%s: %s", (htu, wanted) => {
		expect(matches(htu, {}, known)).toBe(wanted);
		// Then what the proxy saw does not matter.
		expect(matches(htu, { scheme: "", authority: "10.0.0.1:9000" }, known)).toBe(wanted);
	});
});

test.each([
	["https://api.example.org", "https://api.example.org"],
	["HTTPS://API.example.org:443", "https://api.example.org"],
	["https://api.example.org:", "https://api.example.org"],
	["http://api.example.org:443", "http://api.example.org:443"],
	["https://api.example.org:4430", "https://api.example.org:4430"],
	["http://[::1]:80", "http://[::1]"],
	["https://api.example.org/", null],
	["https://a@api.example.org", null],
	["https://api.example.org:0443", null],
	["https://", null],
	["ftp://api.example.org", null],
	["//api.example.org", null],
	["", null],
])("the origin %s is %s", (text, origin) => expect(parseOrigin(text)).toBe(origin));

test("no text makes it throw, and what matches names the path that WHATWG's URLs read", () => {
	const part = fc.constantFrom("/", ".", "..", "a", "A", "%61", "%2F", "%2e", "?", "#", "@", ":", "\\", "é", "%", "//");
	fc.assert(
		fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
			const htu = `https://api.example.org${parts.join("")}`;
			const url = URL.parse(htu);
			const rawPath = url?.pathname.replace(/%61/g, "a") ?? "/";
			if (matches(htu, { rawPath })) expect(url?.host).toBe("api.example.org");
		}),
		{ numRuns: 1_000 },
	);
});
