/** CIDR blocks, against an oracle that compares bits. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalAddress } from "../../../src/core/canonical/address.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { readNetworks } from "../../../src/core/passport/network.ts";

const holds = (network: string, address: string): boolean => {
	const networks = readNetworks([network]);
	if (networks === null) throw new Error(`${network} cannot be read`);
	return networks[0]!(address);
};

describe("holds", () => {
	test.each([
		["10.0.0.0/8", "10.255.255.255", true],
		["10.0.0.0/8", "11.0.0.0", false],
		["10.0.0.0/8", "9.255.255.255", false],
		["192.168.1.4/30", "192.168.1.7", true],
		["192.168.1.4/30", "192.168.1.8", false],
		["10.1.2.3/32", "10.1.2.3", true],
		["10.1.2.3/32", "10.1.2.2", false],
		["0.0.0.0/0", "203.0.113.9", true],
		["0.0.0.0/0", "2001:db8::1", false],
		["::/0", "2001:db8::1", true],
		["::/0", "10.0.0.1", false],
		["fd00::/8", "fdff::1", true],
		["fd00::/8", "fe00::1", false],
		["FD00::/8", "fd00::1", true],
		["2001:db8::/33", "2001:db8:7fff::1", true],
		["2001:db8::/33", "2001:db8:8000::1", false],
		["::ffff:10.0.0.0/104", "10.1.2.3", true],
		["::ffff:10.0.0.0/104", "11.1.2.3", false],
		["::ffff:0a00:0/104", "10.1.2.3", true],
		["::ffff:0:0/96", "198.51.100.1", true],
		["::ffff:0:0/96", "2001:db8::1", false],
		["10.0.0.0/8", "::ffff:10.1.2.3", true],
		["10.0.0.0/8", "", false],
		["10.0.0.0/8", "unix:/tmp/x", false],
		["10.0.0.0/8", "10.0.0.1:443", false],
	])("%s, %s: %s", (network, address, held) => {
		expect(holds(network, address)).toBe(held);
	});

	test("an IPv4-mapped address counts as the IPv4 address that it is, however it came", () => {
		for (const address of ["::ffff:10.1.2.3", "::FFFF:0a01:203", "0:0:0:0:0:ffff:10.1.2.3", "10.1.2.3"]) {
			expect(holds("10.0.0.0/8", canonicalAddress(address)!)).toBe(true);
			expect(holds("11.0.0.0/8", canonicalAddress(address)!)).toBe(false);
		}
	});

	test("exactly the addresses that begin with its bits", () => {
		const byte = fc.nat({ max: 255 });
		const near = fc.tuple(byte, byte, byte, byte, fc.nat({ max: 32 }), fc.nat({ max: 31 }), byte);
		fc.assert(
			fc.property(near, ([a, b, c, d, bits, flipped, other]) => {
				const address = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
				const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
				const base = (address & mask) >>> 0;
				const asked = (address ^ (1 << flipped) ^ other) >>> 0;
				expect(holds(`${dotted(base)}/${bits}`, dotted(asked))).toBe((asked & mask) >>> 0 === base);
			}),
			{ numRuns: 2_000 },
		);
	});
});

const dotted = (address: number) => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");

describe("what cannot be read", () => {
	test.each([
		"10.0.0.1/8",
		"10.0.0.0",
		"10/8",
		"10.0.0/24",
		"010.0.0.0/8",
		"0x0a.0.0.0/8",
		"167772160/8",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/08",
		"10.0.0.0/8 ",
		"10.0.0.256/32",
		"::/129",
		"fd00::1/8",
		"fe80::%eth0/64",
		"::ffff:10.0.0.0/8",
		"::ffff:10.0.0.1/104",
		"example.org/24",
		"",
		null,
		10,
	])("%j", (network) => {
		expect(readNetworks([network])).toBeNull();
		expect(readNetworks(["10.0.0.0/8", network])).toBeNull();
	});

	test("a list that is none, or too long", () => {
		expect(readNetworks("10.0.0.0/8")).toBeNull();
		expect(readNetworks(Array(LIMITS.passportNetworks + 1).fill("10.0.0.0/8"))).toBeNull();
		expect(readNetworks(Array(LIMITS.passportNetworks).fill("10.0.0.0/8"))).toHaveLength(LIMITS.passportNetworks);
	});
});
