/** Who holds up a run: tells of sessions whose locks it waits for, which Postgres lets it do in silence. */
import type { ClientBase } from "pg";
import { LIMITS } from "../../core/limits.ts";
import type { Database } from "../pool.ts";

/** A session whose lock is waited for. */
export interface Blocker {
	/** Of its backend, as pg_stat_activity and pg_terminate_backend know it. */
	readonly pid: number;
	/** Null when it ended meanwhile, or is a prepared transaction. */
	readonly login: string | null;
	/** Its application_name; empty when it has none. */
	readonly application: string;
}

/**
 * Looks now and then, on another connection, what the transaction on `client` waits for, and reports each set of blockers
 * once. What cannot be looked at is not told: the run itself fails or goes on without it.
 * @returns ends it; nothing is reported afterwards.
 */
export async function watchBlockers(
	database: Database,
	client: ClientBase,
	report: (by: readonly Blocker[]) => void,
): Promise<() => Promise<void>> {
	const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
	const { pid } = rows[0]!;
	let told = "";
	let looking: Promise<void> | null = null;
	let stopped = false;
	const look = async () => {
		const by = await database.withClient(async (other) => (await other.query<Blocker>(BLOCKERS, [pid])).rows);
		const now = by.map((blocker) => blocker.pid).join();
		if (stopped || now === told) return;
		told = now;
		if (by.length > 0) report(by);
	};
	const timer = setInterval(() => {
		looking ??= look()
			.catch(() => undefined)
			.finally(() => {
				looking = null;
			});
	}, LIMITS.migrationBlockedMs).unref();
	return async () => {
		stopped = true;
		clearInterval(timer);
		await looking;
	};
}

/** Login and application of any session are for everybody to see, what it does is not. */
const BLOCKERS = `
	select distinct b.pid, a.usename as login, coalesce(a.application_name, '') as application
	from unnest(pg_blocking_pids($1)) b(pid) left join pg_stat_activity a on a.pid = b.pid
	order by b.pid`;
