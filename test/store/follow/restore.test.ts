/** A server that starts from what the disk kept, while its source is away. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import { FirebreakError } from "../../../src/core/errors.ts";
import { isPolicyStale, laneStaleness } from "../../../src/core/policy-view.ts";
import { logFollowEvent } from "../../../src/store/follow/log.ts";
import { memoryLogger } from "../../support/memory-logger.ts";
import { MINUTE, type Restoring, restoring } from "../support/restoring.ts";

const AGES = { maxPolicyAge: 60 * MINUTE, maxRevocationAge: 5 * MINUTE };

let it: Restoring;
restoring((made) => {
	it = made;
});

describe("while the source is away", () => {
	beforeEach(() => it.away());

	test("what was kept serves, with the ages that it has", async () => {
		await it.follow(it.kept());
		expect([it.policies(), it.revoked("t1"), it.revoked("t2")]).toEqual([["kept"], "token", null]);
		expect(it.status()).toMatchObject({
			origin: "disk",
			enforced: { epoch: "one", revision: 2, seq: 1 },
			head: null,
			policyAgeMs: MINUTE,
			revocationAgeMs: MINUTE,
		});
		expect(it.events).toContainEqual({
			kind: "restored",
			head: { epoch: "one", revision: 2, seq: 1 },
			policies: 1,
			milliseconds: 0,
			policyAgeMs: MINUTE,
			revocationAgeMs: MINUTE,
		});
		expect(it.kinds()).not.toContain("live");
	});

	test("it grows older, and too old as any policy does", async () => {
		await it.follow(it.kept());
		const stale = () => [
			isPolicyStale(it.follower.current(), AGES, it.time.clock()),
			laneStaleness(it.follower.current(), AGES, it.time.clock()),
		];
		expect(stale()).toEqual([false, null]);
		await it.time.advance(4 * MINUTE + 1);
		expect(stale()).toEqual([false, "age"]);
		await it.time.advance(55 * MINUTE);
		expect(stale()).toEqual([true, "age"]);
		expect(it.status()).toMatchObject({ origin: "disk", state: "lost" });
	});

	test("what is too old from the beginning says so, and is nothing that may be kept again", async () => {
		await it.follow(
			it.kept({ policyConfirmedAt: it.time.clock() - 61 * MINUTE, laneConfirmedAt: it.time.clock() - 61 * MINUTE }),
		);
		expect(isPolicyStale(it.follower.current(), AGES, it.time.clock())).toBe(true);
		expect(it.follower.checkpoint()).toBeNull();
	});

	test("nothing kept is no failure", async () => {
		const keepsake = it.kept();
		keepsake.fail(new FirebreakError("not_found", "nothing is kept"));
		const ready = it.follow(keepsake);
		await it.time.advance(MINUTE);
		expect([it.kinds().includes("restore_failed"), it.status().enforced]).toEqual([false, null]);
		it.source.fail();
		it.source.commit(["live"]);
		await it.time.advance(5_000);
		await ready;
		expect([it.policies(), it.status().origin]).toEqual([["live"], "database"]);
	});

	test("what does not compile is not served, and said with its problems", async () => {
		void it.follow(it.kept({ condition: "nonsense(" }));
		await it.time.settle();
		expect(it.policies()).toEqual([]);
		expect(it.refusal()).toMatchObject({ code: "policy_invalid", problems: [{ object: "policy kept" }] });
		expect(it.status()).toMatchObject({ enforced: null, loading: null, origin: null });
	});

	test("what was confirmed at a time to come is not served: it would never grow old", async () => {
		void it.follow(it.kept({ policyConfirmedAt: it.time.clock() + MINUTE }));
		await it.time.settle();
		expect(it.policies()).toEqual([]);
		expect(it.refusal()).toMatchObject({
			code: "snapshot_invalid",
			problems: [{ object: "snapshot /kept", message: expect.stringContaining("still to come") }],
		});
	});

	test("a clock that differs a little is let be, and makes nothing younger than new", async () => {
		await it.follow(it.kept({ policyConfirmedAt: it.time.clock() + 10_000 }));
		await it.time.advance(5_000);
		expect(it.status().policyAgeMs).toBe(5_000);
	});

	test("a disk that hangs is left alone", async () => {
		const keepsake = it.kept();
		keepsake.hold("rows");
		void it.follow(keepsake);
		await it.time.advance(14_999);
		expect(it.status().loading).toBe(0);
		await it.time.advance(1);
		expect(it.refusal()).toMatchObject({ code: "snapshot_invalid", message: expect.stringContaining("within 15 s") });
		expect(it.status().loading).toBeNull();
	});

	test("stop ends it while it reads", async () => {
		const keepsake = it.kept();
		keepsake.hold("header");
		void it.follow(keepsake);
		await it.time.settle();
		await it.follower.stop();
		expect(it.kinds()).not.toContain("restore_failed");
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
