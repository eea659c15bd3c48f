/** Fewer scopes, as a registration leaves them to a token, never open anything. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { PolicyRow } from "../../../src/core/model.ts";
import { domain, policy, segment, snapshotOf } from "../../support/policy-set.ts";
import { decideOn, requestOf, tokenFacts, withToken } from "../../support/requests.ts";

const SCOPES = ["read", "write", "guest"];
const rules: fc.Arbitrary<Partial<PolicyRow>> = fc.record({
	effect: fc.constantFrom("allow", "allow", "deny"),
	scopes: fc.subarray(SCOPES, { maxLength: 1 }),
	scopes_any: fc.oneof(fc.constant([]), fc.subarray(SCOPES)),
	mode: fc.constantFrom("enforce", "enforce", "enforce", "monitor"),
});
const tokens = fc
	.subarray(SCOPES)
	.chain((allScopes) => fc.subarray(allScopes).map((scopes) => tokenFacts({ scopes, allScopes })));

test("what a token may not, it may not with fewer scopes either", () => {
	const seen = { less: 0, same: 0 };
	fc.assert(
		fc.property(fc.array(rules, { maxLength: 5 }), fc.array(tokens, { maxLength: 10 }), (rows, asked) => {
			const snapshot = snapshotOf({
				domains: [domain({ name: "internal", flow: "mtls+token" })],
				segments: [segment({ name: "orders" }), segment({ name: "payments" })],
				policies: rows.map((row, index) =>
					policy({ name: `p-${index}`, source: "orders", destination: "payments", ...row }),
				),
			});
			const request = requestOf({ from: "orders", to: "payments", path: "/" });
			for (const token of asked) {
				const [before, after] = [{ scopes: token.allScopes }, token].map(
					(facts) => decideOn(snapshot, request, { credential: withToken(facts) }).allow,
				);
				if (before === after) seen.same++;
				else {
					expect({ before, after }).toEqual({ before: true, after: false });
					seen.less++;
				}
			}
		}),
		{ numRuns: 400 },
	);
	// Both sides, so that the property says something.
	expect(Math.min(seen.less, seen.same)).toBeGreaterThan(20);
});
