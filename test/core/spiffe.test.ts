import { describe, expect, test } from "@jest/globals";
import { LIMITS } from "../../src/core/limits.ts";
import { parseSpiffeId } from "../../src/core/spiffe.ts";

const longestDomain = "a".repeat(LIMITS.trustDomainBytes);
const longestPath = `/${"p".repeat(LIMITS.spiffeIdBytes - "spiffe://td/".length)}`;

describe("parseSpiffeId", () => {
	test.each([
		["spiffe://prod.example.org/ns/orders/sa/orders", "prod.example.org", "/ns/orders/sa/orders"],
		["spiffe://td", "td", ""],
		["spiffe://1.2.3.4/service", "1.2.3.4", "/service"],
		["spiffe://a_b-c.d/x", "a_b-c.d", "/x"],
		["spiffe://td/A.b_c-9", "td", "/A.b_c-9"],
		["spiffe://td/...", "td", "/..."],
		["spiffe://td/.hidden/..x", "td", "/.hidden/..x"],
		[`spiffe://${longestDomain}/w`, longestDomain, "/w"],
		[`spiffe://td${longestPath}`, "td", longestPath],
	])("reads %.60s", (text, trustDomain, path) => {
		expect(parseSpiffeId(text)).toEqual({ trustDomain, path });
	});

	test.each([
		["nothing", ""],
		["no scheme", "prod.example.org/ns/orders"],
		["another scheme", "https://prod.example.org/ns"],
		["the scheme in another case", "SPIFFE://td/w"],
		["the scheme alone", "spiffe://"],
		["one slash", "spiffe:/td/w"],
		["no trust domain", "spiffe:///w"],
		["a trust domain in upper case", "spiffe://TD/w"],
		["userinfo", "spiffe://user@td/w"],
		["userinfo with a password", "spiffe://user:pw@td/w"],
		["a port", "spiffe://td:443/w"],
		["an empty port", "spiffe://td:/w"],
		["an IPv6 address", "spiffe://[::1]/w"],
		["an escaped trust domain", "spiffe://t%64/w"],
		["a trust domain outside ASCII", "spiffe://tд/w"],
		["a root path", "spiffe://td/"],
		["a trailing slash", "spiffe://td/w/"],
		["an empty segment", "spiffe://td/a//b"],
		["a leading empty segment", "spiffe://td//a"],
		["a dot segment", "spiffe://td/./a"],
		["a last dot segment", "spiffe://td/a/."],
		["a double-dot segment", "spiffe://td/a/../b"],
		["a last double-dot segment", "spiffe://td/a/.."],
		["an escape", "spiffe://td/a%2Fb"],
		["a query", "spiffe://td/a?b=c"],
		["an empty query", "spiffe://td/a?"],
		["a query on the trust domain", "spiffe://td?b=c"],
		["a fragment", "spiffe://td/a#b"],
		["a backslash", "spiffe://td\\a"],
		["a semicolon", "spiffe://td/a;b"],
		["a wildcard", "spiffe://td/a/*"],
		["a space before", " spiffe://td/a"],
		["a space after", "spiffe://td/a "],
		["a line end after", "spiffe://td/a\n"],
		["a line end after the trust domain", "spiffe://td\n"],
		["a NUL byte", "spiffe://td/a\u0000"],
		["a path outside ASCII", "spiffe://td/ä"],
		["two IDs", "spiffe://td/a,spiffe://td/b"],
		["a trust domain over its limit", `spiffe://a${longestDomain}/w`],
		["an ID over its limit", `spiffe://td${longestPath}p`],
	])("refuses %s", (_, text) => {
		expect(parseSpiffeId(text)).toBeNull();
	});
});
