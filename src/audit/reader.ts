/** Reads records back, for operators. Results are the tables' own columns, ready to be shown as JSON. */
import { LIMITS } from "../core/limits.ts";
import type { RecordDatabase } from "./database.ts";

export interface RecordReader {
	/** A row of `firebreak.decision`, or null. */
	decision(id: string): Promise<Readonly<Record<string, unknown>> | null>;
	/** Allowed traffic added up by source, destination and operation, the busiest first. */
	flows(query: FlowQuery): Promise<readonly Readonly<Record<string, unknown>>[]>;
	/** Servers and what each enforces, the latest heartbeat first. */
	servers(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface FlowQuery {
	readonly source: string | null;
	readonly destination: string | null;
	/** Milliseconds since the epoch; half-open. */
	readonly since: number;
	readonly until: number;
	readonly limit: number;
}

export function recordReader(database: RecordDatabase): RecordReader {
	const rows = (text: string, values: unknown[]) =>
		database.withClient(async (client) => (await client.query(text, values)).rows.map(plain));
	return {
		decision: async (id) => (await rows("select * from firebreak.decision where id = $1", [id]))[0] ?? null,
		flows: ({ source, destination, since, until, limit }) =>
			rows(FLOWS, [source, destination, new Date(since), new Date(until), limit]),
		servers: () => rows(SERVERS, [LIMITS.listedServers]),
	};
}

const FLOWS = `
	select source, destination, operation, sum(count)::bigint as count, min(first) as first, max(last) as last,
		count(distinct (token_issuer, token_id)) filter (where token_issuer is not null) as tokens
	from firebreak.flow
	where ($1::text is null or source = $1) and ($2::text is null or destination = $2) and minute >= $3 and minute < $4
	group by source, destination, operation
	order by count desc, source, destination, operation
	limit $5`;

const SERVERS = `
	select id, epoch, revision, seq, started, heartbeat from firebreak.server order by heartbeat desc, id limit $1`;

/** Whole numbers come from Postgres as text, since bigint may not fit; ours do, as far as JSON goes. */
const NUMBERS: ReadonlySet<string> = new Set(["revision", "seq", "count", "tokens"]);

function plain(row: Record<string, unknown>): Record<string, unknown> {
	return Object.fromEntries(
		Object.entries(row).map(([name, value]) => [name, NUMBERS.has(name) && value !== null ? Number(value) : value]),
	);
}
