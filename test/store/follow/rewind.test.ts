/** A database that is not what it was: restored, failed over, or several behind one name. */
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

describe("a source that was restored or replaced", () => {
	beforeEach(started);

	test("numbers that go back are taken, loudly, and both lanes are read afresh", async () => {
		const restore = source.backup();
		source.commit(["p2"]);
		source.revoke("t1");
		await time.settle();
		expect([revision(), revoked("t1")]).toEqual([2, "token"]);
		restore();
		await time.advance(POLL);
		expect([revision(), policies(), revoked("t1")]).toEqual([1, ["p1"], null]);
		expect(events).toContainEqual({
			kind: "rewound",
			from: { epoch: "one", revision: 2, seq: 1 },
			to: { epoch: "one", revision: 1, seq: 0 },
		});
		expect(calls("set")).toBe(1);
	});

	test("another epoch with the same numbers is loaded as a whole", async () => {
		source.revoke("t1");
		await time.settle();
		source.setEpoch("two");
		const view = follower.current();
		await time.advance(POLL);
		expect(follower.current().snapshot).not.toBe(view.snapshot);
		expect(follower.current().lane).not.toBe(view.lane);
		expect(follower.status().enforced).toEqual({ epoch: "two", revision: 1, seq: 1 });
		expect(revoked("t1")).toBe("token");
		expect(kinds()).toEqual(expect.arrayContaining(["rewound", "adopted"]));
	});

	test("until the lane of a new epoch is read, none of it counts as enforced", async () => {
		await started();
		source.revoke("t1");
		source.revoke("t2");
		await time.settle();
		source.setEpoch("two");
		const release = source.hold("lane");
		source.hint();
		await time.settle();
		expect(follower.status()).toMatchObject({ head: { epoch: "two" }, enforced: { epoch: "two", seq: 0 } });
		release();
		await time.settle();
		expect(follower.status().enforced).toMatchObject({ epoch: "two", seq: 2 });
	});

	test("a head that was read before a load ended does not look like going back", async () => {
		const release = source.hold("changes");
		source.commit(["p2"]);
		await time.settle();
		const late = source.hold("head");
		source.hint();
		await time.settle();
		release();
		await time.settle();
		source.commit(["p3"], { hint: false });
		late();
		await time.settle();
		expect(kinds()).not.toContain("rewound");
		expect(revision()).toBe(3);
	});
});

describe("a failover that keeps the epoch, whose lost numbers are given out anew", () => {
	beforeEach(started);

	/** Goes back behind p2 and t1, is seen there while nothing can be loaded, and then commits others under their numbers. */
	async function overtaken(...further: readonly (readonly string[])[]): Promise<void> {
		const restore = source.backup();
		source.commit(["p1", "p2"]);
		source.revoke("t1");
		source.revoke("t2");
		await time.settle();
		expect([policies().sort(), revoked("t1"), revoked("t2")]).toEqual([["p1", "p2"], "token", "token"]);
		source.fail("changes", "set", "lane");
		restore();
		source.revoke("t3", { hint: false });
		await time.advance(POLL);
		source.revoke("t4", { hint: false });
		for (const names of further) source.commit(names, { hint: false });
		await time.advance(2 * POLL);
		source.fail();
		await time.advance(10_000);
	}

	test("the same number again is not taken for what is enforced", async () => {
		await overtaken(["p3"]);
		expect([revision(), policies()]).toEqual([2, ["p3"]]);
		expect(["t1", "t2", "t3", "t4"].map(revoked)).toEqual([null, null, "token", "token"]);
		expect(kinds().filter((kind) => kind === "rewound")).toHaveLength(1);
	});

	test("changes since a lost number are not made to what is enforced", async () => {
		await overtaken(["p3"], ["p3", "p4"]);
		expect([revision(), policies().sort()]).toEqual([3, ["p3", "p4"]]);
	});

	test("what was refused under the number before is looked at again", async () => {
		const restore = source.backup();
		source.commit(["p1", "p2"], { condition: "nonsense(" });
		await time.settle();
		restore();
		await time.advance(POLL);
		source.commit(["p3"]);
		await time.settle();
		expect([revision(), policies()]).toEqual([2, ["p3"]]);
	});

	test("what was on its way is not adopted", async () => {
		const restore = source.backup();
		const release = source.hold("changes");
		source.commit(["p2"]);
		source.revoke("t1");
		await time.settle();
		restore();
		await time.advance(POLL);
		source.commit(["p3"], { hint: false });
		release();
		await time.settle();
		expect([revision(), policies()]).toEqual([2, ["p3"]]);
		expect(events.filter(({ kind }) => kind === "adopted")).toMatchObject([{ revision: 2, whole: true }]);
	});
});

describe("connections that lead to different states of one database", () => {
	beforeEach(started);

	test("a load that is older than the head is not taken for the newest", async () => {
		const restore = source.backup();
		source.commit(["p2"], { hint: false });
		const primary = source.backup();
		const late = source.hold("head");
		source.hint();
		await time.settle();
		restore();
		late();
		await time.settle();
		expect([revision(), policies()]).toEqual([1, ["p1"]]);
		expect(kinds()).toEqual(["load_failed", "rewound"]);
		primary();
		await time.advance(5_000);
		expect([revision(), policies()]).toEqual([2, ["p2"]]);
	});

	test("a load counts as the newest as of the head that it follows, not as of its own start", async () => {
		const release = source.hold("head");
		source.commit(["p2"]);
		await time.settle();
		await time.advance(2_000);
		release();
		const releaseNext = source.hold("head");
		await time.settle();
		expect([revision(), follower.status().policyAgeMs]).toEqual([2, 2_000]);
		releaseNext();
		await time.settle();
		expect(follower.status().policyAgeMs).toBe(0);
	});

	test("revocations that a lagging standby lacks do not count as pruned", async () => {
		const restore = source.backup();
		source.revoke("t1", { hint: false });
		const primary = source.backup();
		const late = source.hold("head");
		source.hint();
		await time.settle();
		restore();
		late();
		await time.settle();
		expect([revoked("t1"), follower.status().state]).toEqual([null, "lost"]);
		primary();
		await time.advance(POLL);
		expect([revoked("t1"), follower.status().state]).toEqual(["token", "following"]);
	});

	test("revocations of another epoch do not complete those of the first", async () => {
		source.revoke("t1", { hint: false });
		const late = source.hold("head");
		source.hint();
		await time.settle();
		source.setEpoch("two");
		late();
		await time.settle();
		expect(follower.status()).toMatchObject({ state: "lost", enforced: { epoch: "one", seq: 0 } });
		source.setEpoch("one");
		await time.advance(POLL);
		expect([revoked("t1"), follower.status().state]).toEqual(["token", "following"]);
	});
});
