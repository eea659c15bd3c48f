/** A follower of a real Postgres, with its log and its events to wait for. */
import type { FollowEvent } from "../../../src/store/follow/events.ts";
import { createPolicyFollower, type PolicyFollower } from "../../../src/store/follow/follower.ts";
import { CORE_COMPILER } from "../../../src/store/follow/loader.ts";
import { logFollowEvent } from "../../../src/store/follow/log.ts";
import { postgresSource } from "../../../src/store/follow/source.ts";
import { realTimers, type Timers } from "../../../src/store/follow/timers.ts";
import { openDatabase } from "../../../src/store/pool.ts";
import { memoryLogger } from "../../support/memory-logger.ts";

export interface Followed {
	readonly follower: PolicyFollower;
	readonly events: FollowEvent[];
	readonly log: ReturnType<typeof memoryLogger>;
	/** Resolves when `holds` does, as each event comes; the test's own time limit bounds it. */
	until(holds: () => boolean): Promise<void>;
	stop(): Promise<void>;
}

export interface FollowOptions {
	/** Milliseconds. */
	readonly pollInterval?: number;
	readonly timers?: Timers;
}

/** Not started yet. */
export function follow(url: string, { pollInterval = 50, timers = realTimers }: FollowOptions = {}): Followed {
	const database = openDatabase(url, { applicationName: "firebreak follow test" });
	const events: FollowEvent[] = [];
	const waiting = new Set<() => void>();
	const log = memoryLogger();
	const follower = createPolicyFollower({
		source: postgresSource(database),
		compiler: CORE_COMPILER,
		clock: Date.now,
		random: Math.random,
		timers,
		pollInterval,
		report(event) {
			logFollowEvent(log.logger, event);
			events.push(event);
			for (const check of waiting) check();
		},
	});
	return {
		follower,
		events,
		log,
		until: (holds) =>
			new Promise((resolve) => {
				const check = () => {
					if (!holds()) return;
					waiting.delete(check);
					resolve();
				};
				waiting.add(check);
				check();
			}),
		async stop() {
			await follower.stop();
			await database.end();
		},
	};
}

export const revisionOf = ({ follower }: Followed): number => follower.current().snapshot.revision;
