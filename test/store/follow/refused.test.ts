/** Revisions that do not compile: refused whole, and what is enforced in their place. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import { LIMITS } from "../../../src/core/limits.ts";
import {
	calls,
	driveFollower,
	events,
	follower,
	kinds,
	POLL,
	policies,
	source,
	started,
	time,
} from "../support/driven-follower.ts";

driveFollower();

describe("a revision that does not compile", () => {
	beforeEach(started);

	test("what does not compile is refused whole, once, and the next good one is adopted", async () => {
		source.commit(["p1", "p2"], { condition: "nonsense(" });
		await time.advance(10 * POLL);
		expect(policies()).toEqual(["p1"]);
		expect(kinds()).toEqual(["refused"]);
		expect(calls("changes")).toBe(1);
		expect(follower.status()).toMatchObject({
			state: "following",
			head: { revision: 2 },
			enforced: { revision: 1 },
			refused: { epoch: "one", revision: 2, problems: [{ object: "policy p1" }, { object: "policy p2" }] },
			// What is newer is known and refused, so the enforced one is the newest there is: nobody can age it by a bad commit.
			policyAgeMs: 0,
			revocationAgeMs: 0,
		});
		source.commit(["p3"]);
		await time.settle();
		expect(policies()).toEqual(["p3"]);
		expect(follower.status()).toMatchObject({ refused: null, policyAgeMs: 0 });
	});

	test("one refused behind another ages nothing: both are known", async () => {
		source.commit(["p2"], { condition: "nonsense(" });
		await time.settle();
		source.commit(["p3"], { condition: "nonsense(" });
		await time.advance(10 * POLL);
		expect(follower.status()).toMatchObject({ enforced: { revision: 1 }, refused: { revision: 3 }, policyAgeMs: 0 });
	});

	describe("refused, behind others that were missed", () => {
		beforeEach(async () => {
			source.fail("head", "listen");
			await time.advance(1_000);
		});
		const bad = (name: string) => source.commit([name], { hint: false, condition: "nonsense(" });

		test("the newest of those that compiles is enforced, and is the newest there is", async () => {
			source.commit(["p2"], { hint: false });
			source.commit(["p3"], { hint: false });
			bad("p4");
			bad("p5");
			source.fail();
			await time.advance(60_000);
			expect(policies()).toEqual(["p3"]);
			expect(follower.status()).toMatchObject({
				state: "following",
				enforced: { revision: 3 },
				refused: { revision: 5, problems: [{ object: "policy p5" }] },
				policyAgeMs: 0,
			});
			expect(events.filter(({ kind }) => kind === "refused" || kind === "adopted")).toMatchObject([
				{ kind: "refused", revision: 5 },
				{ kind: "adopted", revision: 3, whole: false },
			]);
			source.commit(["p6"]);
			await time.settle();
			expect([policies(), follower.status().refused]).toEqual([["p6"], null]);
		});

		test("none of those compiles: what is enforced is the newest there is", async () => {
			bad("p2");
			bad("p3");
			source.fail();
			await time.advance(60_000);
			expect(policies()).toEqual(["p1"]);
			expect(follower.status()).toMatchObject({ enforced: { revision: 1 }, refused: { revision: 3 }, policyAgeMs: 0 });
		});

		test("a source that fails meanwhile is asked again", async () => {
			source.commit(["p2"], { hint: false });
			bad("p3");
			const { loadChanges } = source;
			let failures = 0;
			source.loadChanges = (base, until) => {
				if (until === undefined || ++failures > 1) return loadChanges(base, until);
				return Promise.reject(new Error("lost"));
			};
			source.fail();
			await time.advance(10_000);
			expect([policies(), failures]).toEqual([["p2"], 2]);
			expect(events.filter(({ kind }) => kind === "refused")).toHaveLength(1);
			expect(follower.status()).toMatchObject({ policyAgeMs: 0, lastError: null });
		});

		test("too many to look at: what is enforced grows older, since one of them may have closed something", async () => {
			source.commit(["p2"], { hint: false });
			for (let n = 0; n <= LIMITS.missedRevisions; n++) bad(`bad${n}`);
			source.fail();
			await time.advance(60_000);
			expect(policies()).toEqual(["p1"]);
			expect(follower.status()).toMatchObject({ state: "following", refused: {}, revocationAgeMs: 0 });
			expect(follower.status().policyAgeMs).toBeGreaterThanOrEqual(60_000);
			bad("another");
			await time.advance(10_000);
			expect(follower.status().policyAgeMs).toBeGreaterThanOrEqual(70_000);
			source.commit(["good"]);
			await time.advance(POLL);
			expect(policies()).toEqual(["good"]);
			expect(follower.status()).toMatchObject({ refused: null, policyAgeMs: 0 });
		});
	});
});
