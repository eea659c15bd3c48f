/** Whatever a request says of its way here, the service is shown no word that nobody who is believed has written. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { lastAddresses } from "../../src/core/canonical/forwarded-for.ts";
import { parseForwardedClientCert, tellsWhatIsKnown } from "../../src/core/canonical/xfcc.ts";
import { readForwarded } from "../../src/core/decide/forwarded.ts";
import { identifySource } from "../../src/core/decide/source.ts";
import { normalize } from "../../src/extauthz/normalize.ts";
import { revealed } from "../../src/extauthz/way.ts";
import { segment, snapshotOf } from "../support/policy-set.ts";
import { spiffe } from "../support/requests.ts";
import { checkOf } from "./fixtures.ts";

const snapshot = snapshotOf({
	segments: [
		segment({ name: "orders" }),
		segment({ name: "payments" }),
		segment({ name: "door", trusted_proxy: true }),
		segment({ name: "outer", trusted_proxy: true }),
	],
});
const TRUSTED: readonly string[] = [spiffe("door"), spiffe("outer")];
const PEER = "10.0.0.7";

const name = fc.constantFrom("orders", "payments", "door", "outer", "stranger");
const element = fc.oneof(
	{ weight: 6, arbitrary: name.map((who) => `By=${spiffe("payments")};URI=${spiffe(who)}`) },
	name.map((who) => `Subject="CN=\\"a,b\\"";URI="${spiffe(who)}"`),
	fc.constantFrom("", "URI=x", "Hash=00", 'Subject="'),
);
const address = fc.constantFrom(PEER, "192.0.2.1", "198.51.100.9", "::1", "unknown", "");
const request = fc.record({
	from: fc.option(name),
	identities: fc.option(fc.array(element, { minLength: 1, maxLength: 5 })),
	addresses: fc.option(fc.array(address, { minLength: 1, maxLength: 5 })),
});

test("of identities and of addresses", () => {
	fc.assert(
		fc.property(request, ({ from, identities, addresses }) => {
			const headers: Record<string, string> = {};
			if (identities) headers["x-forwarded-client-cert"] = identities.join(",");
			if (addresses) headers["x-forwarded-for"] = addresses.join(", ");
			const principal = from === null ? "" : spiffe(from);
			const result = normalize(checkOf({ principal, address: PEER, headers }), null, []);
			if (!result.ok) throw new Error(result.detail);
			const source = identifySource(snapshot, result.request);
			const { address, vouched } = readForwarded(snapshot, result.request, source);
			const shown = (header: string) => revealed(header, headers[header] ?? "", vouched) ?? "";

			const identity = shown("x-forwarded-client-cert");
			const way = shown("x-forwarded-for");
			expect((headers["x-forwarded-client-cert"] ?? "").endsWith(identity)).toBe(true);
			expect((headers["x-forwarded-for"] ?? "").endsWith(way)).toBe(true);
			if (!TRUSTED.includes(principal)) {
				expect(address).toBe(PEER);
				expect(["", PEER]).toContain(way);
				const known = { principal, certificateHash: null, by: spiffe("payments") };
				expect(identity === "" || (!/,/.test(identity) && tellsWhatIsKnown(identity, known))).toBe(true);
				return;
			}
			const [farthest, ...proxies] = parseForwardedClientCert(identity).toReversed();
			expect(proxies.filter((id) => !TRUSTED.includes(id))).toEqual([]);
			if (identity !== "") expect(farthest).toBe(source.principal);
			if (address !== null && address !== PEER) expect(lastAddresses(way, 9)).toContain(address);
		}),
		{ numRuns: 3_000 },
	);
});
