/** The table firebreak.server: what each running server says of itself. Times in it are the database's. */
import type { ClientBase } from "pg";
import { LIMITS } from "../../core/limits.ts";
import type { Head } from "../head.ts";

/** What a server enforces, and the newest revision with the reason why it does not enforce that. */
export interface ServerReport extends Head {
	readonly refused: number | null;
	readonly problem: string | null;
}

/** One server as it was last heard of. */
export interface ServerState extends ServerReport {
	readonly id: string;
	readonly version: string | null;
	readonly started: Date;
	readonly heartbeat: Date;
	/** Milliseconds since the heartbeat. */
	readonly ageMs: number;
	/** Whether the heartbeat is younger than LIMITS.serverLiveMs. */
	readonly live: boolean;
}

/** `started` is milliseconds since the epoch by the server's own clock. */
export interface ServerIdentity {
	readonly id: string;
	readonly version: string;
	readonly started: number;
}

/**
 * Writes the server's row, with the time of now.
 * @returns how many servers are live, this one included.
 */
export async function writeServer(client: ClientBase, self: ServerIdentity, report: ServerReport): Promise<number> {
	const { epoch, revision, seq, refused, problem } = report;
	const started = new Date(self.started);
	const values = [self.id, self.version, started, epoch, revision, seq, refused, problem, LIMITS.serverLiveMs];
	const { rows } = await client.query<{ others: number }>({ text: WRITE, values, ...BOUNDED });
	return rows[0]!.others + 1;
}

export async function removeServer(client: ClientBase, id: string): Promise<void> {
	await client.query({ text: "delete from firebreak.server where id = $1", values: [id], ...BOUNDED });
}

/** Removes what servers left behind that ended without a word, long ago. */
export async function forgetServers(client: ClientBase): Promise<void> {
	await client.query({ text: FORGET, values: [LIMITS.serverForgetMs], ...BOUNDED });
}

/** Every server that has a row, by id. */
export async function readServers(client: ClientBase): Promise<readonly ServerState[]> {
	const { rows } = await client.query<Row>({ text: READ, ...BOUNDED });
	return rows.map(({ revision, seq, refused, age_ms, ...row }) => {
		const ageMs = Math.max(0, Number(age_ms));
		return {
			...row,
			revision: Number(revision),
			seq: Number(seq),
			refused: refused === null ? null : Number(refused),
			ageMs,
			live: ageMs < LIMITS.serverLiveMs,
		};
	});
}

/** bigint comes as text. */
interface Row {
	readonly id: string;
	readonly epoch: string;
	readonly revision: string;
	readonly seq: string;
	readonly version: string | null;
	readonly refused: string | null;
	readonly problem: string | null;
	readonly started: Date;
	readonly heartbeat: Date;
	readonly age_ms: string;
}

const WRITE = `
	with written as (
		insert into firebreak.server (id, version, started, epoch, revision, seq, refused, problem, heartbeat)
		values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())
		on conflict (id) do update set (version, epoch, revision, seq, refused, problem, heartbeat) =
			(excluded.version, excluded.epoch, excluded.revision, excluded.seq, excluded.refused, excluded.problem,
				excluded.heartbeat))
	select count(*)::integer as others from firebreak.server
	where id <> $1 and heartbeat > clock_timestamp() - make_interval(secs => $9::double precision / 1000)`;

/** Servers that start together do not wait for each other here. */
const FORGET = `
	delete from firebreak.server where id in (
		select s.id from firebreak.server s
		where s.heartbeat < clock_timestamp() - make_interval(secs => $1::double precision / 1000) for update skip locked)`;

const READ = `
	select id, version, epoch, revision, seq, refused, problem, started, heartbeat,
		extract(epoch from clock_timestamp() - heartbeat) * 1000 as age_ms
	from firebreak.server order by id`;

/** A connection that does not answer counts as lost. */
const BOUNDED = { query_timeout: LIMITS.databaseStatementMs };
