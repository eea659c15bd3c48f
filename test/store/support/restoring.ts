/** A follower with a keepsake, on a source and a time that the test drives; made anew for each test. */
import { afterEach, beforeEach, expect } from "@jest/globals";
import type { FollowEvent } from "../../../src/store/follow/events.ts";
import { createPolicyFollower, type PolicyFollower } from "../../../src/store/follow/follower.ts";
import { CORE_COMPILER } from "../../../src/store/follow/loader.ts";
import type { KeptHead } from "../../../src/store/follow/restore.ts";
import { policy, policySet, segment } from "../../support/policy-set.ts";
import { laneOf } from "./checkpoints.ts";
import { type FakeKeepsake, fakeKeepsake } from "./fake-keepsake.ts";
import { type Call, type FakeSource, fakeSource } from "./fake-source.ts";
import { type FakeTime, fakeTime } from "./fake-time.ts";

export const POLL = 500;
export const MINUTE = 60_000;

export class Restoring {
	readonly time: FakeTime = fakeTime();
	readonly source: FakeSource = fakeSource();
	readonly events: FollowEvent[] = [];
	#follower: PolicyFollower | null = null;

	get follower(): PolicyFollower {
		return this.#follower!;
	}

	/** Revision 2 with a policy `kept`, revocations up to 1 with token `t1`, of epoch `one`, a minute old. */
	kept(changes: Partial<KeptHead> & { readonly condition?: string } = {}): FakeKeepsake {
		const { epoch = "one", revision = 2, seq = 1, condition = null, ...times } = changes;
		const rule = policy({ name: "kept", source: "a", destination: "b", condition });
		const rows = { segments: [segment({ name: "a" }), segment({ name: "b" })], policies: [rule] };
		const minuteAgo = this.time.clock() - MINUTE;
		const header = { policyConfirmedAt: minuteAgo, laneConfirmedAt: minuteAgo, ...times, seq };
		return fakeKeepsake({ ...policySet(rows, revision), epoch }, laneOf("t1"), header);
	}

	/** The source as it was when the disk kept it: revision 2, seq 1. */
	sameAsKept(): void {
		this.source.commit(["first"], { hint: false });
		this.source.commit(["kept"], { hint: false });
		this.source.revoke("t1", { hint: false });
	}

	away(): void {
		this.source.fail("head", "lane", "set", "changes", "listen");
	}

	/** Resolves when it has started. */
	follow(keepsake: FakeKeepsake): Promise<void> {
		this.#follower = createPolicyFollower({
			source: this.source,
			keepsake,
			compiler: CORE_COMPILER,
			clock: this.time.clock,
			random: () => 0,
			timers: this.time.timers,
			pollInterval: POLL,
			report: (event) => this.events.push(event),
		});
		return this.#follower.start();
	}

	async stop(): Promise<void> {
		await this.#follower?.stop();
	}

	kinds(): string[] {
		return this.events.map(({ kind }) => kind);
	}

	calls(call: Call): number {
		return this.source.calls.filter((made) => made === call).length;
	}

	status() {
		return this.follower.status();
	}

	policies(): string[] {
		const shards = [...this.follower.current().snapshot.shards.values()];
		const rules = shards.flatMap(({ bySource }) => [...bySource.values()].flatMap((set) => set.rules));
		return rules.map(({ name }) => name).sort();
	}

	revoked(id: string): string | null {
		const token = { issuer: "https://id.example.org", id, subject: "s", issuedAt: 0, keyThumbprint: null };
		return this.follower.current().lane.revocationOf(token, this.time.clock());
	}

	/** Why what was kept is not used; null when that was not said. */
	refusal(): unknown {
		const failed = this.events.find((event) => event.kind === "restore_failed");
		return failed && "error" in failed ? failed.error : null;
	}
}

/** Hands one to each test of the file; what it started is stopped, and no timer is left. */
export function restoring(take: (made: Restoring) => void): void {
	let made: Restoring;
	beforeEach(() => {
		made = new Restoring();
		take(made);
	});
	afterEach(async () => {
		await made.stop();
		expect(made.time.pending()).toBe(0);
	});
}
