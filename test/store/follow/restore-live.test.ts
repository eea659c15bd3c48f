/** A server that starts from what the disk kept, and its source: the live database always wins. */
import { describe, expect, test } from "@jest/globals";
import type { KeptHead } from "../../../src/store/follow/restore.ts";
import { MINUTE, POLL, type Restoring, restoring } from "../support/restoring.ts";

let it: Restoring;
restoring((made) => {
	it = made;
});

describe("when the source comes back", () => {
	test("as it was, nothing is loaded and the source is the database's", async () => {
		it.away();
		await it.follow(it.kept());
		it.sameAsKept();
		const { snapshot, lane } = it.follower.current();
		it.source.fail();
		await it.time.advance(5_000);
		expect(it.follower.current().snapshot).toBe(snapshot);
		expect(it.follower.current().lane).toBe(lane);
		expect([it.calls("set"), it.calls("changes"), it.calls("lane")]).toEqual([0, 0, 0]);
		expect(it.status()).toMatchObject({ origin: "database", state: "following" });
		expect(it.status().policyAgeMs).toBeLessThan(POLL);
		expect(it.events.filter(({ kind }) => kind === "live")).toEqual([
			{ kind: "live", head: { epoch: "one", revision: 2, seq: 1 } },
		]);
		expect(it.kinds()).not.toContain("rewound");
	});

	test("with changes, only these are loaded", async () => {
		it.away();
		await it.follow(it.kept());
		it.sameAsKept();
		it.source.commit(["kept", "new"], { hint: false });
		it.source.revoke("t2", { hint: false });
		it.source.fail();
		await it.time.advance(5_000);
		expect([it.policies(), it.revoked("t1"), it.revoked("t2")]).toEqual([["kept", "new"], "token", "token"]);
		expect([it.calls("set"), it.calls("changes"), it.calls("lane")]).toEqual([0, 1, 1]);
		expect(it.status()).toMatchObject({ origin: "database", enforced: { revision: 3, seq: 2 } });
		expect(it.kinds().filter((kind) => kind === "live" || kind === "adopted")).toEqual(["adopted", "live"]);
	});

	test("with a revision that does not compile, what was kept serves on, and grows older", async () => {
		it.away();
		await it.follow(it.kept());
		it.sameAsKept();
		it.source.commit(["bad"], { hint: false, condition: "nonsense(" });
		it.source.revoke("t2", { hint: false });
		it.source.fail();
		await it.time.advance(5_000);
		expect(it.policies()).toEqual(["kept"]);
		expect(it.status()).toMatchObject({ origin: "disk", refused: { revision: 3 }, policyAgeMs: MINUTE + 5_000 });
		// Revocations hold all the same, and may be kept.
		expect([it.revoked("t2"), it.status().revocationAgeMs! < POLL]).toEqual(["token", true]);
		expect(it.follower.checkpoint()).toMatchObject({ seq: 2, snapshot: { revision: 2 } });
		expect(it.kinds()).not.toContain("live");
	});

	test.each<[string, () => void]>([
		["another epoch", () => it.source.setEpoch("two")],
		["an older revision", () => undefined],
	])("with %s it wins, loudly, and everything is loaded anew", async (title, change) => {
		it.away();
		await it.follow(it.kept());
		it.source.commit(["live"], { hint: false });
		if (title === "another epoch") it.sameAsKept();
		change();
		it.source.fail();
		await it.time.advance(5_000);
		expect(it.kinds()).toContain("rewound");
		expect([it.calls("set"), it.status().origin]).toEqual([1, "database"]);
		expect(it.policies()).toEqual([title === "another epoch" ? "kept" : "live"]);
		expect(it.revoked("t1")).toBe(title === "another epoch" ? "token" : null);
	});
});

describe("while the source answers", () => {
	test("what was kept is the base, and only changes to it are loaded", async () => {
		it.sameAsKept();
		it.source.commit(["kept", "new"], { hint: false });
		await it.follow(it.kept());
		await it.time.settle();
		expect(it.policies()).toEqual(["kept", "new"]);
		expect([it.calls("set"), it.calls("changes")]).toEqual([0, 1]);
		expect(it.kinds()).toEqual(expect.arrayContaining(["restored", "adopted", "live"]));
		expect(it.kinds()).not.toContain("restore_failed");
	});

	test("revocations that it told while the disk was read are not replaced by older ones", async () => {
		it.sameAsKept();
		it.source.revoke("t2", { hint: false });
		const keepsake = it.kept();
		const release = keepsake.hold("rows");
		const ready = it.follow(keepsake);
		await it.time.advance(2 * POLL);
		expect([it.calls("set"), it.status().loading]).toEqual([0, 0]);
		release();
		await ready;
		expect([it.revoked("t1"), it.revoked("t2"), it.status().enforced]).toEqual([
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
		it.sameAsKept();
		it.source.commit(["live"], { hint: false });
		const keepsake = it.kept(changes);
		keepsake.hold("rows");
		await it.follow(keepsake);
		await it.time.settle();
		expect([it.policies(), it.status().origin]).toEqual([["live"], "database"]);
		expect(it.refusal()).toMatchObject({ code: "snapshot_invalid", message: expect.stringContaining(message) });
		expect(it.kinds()).not.toContain("restored");
		expect(it.kinds()).not.toContain("live");
	});

	test("what was kept is left when the database is set back while it is read", async () => {
		it.sameAsKept();
		const restore = it.source.backup();
		it.source.commit(["later"], { hint: false });
		const keepsake = it.kept();
		const release = keepsake.hold("rows");
		const ready = it.follow(keepsake);
		await it.time.settle();
		restore();
		await it.time.advance(2 * POLL);
		await ready;
		release();
		await it.time.settle();
		expect(it.refusal()).toMatchObject({ message: expect.stringContaining("restored while it was read") });
		expect(it.kinds()).not.toContain("restored");
		expect([it.status().origin, it.status().enforced]).toEqual(["database", { epoch: "one", revision: 2, seq: 1 }]);
	});

	test("what turns out to be of another database only later is left then", async () => {
		it.sameAsKept();
		const keepsake = it.kept({ epoch: "other" });
		const release = keepsake.hold("header");
		const ready = it.follow(keepsake);
		await it.time.advance(2 * POLL);
		expect(it.calls("set")).toBe(0);
		release();
		await ready;
		expect([it.policies(), it.calls("set")]).toEqual([["kept"], 1]);
		expect(it.kinds()).toContain("restore_failed");
	});

	test("a disk that hangs keeps nobody from starting for long", async () => {
		it.sameAsKept();
		const keepsake = it.kept();
		keepsake.hold("header");
		const ready = it.follow(keepsake);
		await it.time.advance(15_000);
		await ready;
		expect([it.policies(), it.status().origin]).toEqual([["kept"], "database"]);
	});
});

describe("what may be kept", () => {
	test("is nothing before the source has told both lanes, then what is enforced", async () => {
		it.sameAsKept();
		const release = it.source.hold("lane");
		const ready = it.follow(it.kept());
		await it.time.settle();
		expect([it.status().enforced?.revision, it.follower.checkpoint()]).toEqual([2, null]);
		release();
		await ready;
		await it.time.settle();
		expect(it.follower.checkpoint()).toEqual({ ...it.follower.current(), seq: 1 });
	});

	test("is nothing while the policies are of a past that the source lost", async () => {
		it.sameAsKept();
		const restore = it.source.backup();
		it.source.commit(["lost"], { hint: false });
		await it.follow(it.kept());
		await it.time.settle();
		expect(it.follower.checkpoint()).toMatchObject({ snapshot: { revision: 3 } });
		restore();
		const release = it.source.hold("set");
		await it.time.advance(POLL);
		expect([it.policies(), it.follower.checkpoint()]).toEqual([["lost"], null]);
		release();
		await it.time.advance(POLL);
		expect(it.follower.checkpoint()).toMatchObject({ snapshot: { revision: 2 } });
	});

	test("is nothing while the lanes are of different epochs", async () => {
		it.sameAsKept();
		await it.follow(it.kept());
		await it.time.settle();
		it.source.setEpoch("two");
		const release = it.source.hold("set");
		await it.time.advance(POLL);
		expect([it.status().enforced?.epoch, it.follower.checkpoint()]).toEqual(["one", null]);
		release();
		await it.time.advance(POLL);
		expect(it.follower.checkpoint()).toMatchObject({ snapshot: { epoch: "two" }, seq: 1 });
	});
});
