/** Where the caller calls from, and what of the way here is believed. `door` and `outer` are trusted proxies. */
import { describe, expect, test } from "@jest/globals";
import { readForwarded } from "../../../src/core/decide/forwarded.ts";
import { identifySource } from "../../../src/core/decide/source.ts";
import { segment, snapshotOf } from "../../support/policy-set.ts";
import { requestOf, spiffe } from "../../support/requests.ts";

const snapshot = snapshotOf({
	segments: [
		segment({ name: "orders" }),
		segment({ name: "door", trusted_proxy: true }),
		segment({ name: "outer", trusted_proxy: true }),
	],
});

interface Given {
	readonly from: string | null;
	/** Nearest first. */
	readonly identities?: readonly string[];
	readonly header?: string;
}

const PEER = "10.0.0.1";

function read({ from, identities, header }: Given) {
	const request = requestOf({
		from,
		peer: { address: PEER },
		forwarded: identities ? identities.map((name) => spiffe(name)) : null,
		headers: header === undefined ? {} : { "x-forwarded-for": header },
	});
	const { address, vouched } = readForwarded(snapshot, request, identifySource(snapshot, request));
	return [address, vouched.identities, vouched.addresses];
}

/** What the caller's address is, and how many identities and addresses, from the right, are believed. */
const CASES: readonly (readonly [what: string, given: Given, expected: readonly unknown[]])[] = [
	["nothing forwarded", { from: "orders" }, [PEER, 0, 0]],
	["forged by a service", { from: "orders", header: "192.0.2.9" }, [PEER, 0, 0]],
	["forged by a service, with what our proxy appended", { from: "orders", header: `192.0.2.9,${PEER}` }, [PEER, 0, 1]],
	["forged, identity too", { from: "orders", identities: ["door"], header: "192.0.2.9" }, [PEER, 0, 0]],
	["forged by nobody", { from: null, identities: ["door"], header: "192.0.2.9" }, [PEER, 0, 0]],
	["forged by a stranger", { from: "stranger", header: "192.0.2.9" }, [PEER, 0, 0]],
	["a trusted proxy for itself", { from: "door" }, [PEER, 0, 0]],
	["a trusted proxy for itself, appended", { from: "door", header: PEER }, [PEER, 0, 1]],
	["a caller without a certificate", { from: "door", header: "192.0.2.1" }, ["192.0.2.1", 0, 1]],
	["the same, with its forgery", { from: "door", header: "192.0.2.9, 192.0.2.1" }, ["192.0.2.1", 0, 1]],
	["the same, appended", { from: "door", header: `192.0.2.9,192.0.2.1,${PEER}` }, ["192.0.2.1", 0, 2]],
	["a service behind it", { from: "door", identities: ["orders"], header: "192.0.2.9,192.0.2.1" }, ["192.0.2.1", 1, 1]],
	["its forged hop", { from: "door", identities: ["orders", "door"], header: "192.0.2.1" }, ["192.0.2.1", 1, 1]],
	[
		"two proxies in a row",
		{ from: "door", identities: ["outer", "orders"], header: `192.0.2.9,192.0.2.1,10.0.0.2,${PEER}` },
		["192.0.2.1", 2, 3],
	],
	[
		"two of which one wrote no address",
		{ from: "door", identities: ["outer", "orders"], header: "10.0.0.2" },
		[null, 2, 1],
	],
	["identity without address", { from: "door", identities: ["orders"] }, [null, 1, 0]],
	["only our own proxy's word for it", { from: "door", identities: ["orders"], header: PEER }, [null, 1, 1]],
	[
		"no address in the right place",
		{ from: "door", identities: ["orders"], header: "192.0.2.1,unknown" },
		[null, 1, 1],
	],
	[
		"the proxy that asks appended the peer's identity too",
		{ from: "door", identities: ["door", "orders"], header: `192.0.2.9,192.0.2.1,${PEER}` },
		["192.0.2.1", 2, 2],
	],
	["the proxies themselves", { from: "door", identities: ["outer"], header: "10.0.0.2" }, ["10.0.0.2", 1, 1]],
	["identities that cannot be read", { from: "door", identities: [], header: "192.0.2.1" }, ["192.0.2.1", 0, 1]],
];

describe("the caller's address", () => {
	test.each(CASES)("%s", (_what, given, expected) => {
		expect(read(given)).toEqual(expected);
	});

	test("an identity that says what is known of the peer is shown, and no other", () => {
		const vouchedOf = (header: string) => {
			const request = requestOf({
				peer: { certificateHash: "AAAA" },
				destinationPrincipal: spiffe("payments"),
				forwarded: [],
				headers: { "x-forwarded-client-cert": header },
			});
			return readForwarded(snapshot, request, identifySource(snapshot, request)).vouched;
		};
		const told = `By=${spiffe("payments")};Hash=000000;URI=${spiffe("orders")}`;
		expect(vouchedOf(`URI=${spiffe("door")},${told}`)).toEqual({ proxied: false, identities: 1, addresses: 0 });
		expect(vouchedOf(`${told},URI=${spiffe("door")}`)).toEqual({ proxied: false, identities: 0, addresses: 0 });
	});

	test("of a peer without one", () => {
		const request = requestOf({ peer: { address: null }, headers: { "x-forwarded-for": "192.0.2.1" } });
		expect(readForwarded(snapshot, request, identifySource(snapshot, request))).toEqual({
			address: null,
			vouched: { proxied: false, identities: 0, addresses: 0 },
		});
	});
});
