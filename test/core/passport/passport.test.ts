/** Passports: read strictly, and each restriction judged with its allowing and its denying side. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LIMITS } from "../../../src/core/limits.ts";
import { judgePassport, type TokenUse } from "../../../src/core/passport/judge.ts";
import { type Passport, type PassportJson, readPassport } from "../../../src/core/passport/passport.ts";

const NOW = Date.UTC(2026, 5, 1, 10);
const LEAST = { owner: "orders", purpose: "nightly export" };
const [HASH, OTHER] = ["g".repeat(43), "o".repeat(43)];
const ORDERS = "spiffe://prod.example.org/ns/orders/sa/orders";
const USE: TokenUse = {
	principal: ORDERS,
	source: { name: "orders", environment: "prod" },
	destination: { name: "payments", environment: "prod" },
	address: "10.1.2.3",
	certificateHash: HASH,
};

function passport(restrictions: Partial<PassportJson> = {}): Passport {
	const read = readPassport({ ...LEAST, ...restrictions });
	if (!("owner" in read)) throw new Error(`cannot be read: ${read}`);
	return read;
}

/** The use, and the key that the caller proved to hold. */
type Use = Partial<TokenUse & { readonly proofKey: string | null }>;
const judged = (restrictions: Partial<PassportJson>, { proofKey = null, ...use }: Use = {}, now = NOW) =>
	judgePassport(passport(restrictions), { ...USE, ...use }, proofKey, now);

describe("reading", () => {
	test("owner and purpose are enough; nothing restricts then", () => {
		expect(passport()).toEqual({
			...LEAST,
			sources: [],
			destinations: [],
			networks: [],
			environment: null,
			device: null,
			windows: [],
			json: LEAST,
		});
		expect(judged({}, { principal: null, source: null, address: null, certificateHash: null })).toBeNull();
	});

	test.each<[string, unknown]>([
		["passport", null],
		["passport", "orders"],
		["passport", []],
		["owner", { purpose: "p" }],
		["owner", { ...LEAST, owner: "" }],
		["owner", { ...LEAST, owner: "o".repeat(LIMITS.nameBytes + 1) }],
		["purpose", { owner: "o" }],
		["purpose", { ...LEAST, purpose: "a\nb" }],
		["purpose", { ...LEAST, purpose: 5 }],
		["sources", { ...LEAST, sources: "orders" }],
		["sources", { ...LEAST, sources: [""] }],
		["sources", { ...LEAST, sources: [null] }],
		["sources", { ...LEAST, sources: null }],
		["sources", { ...LEAST, sources: Array(LIMITS.listItems + 1).fill("a") }],
		["destinations", { ...LEAST, destinations: [{}] }],
		["networks", { ...LEAST, networks: ["10.0.0.1/8"] }],
		["networks", { ...LEAST, networks: {} }],
		["environment", { ...LEAST, environment: null }],
		["environment", { ...LEAST, environment: ["prod"] }],
		["device", { ...LEAST, device: "short" }],
		["device", { ...LEAST, device: null }],
		["device", { ...LEAST, device: `${HASH}=` }],
		["windows", { ...LEAST, windows: ["always"] }],
		["windows", { ...LEAST, windows: null }],
		["moon", { ...LEAST, moon: "full" }],
		["__proto__", JSON.parse('{"owner": "o", "purpose": "p", "__proto__": {"environment": "dev"}}')],
	])("names what is wrong: %s", (field, json) => {
		expect(readPassport(json)).toEqual([field]);
	});

	test("whatever it is given, it is a passport or a list of fields, and nothing is thrown", () => {
		fc.assert(
			fc.property(fc.anything(), fc.anything(), (value, other) => {
				for (const json of [value, { ...LEAST, windows: value, networks: other }, { ...LEAST, sources: value }]) {
					const read = readPassport(json);
					expect("owner" in read || Array.isArray(read)).toBe(true);
				}
			}),
			{ numRuns: 500 },
		);
	});
});

describe("judging", () => {
	const window = { from: "08:00", until: "18:00", zone: "UTC" };
	const staging = { name: "orders", environment: "staging" };
	test.each<[string, Partial<PassportJson>, Use, ReturnType<typeof judged>]>([
		["the environment of both sides", { environment: "prod" }, {}, null],
		["a source elsewhere", { environment: "prod" }, { source: staging }, "environment"],
		[
			"a destination elsewhere",
			{ environment: "prod" },
			{ destination: { ...USE.destination, environment: "dev" } },
			"environment",
		],
		["no source to be anywhere", { environment: "prod" }, { principal: null, source: null }, "environment"],
		["its segment", { sources: ["orders"] }, {}, null],
		["its workload", { sources: [ORDERS] }, {}, null],
		["another of several", { sources: ["web", "orders"] }, {}, null],
		["another segment", { sources: ["web"] }, {}, "source"],
		["a name that begins alike", { sources: ["order", "orders2"] }, {}, "source"],
		["another workload of the segment", { sources: [ORDERS] }, { principal: `${ORDERS}-2` }, "source"],
		["no source", { sources: ["orders", ORDERS] }, { principal: null, source: null }, "source"],
		["its destination", { destinations: ["web", "payments"] }, {}, null],
		["another destination", { destinations: ["orders"] }, {}, "destination"],
		["its network", { networks: ["192.0.2.0/24", "10.0.0.0/8"] }, {}, null],
		["another network", { networks: ["192.0.2.0/24"] }, {}, "network"],
		["an address that is not known", { networks: ["0.0.0.0/0", "::/0"] }, { address: null }, "network"],
		["its certificate", { device: HASH }, {}, null],
		["its key", { device: OTHER }, { proofKey: OTHER }, null],
		["its key, and a certificate besides", { device: OTHER }, { certificateHash: HASH, proofKey: OTHER }, null],
		["another certificate", { device: OTHER }, {}, "device"],
		["no certificate and no key", { device: OTHER }, { certificateHash: null }, "device"],
		["its hours", { windows: [window] }, {}, null],
		["one of its hours", { windows: [{ ...window, until: "09:00" }, window] }, {}, null],
		["other hours", { windows: [{ ...window, until: "10:00" }] }, {}, "window"],
	])("%s", (_, restrictions, use, fault) => {
		expect(judged(restrictions, use)).toBe(fault);
	});

	test("the first restriction that is broken is told, in one order", () => {
		const all: Partial<PassportJson> = {
			environment: "dev",
			sources: ["web"],
			destinations: ["web"],
			networks: ["192.0.2.0/24"],
			device: OTHER,
			windows: [{ ...window, until: "10:00" }],
		};
		const order = ["environment", "source", "destination", "network", "device", "window"];
		const names = Object.keys(all) as (keyof PassportJson)[];
		const found = names.map((_, index) =>
			judged(Object.fromEntries(names.slice(index).map((name) => [name, all[name]]))),
		);
		expect(found).toEqual(order);
	});

	test("a restriction more never lets more pass", () => {
		const some = fc.record(
			{
				sources: fc.subarray(["orders", "web", ORDERS]),
				destinations: fc.subarray(["payments", "web"]),
				networks: fc.subarray(["10.0.0.0/8", "192.0.2.0/24", "::/0"]),
				environment: fc.constantFrom("prod", "dev"),
				device: fc.constantFrom(HASH, OTHER),
				windows: fc.subarray([window, { ...window, from: "12:00" }]),
			},
			{ requiredKeys: [] },
		);
		const uses = fc.record({
			principal: fc.constantFrom(ORDERS, "spiffe://a/b", null),
			source: fc.constantFrom(USE.source, staging, null),
			destination: fc.constantFrom(USE.destination, { name: "web", environment: "dev" }),
			address: fc.constantFrom("10.1.2.3", "192.0.2.1", "2001:db8::1", null),
			certificateHash: fc.constantFrom(HASH, OTHER, null),
			proofKey: fc.constantFrom(HASH, OTHER, null),
		});
		fc.assert(
			fc.property(
				some,
				some,
				uses,
				fc.constantFrom(NOW, NOW + 3 * 3_600_000, NOW + 9 * 3_600_000),
				(one, more, use, now) => {
					const narrower = { ...more, ...one };
					if (judged(narrower, use, now) === null) expect(judged(one, use, now)).toBeNull();
				},
			),
			{ numRuns: 2_000 },
		);
	});
});
