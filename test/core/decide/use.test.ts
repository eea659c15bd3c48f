/** Whose certificate a token is held against. `door` and `outer` are trusted proxies. */
import { expect, test } from "@jest/globals";
import { parseForwardedClientCert } from "../../../src/core/canonical/xfcc.ts";
import { locate } from "../../../src/core/decide/locate.ts";
import { route } from "../../../src/core/decide/route.ts";
import { RoutedUse } from "../../../src/core/decide/use.ts";
import { Lane } from "../../../src/core/lane/lane.ts";
import { segment, snapshotOf } from "../../support/policy-set.ts";
import { NOW, requestOf, spiffe } from "../../support/requests.ts";

const snapshot = snapshotOf({
	segments: [
		segment({ name: "orders" }),
		segment({ name: "payments" }),
		segment({ name: "door", trusted_proxy: true }),
		segment({ name: "outer", trusted_proxy: true }),
	],
});
const OWN = "A".repeat(43);
const hop = (name: string, byte: number | null) =>
	`${byte === null ? "" : `Hash=${Buffer.alloc(32, byte).toString("hex")};`}URI=${spiffe(name)}`;
const hashOf = (byte: number) => Buffer.alloc(32, byte).toString("base64url");

test.each([
	["a service for itself", "orders", null, OWN],
	["a service that forges a hop", "orders", hop("orders", 1), OWN],
	["a service whose own proxy names it", "orders", hop("orders", null), OWN],
	["a trusted proxy for itself", "door", null, OWN],
	["a service behind a proxy", "door", hop("orders", 1), hashOf(1)],
	["the same with a hop of its own making before", "door", `${hop("door", 9)},${hop("orders", 1)}`, hashOf(1)],
	["a service behind two proxies", "door", `${hop("orders", 1)},${hop("outer", 2)}`, hashOf(1)],
	["a proxy that tells no hash", "door", hop("orders", null), null],
	["a farther one that tells none", "door", `${hop("orders", null)},${hop("outer", 2)}`, null],
])("%s", (_, from, header, wanted) => {
	const request = requestOf({
		from,
		to: "payments",
		peer: { address: "10.0.0.1", certificateHash: OWN },
		forwarded: header === null ? null : parseForwardedClientCert(header),
		headers: header === null ? {} : { "x-forwarded-client-cert": header },
	});
	const destination = locate(snapshot, spiffe("payments"), null);
	if (!destination.ok) throw new Error(destination.detail);
	const input = {
		snapshot,
		lane: new Lane(),
		destination,
		request,
		enforcerIdentity: "none",
		now: NOW,
		trace: null,
	} as const;
	expect(new RoutedUse(route(input), destination).certificateHash).toBe(wanted);
});
