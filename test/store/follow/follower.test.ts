import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { LIMITS } from "../../../src/core/limits.ts";
import type { Snapshot } from "../../../src/core/snapshot.ts";
import type { FollowEvent } from "../../../src/store/follow/events.ts";
import { createPolicyFollower, type PolicyFollower } from "../../../src/store/follow/follower.ts";
import { CORE_COMPILER } from "../../../src/store/follow/loader.ts";
import { fakeSource } from "../support/fake-source.ts";
import { fakeTime } from "../support/fake-time.ts";

const POLL = 500;

let time: ReturnType<typeof fakeTime>;
let source: ReturnType<typeof fakeSource>;
let events: FollowEvent[];
let follower: PolicyFollower;

beforeEach(() => {
	time = fakeTime();
	source = fakeSource();
	events = [];
	follower = createPolicyFollower({
		source,
		compiler: CORE_COMPILER,
		clock: time.clock,
		random: () => 0,
		timers: time.timers,
		pollInterval: POLL,
		report: (event) => events.push(event),
	});
});
afterEach(async () => {
	await follower.stop();
	expect(time.pending()).toBe(0);
});

const kinds = () => events.map(({ kind }) => kind);
const calls = (call: string) => source.calls.filter((made) => made === call).length;
const revision = () => follower.current().snapshot.revision;

function policies(snapshot: Snapshot = follower.current().snapshot): string[] {
	return [...snapshot.shards.values()].flatMap(({ bySource }) =>
		[...bySource.values()].flatMap(({ rules }) => rules.map(({ name }) => name)),
	);
}

function revoked(id: string): string | null {
	const token = { issuer: "https://id.example.org", id, subject: "s", issuedAt: 0, keyThumbprint: null };
	return follower.current().lane.revocationOf(token, time.clock());
}

async function started(): Promise<void> {
	source.commit(["p1"], { hint: false });
	await follower.start();
	await time.settle();
	events.length = 0;
	source.calls.length = 0;
}

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
