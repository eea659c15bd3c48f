import { isIP } from "node:net";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalAddress } from "../../../src/core/canonical/address.ts";

test.each([
	["10.0.0.7", "10.0.0.7"],
	["::1", "::1"],
	["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
	["::ffff:10.0.0.7", "10.0.0.7"],
	["::FFFF:a00:7", "10.0.0.7"],
	["0:0:0:0:0:ffff:192.168.255.1", "192.168.255.1"],
	["::10.0.0.7", "::a00:7"],
	["::ffff:0:a00:7", "::ffff:0:a00:7"],
	["fe80::1%eth0", "fe80::1"],
	["", null],
	["10.0.0", null],
	["10.0.0.256", null],
	["010.0.0.7", null],
	["10.0.0.7:80", null],
	["10.0.0.7/32", null],
	["[::1]", null],
	["localhost", null],
	["/run/envoy.sock", null],
	["10.0.0.7\u0000", null],
])("%j gives %j", (text, address) => {
	expect(canonicalAddress(text)).toBe(address);
});

test("takes for an address what the system does", () => {
	const piece = fc.constantFrom(
		"0",
		"1",
		"10",
		"255",
		"256",
		"01",
		".",
		":",
		"::",
		"ffff",
		"a",
		"%",
		"eth0",
		"10.0.0.7",
	);
	fc.assert(
		fc.property(
			fc.oneof(
				fc.ipV4(),
				fc.ipV6(),
				fc.array(piece, { maxLength: 9 }).map((all) => all.join("")),
			),
			(text) => {
				expect(canonicalAddress(text) !== null).toBe(isIP(text) !== 0);
			},
		),
		{ numRuns: 3_000 },
	);
});
