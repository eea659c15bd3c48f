/** What of a running server follows policy and tells of it, without the side that answers checks. */
import type { Problem } from "../../../src/core/errors.ts";
import { createPolicyFollower, type PolicyFollower } from "../../../src/store/follow/follower.ts";
import { CORE_COMPILER } from "../../../src/store/follow/loader.ts";
import { type PolicySource, postgresSource } from "../../../src/store/follow/source.ts";
import { realTimers } from "../../../src/store/follow/timers.ts";
import { openDatabase } from "../../../src/store/pool.ts";
import { createHeartbeat } from "../../../src/store/servers/heartbeat.ts";
import { listServers } from "../../../src/store/servers/list.ts";
import { until } from "../../support/wait.ts";

export interface FollowingServer {
	readonly follower: PolicyFollower;
	stop(): Promise<void>;
}

export interface ServerOptions {
	/** Refuses whatever comes after the first revision with this. */
	readonly refuse?: Problem;
	/** Never learns of revocations behind the first ones. */
	readonly deaf?: boolean;
}

/** Resolves when it enforces the newest revision and says so. */
export async function startServer(url: string, id: string, options: ServerOptions = {}): Promise<FollowingServer> {
	const database = openDatabase(url, { applicationName: "firebreak test server" });
	const source = postgresSource(database);
	const told = Promise.withResolvers<void>();
	const { refuse } = options;
	const follower = createPolicyFollower({
		source: options.deaf ? deafened(source) : source,
		compiler: refuse
			? {
					...CORE_COMPILER,
					// biome-ignore lint/correctness/useYield: it gives its answer at once
					*changes() {
						return { ok: false, problems: [refuse] };
					},
				}
			: CORE_COMPILER,
		clock: Date.now,
		random: Math.random,
		timers: realTimers,
		pollInterval: 50,
		report: (event) => {
			if (event.kind === "adopted") told.resolve();
			heartbeat.beat();
		},
	});
	const heartbeat = createHeartbeat({
		self: { id, version: "1.2.3", started: Date.now() },
		database,
		status: () => follower.status(),
		timers: realTimers,
		random: Math.random,
		events: { lost: told.reject, back: () => undefined },
	});
	heartbeat.start();
	await follower.start();
	await told.promise;
	// Its heartbeat runs beside it: the row follows a moment after.
	await until(`server ${id} has told what it enforces`, async () => {
		const { servers } = await listServers(database);
		return servers.some((server) => server.id === id && server.live && server.behind?.revisions === 0);
	});
	return {
		follower,
		async stop() {
			await heartbeat.stop();
			await follower.stop();
			await database.end();
		},
	};
}

function deafened(source: PolicySource): PolicySource {
	let heard: number | null = null;
	return {
		...source,
		async readHead() {
			const head = await source.readHead();
			heard ??= head.seq;
			return { ...head, seq: heard };
		},
	};
}
