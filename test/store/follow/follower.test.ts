/** How a follower begins, and how it takes up what changes. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import {
	calls,
	driveFollower,
	events,
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

describe("starting", () => {
	test("knows nothing at first, then the newest revision and every revocation", async () => {
		expect(follower.status()).toMatchObject({
			state: "starting",
			enforced: null,
			policyAgeMs: null,
			revocationAgeMs: null,
		});
		expect(follower.current().policyConfirmedAt).toBe(Number.NEGATIVE_INFINITY);
		source.commit(["p1"]);
		for (const id of ["t1", "t2", "t3", "t4", "t5"]) source.revoke(id);
		await follower.start();
		await time.settle();
		expect(policies()).toEqual(["p1"]);
		expect([revoked("t1"), revoked("t5"), revoked("t6")]).toEqual(["token", "token", null]);
		expect(follower.status()).toMatchObject({
			state: "following",
			listening: true,
			enforced: { epoch: "one", revision: 1, seq: 5 },
			policyAgeMs: 0,
			revocationAgeMs: 0,
		});
	});

	test("enforces nothing until revocations are there, too, and says nothing else", async () => {
		source.commit(["p1"]);
		source.revoke("t1");
		const release = source.hold("lane");
		let ready = false;
		const starting = follower.start().then(() => {
			ready = true;
		});
		await time.settle();
		expect(calls("set")).toBe(1);
		expect([ready, revision(), kinds()]).toEqual([false, 0, ["listening"]]);
		expect(follower.current()).toMatchObject({
			policyConfirmedAt: Number.NEGATIVE_INFINITY,
			laneConfirmedAt: Number.NEGATIVE_INFINITY,
		});
		expect(follower.status()).toMatchObject({ state: "starting", origin: null, enforced: null });
		release();
		await starting;
		expect([revision(), revoked("t1"), kinds()]).toEqual([1, "token", ["listening", "adopted", "lane"]]);
		expect(follower.status()).toMatchObject({ origin: "database", enforced: { revision: 1, seq: 1 } });
	});

	test("an empty database is a revision like any other", async () => {
		await follower.start();
		expect(follower.status()).toMatchObject({ state: "following", enforced: { revision: 0 } });
	});

	test("keeps trying while the source is down, and starts when it comes", async () => {
		source.fail("head", "listen");
		const ready = follower.start();
		await time.advance(60_000);
		expect(follower.status()).toMatchObject({
			state: "lost",
			enforced: null,
			lastError: expect.stringContaining("failed"),
		});
		expect(kinds().filter((kind) => kind === "lost")).toHaveLength(1);
		source.fail();
		await time.advance(5_000);
		await ready;
		expect(follower.status()).toMatchObject({ state: "following", lastError: null });
		expect(kinds()).toEqual(expect.arrayContaining(["lost", "deaf", "found", "listening", "adopted"]));
	});

	test("a first revision that does not compile leaves everything denied until a good one comes", async () => {
		source.commit(["p1"], { condition: "nonsense(" });
		const ready = follower.start();
		await time.advance(5 * POLL);
		expect(policies()).toEqual([]);
		expect(follower.status()).toMatchObject({ state: "starting", refused: { revision: 1 }, policyAgeMs: null });
		source.commit(["p2"]);
		await ready;
		expect(policies()).toEqual(["p2"]);
	});

	test("stop resolves what waits for the start", async () => {
		source.fail("head");
		const ready = follower.start();
		await time.settle();
		await follower.stop();
		await ready;
	});
});

describe("a change", () => {
	beforeEach(started);

	test("is enforced at its hint, without waiting for the poll, by its changes alone", async () => {
		source.commit(["p1", "p2"]);
		await time.settle();
		expect(policies().sort()).toEqual(["p1", "p2"]);
		expect(events).toMatchObject([{ kind: "adopted", revision: 2, policies: 2, whole: false }]);
		expect(calls("set")).toBe(0);
	});

	test("is found by the poll when the hint is lost", async () => {
		source.commit(["p2"], { hint: false });
		await time.advance(POLL - 1);
		expect(revision()).toBe(1);
		await time.advance(1);
		expect(policies()).toEqual(["p2"]);
	});

	test("swaps the view as a whole: one taken before stays as it was", async () => {
		const before = follower.current();
		source.commit(["p2"]);
		await time.settle();
		expect(policies(before.snapshot)).toEqual(["p1"]);
		expect(policies()).toEqual(["p2"]);
		expect(Object.isFrozen(follower.current())).toBe(true);
	});

	test("a burst of hints becomes few polls, and one load at a time", async () => {
		const release = source.hold("changes");
		source.commit(["p2"]);
		await time.settle();
		for (let n = 3; n < 50; n++) source.commit([`p${n}`]);
		source.hint(1_000);
		await time.settle();
		expect(calls("changes")).toBe(1);
		expect(calls("head")).toBeLessThan(10);
		release();
		await time.settle();
		expect(policies()).toEqual(["p49"]);
		expect(calls("changes")).toBe(2);
	});

	test("nothing is loaded while nothing changes", async () => {
		await time.advance(10 * POLL);
		expect(new Set(source.calls)).toEqual(new Set(["head"]));
		expect(calls("head")).toBe(10);
		expect(events).toEqual([]);
	});

	test("revocations are enforced while a policy is loading, and while the newest is refused", async () => {
		const release = source.hold("changes");
		source.commit(["p2"]);
		source.revoke("t1");
		await time.settle();
		expect([revision(), revoked("t1")]).toEqual([1, "token"]);
		release();
		await time.settle();
		source.commit(["p3"], { condition: "nonsense(" });
		source.revoke("t2");
		await time.settle();
		expect([revision(), revoked("t2")]).toEqual([2, "token"]);
	});

	test("a revocation of an unknown kind is said once", async () => {
		source.revoke("t1", { kind: "banish" });
		await time.settle();
		source.revoke("t2");
		await time.settle();
		expect(kinds()).toEqual(["lane", "lane_unknown", "lane"]);
		expect(follower.current().lane.unknownKind).toBe("banish");
		expect(revoked("t2")).toBe("token");
	});

	test("revocations that are over are forgotten as time goes by", async () => {
		const held = () => [...follower.current().lane.rows()].map(({ payload }) => payload.token_id);
		source.revoke("t1", { until: time.clock() + 3 * POLL });
		source.revoke("t2");
		await time.settle();
		expect(held()).toEqual(["t1", "t2"]);
		await time.advance(2 * POLL);
		expect(held()).toEqual(["t1", "t2"]);
		await time.advance(2 * POLL);
		expect(held()).toEqual(["t2"]);
	});

	test("a load that fails is tried again, with growing waits, and says so", async () => {
		source.fail("changes");
		source.commit(["p2"]);
		await time.advance(4 * POLL);
		expect(revision()).toBe(1);
		expect(events).toMatchObject([
			{ kind: "load_failed", attempt: 1 },
			{ kind: "load_failed", attempt: 2 },
			{ kind: "load_failed", attempt: 3 },
			{ kind: "load_failed", attempt: 4 },
		]);
		expect(follower.status().lastError).toBe("changes failed");
		source.fail();
		await time.advance(5_000);
		expect([revision(), follower.status().lastError]).toEqual([2, null]);
	});
});
