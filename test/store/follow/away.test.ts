/** A source that goes away, and comes back. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import {
	calls,
	driveFollower,
	follower,
	kinds,
	POLL,
	policies,
	revision,
	revoked,
	source,
	started,
	time,
} from "../support/driven-follower.ts";

driveFollower();

describe("a source that goes away", () => {
	beforeEach(started);

	test("changes no answer; status, log and ages say so", async () => {
		source.fail("head", "lane", "set", "changes", "listen");
		await time.advance(60_000);
		expect(policies()).toEqual(["p1"]);
		expect(kinds().sort()).toEqual(["deaf", "lost"]);
		expect(follower.status()).toMatchObject({
			state: "lost",
			listening: false,
			policyAgeMs: 60_000,
			revocationAgeMs: 60_000,
		});
	});

	test("is asked at once when the listening connection is back, however long the waits have grown", async () => {
		source.fail("head", "listen");
		await time.advance(60_000);
		source.commit(["p2"], { hint: false });
		source.revoke("t1", { hint: false });
		source.fail("head");
		await time.advance(5_000);
		expect(follower.status().listening).toBe(true);
		const asked = calls("head");
		source.fail();
		source.cut();
		await time.advance(100);
		expect(calls("head")).toBeGreaterThan(asked);
		expect([revision(), revoked("t1")]).toEqual([2, "token"]);
		expect(kinds().slice(-2).sort()).toEqual(["adopted", "found"]);
		expect(follower.status()).toMatchObject({ state: "following", policyAgeMs: 0, revocationAgeMs: 0 });
	});

	test("a listening connection that dies silently is found out and replaced", async () => {
		source.fail("check");
		await time.advance(14_999);
		expect(calls("listen")).toBe(0);
		await time.advance(1 + 100);
		expect(calls("listen")).toBe(1);
		expect(kinds()).toEqual(["deaf", "listening"]);
	});

	test("without any hints the poll alone keeps up", async () => {
		source.fail("listen");
		await time.advance(1_000);
		source.commit(["p2"]);
		await time.advance(POLL);
		expect(revision()).toBe(2);
		expect(follower.status()).toMatchObject({ state: "following", listening: false, lastError: "listen failed" });
	});

	test("waits between attempts grow to their limit", async () => {
		source.fail("head", "listen");
		await time.advance(120_000);
		// 100, 200, ... 3200 ms, then 5 s each, for polling and listening alike.
		expect(calls("head")).toBeLessThan(35);
		expect(calls("head")).toBeGreaterThan(25);
	});
});
