/** A follower on a source and a time that the test drives, made anew for each test; no timer is left at its end. */
import { afterEach, beforeEach, expect } from "@jest/globals";
import type { Snapshot } from "../../../src/core/snapshot.ts";
import type { FollowEvent } from "../../../src/store/follow/events.ts";
import { createPolicyFollower, type PolicyFollower } from "../../../src/store/follow/follower.ts";
import { CORE_COMPILER } from "../../../src/store/follow/loader.ts";
import { fakeSource } from "./fake-source.ts";
import { fakeTime } from "./fake-time.ts";

export const POLL = 500;

// Importers see what the hook below made last.
export let time: ReturnType<typeof fakeTime>;
export let source: ReturnType<typeof fakeSource>;
export let events: FollowEvent[];
export let follower: PolicyFollower;

/** Called once in each test file. */
export function driveFollower(): void {
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
}

export const kinds = () => events.map(({ kind }) => kind);
export const calls = (call: string) => source.calls.filter((made) => made === call).length;
export const revision = () => follower.current().snapshot.revision;

export function policies(snapshot: Snapshot = follower.current().snapshot): string[] {
	return [...snapshot.shards.values()].flatMap(({ bySource }) =>
		[...bySource.values()].flatMap(({ rules }) => rules.map(({ name }) => name)),
	);
}

export function revoked(id: string): string | null {
	const token = { issuer: "https://id.example.org", id, subject: "s", issuedAt: 0, keyThumbprint: null };
	return follower.current().lane.revocationOf(token, time.clock());
}

/** Revision 1 with the policy p1, followed, and nothing told of it. */
export async function started(): Promise<void> {
	source.commit(["p1"], { hint: false });
	await follower.start();
	await time.settle();
	events.length = 0;
	source.calls.length = 0;
}
