import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { compilePolicySet } from "../../../src/core/compile/compile.ts";
import { runToEnd } from "../../../src/core/compile/generator.ts";
import type { PolicySet } from "../../../src/core/model.ts";
import type { CredentialVerdict } from "../../../src/core/request.ts";
import { oracle } from "../../support/oracle.ts";
import { decideOn, NOW, type requestOf } from "../../support/requests.ts";
import { credentials, requests, worlds } from "../../support/worlds.ts";

function agree(set: PolicySet, request: ReturnType<typeof requestOf>, credential: CredentialVerdict): void {
	const result = runToEnd(compilePolicySet(set));
	if (!result.ok) throw new Error(JSON.stringify(result.problems));
	const decision = decideOn(result.snapshot, request, { credential });
	const answer = { reason: decision.reason, would: decision.would?.reason ?? null, hidden: decision.hidden };
	expect(answer).toEqual(oracle(set, request, credential, NOW));
}

test("decide agrees with a loop over all policies", () => {
	fc.assert(
		fc.property(worlds, fc.array(fc.tuple(requests, credentials), { minLength: 1, maxLength: 20 }), (set, asked) => {
			for (const [request, credential] of asked) agree(set, request, credential);
		}),
		{ numRuns: 400 },
	);
});

test("nothing depends on the order of rows", () => {
	fc.assert(
		fc.property(worlds, requests, credentials, (set, request, credential) => {
			const turned = { ...set, policies: [...set.policies].reverse(), segments: set.segments.toReversed() };
			const [one, other] = [set, turned].map((each) => {
				const result = runToEnd(compilePolicySet(each));
				if (!result.ok) throw new Error(JSON.stringify(result.problems));
				return decideOn(result.snapshot, request, { credential });
			});
			expect(other).toEqual(one);
		}),
		{ numRuns: 200 },
	);
});
