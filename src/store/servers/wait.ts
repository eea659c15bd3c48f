/** Waits until every live server enforces what was committed. Looking is the truth: nobody has to be told. */
import { LIMITS } from "../../core/limits.ts";
import { Pause, type Timers } from "../follow/timers.ts";
import type { Head } from "../head.ts";
import type { Database } from "../pool.ts";
import { readServers, type ServerReport, type ServerState } from "./row.ts";

/** A number of one lane, at least. */
export type Target = Pick<Head, "epoch"> & ({ readonly revision: number } | { readonly seq: number });

export interface WaitOptions {
	/** Milliseconds. */
	readonly timeoutMs: number;
	readonly timers: Timers;
	/** Called when one of the figures changes: live servers, and those of them that enforce the target. */
	readonly report?: (enforcing: number, live: number) => void;
}

/** A server as the wait ended. */
export interface Awaited extends ServerState {
	/** The heartbeat by which it was first seen to enforce the target; null when it was not. */
	readonly confirmed: Date | null;
}

/**
 * Looks once at least. Servers that were not heard of lately are listed, but not waited for: whether they run is not known.
 * @returns `reached`: whether every live server enforces the target
 * @throws FirebreakError dependency_unreachable
 */
export async function waitForServers(
	database: Database,
	target: Target,
	{ timeoutMs, timers, report }: WaitOptions,
): Promise<{ readonly reached: boolean; readonly servers: readonly Awaited[] }> {
	const confirmed = new Map<string, Date>();
	const pause = new Pause(timers);
	let late = false;
	const cancel = timers.after(timeoutMs, () => {
		late = true;
		pause.wake();
	});
	let told = "";
	try {
		for (;;) {
			const servers = await database.withClient(readServers);
			for (const server of servers) {
				if (enforces(server, target) && !confirmed.has(server.id)) confirmed.set(server.id, server.heartbeat);
			}
			const live = servers.filter((server) => server.live);
			const enforcing = live.filter((server) => enforces(server, target)).length;
			if (told !== `${enforcing} ${live.length}`) report?.(enforcing, live.length);
			told = `${enforcing} ${live.length}`;
			if (enforcing === live.length || late) {
				return {
					reached: enforcing === live.length,
					servers: servers.map((server) => ({ ...server, confirmed: confirmed.get(server.id) ?? null })),
				};
			}
			await pause.wait(LIMITS.serverPollMs);
		}
	} finally {
		cancel();
	}
}

/** Numbers are compared only within one epoch. */
export function enforces(server: ServerReport, target: Target): boolean {
	if (server.epoch !== target.epoch) return false;
	return "revision" in target ? server.revision >= target.revision : server.seq >= target.seq;
}
