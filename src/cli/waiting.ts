/** How commands wait for servers, and tell of them. */
import { Option } from "@commander-js/extra-typings";
import { formatDuration } from "../core/duration.ts";
import { FirebreakError, type Problem } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { realTimers } from "../store/follow/timers.ts";
import type { Database } from "../store/pool.ts";
import type { ServerState } from "../store/servers/row.ts";
import { type Awaited, enforces, type Target, waitForServers } from "../store/servers/wait.ts";
import { EXIT } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import type { Output } from "./output.ts";
import { durationArgument } from "./program.ts";

export interface Waited {
	/** What was waited for: `revision 12`, `seq 41`. */
	readonly what: string;
	readonly target: Target;
	readonly timeoutMs: number;
	readonly reached: boolean;
	readonly servers: readonly Awaited[];
}

/** `--timeout`, in milliseconds. */
export const timeoutOption = () =>
	new Option("--timeout <duration>", "how long to wait for the servers")
		.default(30_000, "30s")
		.argParser(durationArgument);

/**
 * Tells its progress on stderr.
 * @throws FirebreakError dependency_unreachable, which says that what was committed stays so.
 */
export async function waitFor(output: Output, database: Database, target: Target, timeoutMs: number): Promise<Waited> {
	const what = "revision" in target ? `revision ${target.revision}` : `seq ${target.seq}`;
	try {
		const { reached, servers } = await waitForServers(database, target, {
			timeoutMs,
			timers: realTimers,
			report: (enforcing, live) => {
				if (live > 0) output.progress(`${what}: enforced by ${enforcing} of ${live} live servers`);
			},
		});
		return { what, target, timeoutMs, reached, servers };
	} catch (error) {
		if (!(error instanceof FirebreakError)) throw error;
		const message = `${what} is committed, but whether the servers enforce it is not known: ${error.message}`;
		throw new FirebreakError(error.code, message, { problems: error.problems, cause: error });
	}
}

/** What `--json` shows of a wait. */
export function viewOf({ reached, servers, target }: Waited) {
	return {
		reached,
		servers: servers.map((server) => ({
			id: server.id,
			live: server.live,
			enforces: enforces(server, target),
			confirmed: server.confirmed,
			revision: server.revision,
			seq: server.seq,
			heartbeat: server.heartbeat,
			refused: server.refused,
			problem: server.problem,
		})),
	};
}

/** One line for people about a wait that ended well. */
export function describeWait({ what, servers }: Waited): string {
	const live = servers.filter((server) => server.live).length;
	const silent = servers.length - live;
	const others = silent === 0 ? "" : `; ${silent} not heard of lately, so not waited for`;
	if (live === 0) return `no live server to wait for: whichever starts enforces ${what}${others}`;
	return `${what} is enforced by ${live === 1 ? "the one live server" : `all ${live} live servers`}${others}`;
}

/**
 * After the answer: exit code 6 when a live server does not enforce it.
 * @throws FirebreakError timeout naming those servers, for people; a program has read it in the answer.
 */
export function concludeWait(io: Io, output: Output, waited: Waited): void {
	if (waited.reached) return;
	if (output.json) {
		io.setExitCode(EXIT.timeout);
		return;
	}
	const { what, target, timeoutMs, servers } = waited;
	const live = servers.filter((server) => server.live);
	const missing = live.filter((server) => !enforces(server, target));
	const message = `${what} is committed, but after ${formatDuration(timeoutMs)} ${missing.length} of ${live.length} live servers do not enforce it`;
	throw new FirebreakError("timeout", message, { problems: missing.map((server) => problemOf(server, target)) });
}

function problemOf(server: ServerState, target: Target): Problem {
	const object = `server ${server.id}`;
	if (server.epoch !== target.epoch) {
		return {
			object,
			message: "it follows another database, or an older state of this one (another epoch)",
			cure: "see its log, and which database its DATABASE_URL names",
		};
	}
	const number = "revision" in target ? `revision ${server.revision}` : `seq ${server.seq}`;
	if ("revision" in target && server.refused !== null) {
		return {
			object,
			message: `it stays at ${number} and ${refusalOf(server)}`,
			cure: "correct what it names, or update the server to the version that applied it",
		};
	}
	return { object, message: `it is at ${number}`, cure: "see its log; firebreak servers shows when it gets there" };
}

/** `refuses revision 12: ...` of a server that does. */
export const refusalOf = ({ refused, problem }: ServerState): string => `refuses revision ${refused}: ${problem}`;

/** `1.2 s ago`. */
export function ageOf({ ageMs }: ServerState): string {
	if (ageMs < LIMITS.serverLiveMs * 4) return `${(ageMs / 1_000).toFixed(1)} s ago`;
	const minutes = Math.floor(ageMs / 60_000);
	return minutes < 120 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
}
