/** A server that starts from what the disk kept: while its source is away, and when it is there. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { FirebreakError } from "../../../src/core/errors.ts";
import { isPolicyStale, laneStaleness } from "../../../src/core/policy-view.ts";
import type { FollowEvent } from "../../../src/store/follow/events.ts";
import { createPolicyFollower, type PolicyFollower } from "../../../src/store/follow/follower.ts";
import { CORE_COMPILER } from "../../../src/store/follow/loader.ts";
import { logFollowEvent } from "../../../src/store/follow/log.ts";
import type { KeptHead } from "../../../src/store/follow/restore.ts";
import { memoryLogger } from "../../support/memory-logger.ts";
import { policy, policySet, segment } from "../../support/policy-set.ts";
import { laneOf } from "../support/checkpoints.ts";
import { type FakeKeepsake, fakeKeepsake } from "../support/fake-keepsake.ts";
import { fakeSource } from "../support/fake-source.ts";
import { fakeTime } from "../support/fake-time.ts";

const POLL = 500;
const MINUTE = 60_000;
const AGES = { maxPolicyAge: 60 * MINUTE, maxRevocationAge: 5 * MINUTE };

let time: ReturnType<typeof fakeTime>;
let source: ReturnType<typeof fakeSource>;
let events: FollowEvent[];
let follower: PolicyFollower;

beforeEach(() => {
	time = fakeTime();
	source = fakeSource();
	events = [];
});
afterEach(async () => {
	await follower.stop();
	expect(time.pending()).toBe(0);
});

/** Revision 2 with a policy `kept`, revocations up to 1 with token `t1`, of epoch `one`, a minute old. */
function kept(changes: Partial<KeptHead> & { readonly condition?: string } = {}): FakeKeepsake {
	const { epoch = "one", revision = 2, seq = 1, condition = null, ...times } = changes;
	const rule = policy({ name: "kept", source: "a", destination: "b", condition });
	const rows = { segments: [segment({ name: "a" }), segment({ name: "b" })], policies: [rule] };
	const minuteAgo = time.clock() - MINUTE;
	const header = { policyConfirmedAt: minuteAgo, laneConfirmedAt: minuteAgo, ...times, seq };
	return fakeKeepsake({ ...policySet(rows, revision), epoch }, laneOf("t1"), header);
}

function follow(keepsake: FakeKeepsake): Promise<void> {
	follower = createPolicyFollower({
		source,
		keepsake,
		compiler: CORE_COMPILER,
		clock: time.clock,
		random: () => 0,
		timers: time.timers,
		pollInterval: POLL,
		report: (event) => events.push(event),
	});
	return follower.start();
}

/** The source as it was when the disk kept it: revision 2, seq 1. */
function sameAsKept(): void {
	source.commit(["first"], { hint: false });
	source.commit(["kept"], { hint: false });
	source.revoke("t1", { hint: false });
}

const away = () => source.fail("head", "lane", "set", "changes", "listen");
const kinds = () => events.map(({ kind }) => kind);
const calls = (call: string) => source.calls.filter((made) => made === call).length;
const status = () => follower.status();

function policies(): string[] {
	const shards = [...follower.current().snapshot.shards.values()];
	return shards.flatMap(({ bySource }) => [...bySource.values()].flatMap(({ rules }) => rules.map(({ name }) => name)));
}

function revoked(id: string): string | null {
	const token = { issuer: "https://id.example.org", id, subject: "s", issuedAt: 0, keyThumbprint: null };
	return follower.current().lane.revocationOf(token, time.clock());
}

const error = () => {
	const failed = events.find((event) => event.kind === "restore_failed");
	return failed && "error" in failed ? (failed.error as Error) : null;
};

describe("while the source is away", () => {
	beforeEach(away);

	test("what was kept serves, with the ages that it has", async () => {
		await follow(kept());
		expect([policies(), revoked("t1"), revoked("t2")]).toEqual([["kept"], "token", null]);
		expect(status()).toMatchObject({
			origin: "disk",
			enforced: { epoch: "one", revision: 2, seq: 1 },
			head: null,
			policyAgeMs: MINUTE,
			revocationAgeMs: MINUTE,
		});
		expect(events).toContainEqual({
			kind: "restored",
			head: { epoch: "one", revision: 2, seq: 1 },
			policies: 1,
			milliseconds: 0,
			policyAgeMs: MINUTE,
			revocationAgeMs: MINUTE,
		});
		expect(kinds()).not.toContain("live");
	});

	test("it grows older, and too old as any policy does", async () => {
		await follow(kept());
		const stale = () => [
			isPolicyStale(follower.current(), AGES, time.clock()),
			laneStaleness(follower.current(), AGES, time.clock()),
		];
		expect(stale()).toEqual([false, null]);
		await time.advance(4 * MINUTE + 1);
		expect(stale()).toEqual([false, "age"]);
		await time.advance(55 * MINUTE);
		expect(stale()).toEqual([true, "age"]);
		expect(status()).toMatchObject({ origin: "disk", state: "lost" });
	});

	test("what is too old from the beginning says so, and is nothing that may be kept again", async () => {
		await follow(kept({ policyConfirmedAt: time.clock() - 61 * MINUTE, laneConfirmedAt: time.clock() - 61 * MINUTE }));
		expect(isPolicyStale(follower.current(), AGES, time.clock())).toBe(true);
		expect(follower.checkpoint()).toBeNull();
	});

	test("nothing kept is no failure", async () => {
		const keepsake = kept();
		keepsake.fail(new FirebreakError("not_found", "nothing is kept"));
		const ready = follow(keepsake);
		await time.advance(MINUTE);
		expect([kinds().includes("restore_failed"), status().enforced]).toEqual([false, null]);
		source.fail();
		source.commit(["live"]);
		await time.advance(5_000);
		await ready;
		expect([policies(), status().origin]).toEqual([["live"], "database"]);
	});

	test("what does not compile is not served, and said with its problems", async () => {
		void follow(kept({ condition: "nonsense(" }));
		await time.settle();
		expect(policies()).toEqual([]);
		expect(error()).toMatchObject({ code: "policy_invalid", problems: [{ object: "policy kept" }] });
		expect(status()).toMatchObject({ enforced: null, loading: null, origin: null });
	});

	test("what was confirmed at a time to come is not served: it would never grow old", async () => {
		void follow(kept({ policyConfirmedAt: time.clock() + MINUTE }));
		await time.settle();
		expect(policies()).toEqual([]);
		expect(error()).toMatchObject({
			code: "snapshot_invalid",
			problems: [{ object: "snapshot /kept", message: expect.stringContaining("still to come") }],
		});
	});

	test("a clock that differs a little is let be, and makes nothing younger than new", async () => {
		await follow(kept({ policyConfirmedAt: time.clock() + 10_000 }));
		await time.advance(5_000);
		expect(status().policyAgeMs).toBe(5_000);
	});

	test("a disk that hangs is left alone", async () => {
		const keepsake = kept();
		keepsake.hold("rows");
		void follow(keepsake);
		await time.advance(14_999);
		expect(status().loading).toBe(0);
		await time.advance(1);
		expect(error()).toMatchObject({ code: "snapshot_invalid", message: expect.stringContaining("within 15 s") });
		expect(status().loading).toBeNull();
	});

	test("stop ends it while it reads", async () => {
		const keepsake = kept();
		keepsake.hold("header");
		void follow(keepsake);
		await time.settle();
		await follower.stop();
		expect(kinds()).not.toContain("restore_failed");
	});
});

describe("when the source comes back", () => {
	test("as it was, nothing is loaded and the source is the database's", async () => {
		away();
		await follow(kept());
		sameAsKept();
		const { snapshot, lane } = follower.current();
		source.fail();
		await time.advance(5_000);
		expect(follower.current().snapshot).toBe(snapshot);
		expect(follower.current().lane).toBe(lane);
		expect([calls("set"), calls("changes"), calls("lane")]).toEqual([0, 0, 0]);
		expect(status()).toMatchObject({ origin: "database", state: "following" });
		expect(status().policyAgeMs).toBeLessThan(POLL);
		expect(events.filter(({ kind }) => kind === "live")).toEqual([
			{ kind: "live", head: { epoch: "one", revision: 2, seq: 1 } },
		]);
		expect(kinds()).not.toContain("rewound");
	});

	test("with changes, only these are loaded", async () => {
		away();
		await follow(kept());
		sameAsKept();
		source.commit(["kept", "new"], { hint: false });
		source.revoke("t2", { hint: false });
		source.fail();
		await time.advance(5_000);
		expect([policies().sort(), revoked("t1"), revoked("t2")]).toEqual([["kept", "new"], "token", "token"]);
		expect([calls("set"), calls("changes"), calls("lane")]).toEqual([0, 1, 1]);
		expect(status()).toMatchObject({ origin: "database", enforced: { revision: 3, seq: 2 } });
		expect(kinds().filter((kind) => kind === "live" || kind === "adopted")).toEqual(["adopted", "live"]);
	});

	test("with a revision that does not compile, what was kept serves on, and grows older", async () => {
		away();
		await follow(kept());
		sameAsKept();
		source.commit(["bad"], { hint: false, condition: "nonsense(" });
		source.revoke("t2", { hint: false });
		source.fail();
		await time.advance(5_000);
		expect(policies()).toEqual(["kept"]);
		expect(status()).toMatchObject({ origin: "disk", refused: { revision: 3 }, policyAgeMs: MINUTE + 5_000 });
		// Revocations hold all the same, and may be kept.
		expect([revoked("t2"), status().revocationAgeMs! < POLL]).toEqual(["token", true]);
		expect(follower.checkpoint()).toMatchObject({ seq: 2, snapshot: { revision: 2 } });
		expect(kinds()).not.toContain("live");
	});

	test.each<[string, () => void]>([
		["another epoch", () => source.setEpoch("two")],
		["an older revision", () => undefined],
	])("with %s it wins, loudly, and everything is loaded anew", async (title, change) => {
		away();
		await follow(kept());
		source.commit(["live"], { hint: false });
		if (title === "another epoch") sameAsKept();
		change();
		source.fail();
		await time.advance(5_000);
		expect(kinds()).toContain("rewound");
		expect([calls("set"), status().origin]).toEqual([1, "database"]);
		expect(policies()).toEqual([title === "another epoch" ? "kept" : "live"]);
		expect(revoked("t1")).toBe(title === "another epoch" ? "token" : null);
	});
});

describe("while the source answers", () => {
	test("what was kept is the base, and only changes to it are loaded", async () => {
		sameAsKept();
		source.commit(["kept", "new"], { hint: false });
		await follow(kept());
		await time.settle();
		expect(policies().sort()).toEqual(["kept", "new"]);
		expect([calls("set"), calls("changes")]).toEqual([0, 1]);
		expect(kinds()).toEqual(expect.arrayContaining(["restored", "adopted", "live"]));
		expect(kinds()).not.toContain("restore_failed");
	});

	test("revocations that it told while the disk was read are not replaced by older ones", async () => {
		sameAsKept();
		source.revoke("t2", { hint: false });
		const keepsake = kept();
		const release = keepsake.hold("rows");
		const ready = follow(keepsake);
		await time.advance(2 * POLL);
		expect([calls("set"), status().loading]).toEqual([0, 0]);
		release();
		await ready;
		expect([revoked("t1"), revoked("t2"), status().enforced]).toEqual([
			"token",
			"token",
			{ epoch: "one", revision: 2, seq: 2 },
		]);
	});

	test.each<[string, Partial<KeptHead>, string]>([
		["another database", { epoch: "other" }, "it is of another database"],
		["a later revision", { revision: 9 }, "it is newer than the database"],
		["later revocations", { seq: 9 }, "it is newer than the database"],
	])("what was kept of %s is refused and never served, and nobody waits for it", async (_title, changes, message) => {
		sameAsKept();
		source.commit(["live"], { hint: false });
		const keepsake = kept(changes);
		keepsake.hold("rows");
		await follow(keepsake);
		await time.settle();
		expect([policies(), status().origin]).toEqual([["live"], "database"]);
		expect(error()).toMatchObject({ code: "snapshot_invalid", message: expect.stringContaining(message) });
		expect(kinds()).not.toContain("restored");
		expect(kinds()).not.toContain("live");
	});

	test("what turns out to be of another database only later is left then", async () => {
		sameAsKept();
		const keepsake = kept({ epoch: "other" });
		const release = keepsake.hold("header");
		const ready = follow(keepsake);
		await time.advance(2 * POLL);
		expect(calls("set")).toBe(0);
		release();
		await ready;
		expect([policies(), calls("set")]).toEqual([["kept"], 1]);
		expect(kinds()).toContain("restore_failed");
	});

	test("a disk that hangs keeps nobody from starting for long", async () => {
		sameAsKept();
		const keepsake = kept();
		keepsake.hold("header");
		const ready = follow(keepsake);
		await time.advance(15_000);
		await ready;
		expect([policies(), status().origin]).toEqual([["kept"], "database"]);
	});
});

test("the log says where policy comes from, how old it is, and why what was kept is not used", () => {
	const log = memoryLogger();
	const head = { epoch: "one", revision: 2, seq: 1 };
	const ages = { policyAgeMs: 61_000, revocationAgeMs: 62_000 };
	logFollowEvent(log.logger, { kind: "restored", head, policies: 7, milliseconds: 30, ...ages });
	logFollowEvent(log.logger, { kind: "live", head });
	const problem = { object: "snapshot /kept", message: "it is empty", cure: "delete it" };
	const refused = new FirebreakError("snapshot_invalid", "refused", { problems: [problem] });
	logFollowEvent(log.logger, { kind: "restore_failed", error: refused });
	expect(log.lines()).toMatchObject([
		{
			level: "warn",
			msg: "policy comes from the snapshot on disk until Postgres answers",
			...head,
			policies: 7,
			policy_age_seconds: 61,
			revocation_age_seconds: 62,
		},
		{ level: "info", msg: "policy comes from Postgres now", ...head },
		{
			level: "error",
			msg: "the snapshot on disk is not used; policy comes from Postgres alone",
			error: "snapshot_invalid",
			problems: ["snapshot /kept: it is empty (delete it)"],
		},
	]);
});

describe("what may be kept", () => {
	test("is nothing before the source has told both lanes, then what is enforced", async () => {
		sameAsKept();
		const release = source.hold("lane");
		const ready = follow(kept());
		await time.settle();
		expect([status().enforced?.revision, follower.checkpoint()]).toEqual([2, null]);
		release();
		await ready;
		await time.settle();
		expect(follower.checkpoint()).toEqual({ ...follower.current(), seq: 1 });
	});

	test("is nothing while the lanes are of different epochs", async () => {
		sameAsKept();
		await follow(kept());
		await time.settle();
		source.setEpoch("two");
		const release = source.hold("set");
		await time.advance(POLL);
		expect([status().enforced?.epoch, follower.checkpoint()]).toEqual(["one", null]);
		release();
		await time.advance(POLL);
		expect(follower.checkpoint()).toMatchObject({ snapshot: { epoch: "two" }, seq: 1 });
	});
});
