/** The connection of a run: neither of its ends waits for ever for one that is gone. */
import { type Client, type ClientBase, DatabaseError } from "pg";
import { FirebreakError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Database } from "../pool.ts";
import { storeError } from "../store-error.ts";

/** @throws FirebreakError dependency_unreachable, store_unsuitable */
export async function connectToMigrate(database: Database): Promise<Client> {
	const client = await connect(database);
	try {
		await refuseOldPostgres(client, database.name);
	} catch (error) {
		await client.end().catch(() => undefined);
		throw storeError(error, database.name);
	}
	return client;
}

/**
 * After an error within the transaction, which it rolls back: whether the connection is gone. A file can raise any code
 * (`raise exception using errcode = '08006'`), also those by which Postgres tells that it went away.
 */
export async function hasEnded(client: ClientBase): Promise<boolean> {
	try {
		await client.query("rollback");
		return false;
	} catch {
		return true;
	}
}

async function connect(database: Database): Promise<Client> {
	const bounds = {
		statement_timeout: LIMITS.migrationStatementMs,
		idle_in_transaction_session_timeout: LIMITS.migrationIdleMs,
		// What Postgres ends by itself, it answers: this is for when no packet comes through.
		query_timeout: LIMITS.migrationStatementMs + LIMITS.databaseSilenceMs,
	};
	try {
		return await database.connect({ ...bounds, options: WATCH });
	} catch (error) {
		if (!(error instanceof DatabaseError) || error.code !== INVALID_PARAMETER_VALUE) throw error;
		// Postgres on a system that cannot look after a connection while a statement runs.
		return database.connect(bounds);
	}
}

async function refuseOldPostgres(client: ClientBase, database: string): Promise<void> {
	const text =
		"select current_setting('server_version') as version, current_setting('server_version_num')::int as number";
	const { rows } = await client.query<{ version: string; number: number }>(text);
	const { version, number } = rows[0]!;
	if (number >= OLDEST_POSTGRES * 10_000) return;
	const message = `the database ${database} is of Postgres ${version}, and Firebreak needs ${OLDEST_POSTGRES} or newer`;
	throw new FirebreakError("store_unsuitable", message, {
		problems: [
			{
				object: `database ${database}`,
				message: `Postgres ${version} cannot grant a role WITH SET, by which each owner's migrations run as its own role`,
				cure: `upgrade it to Postgres ${OLDEST_POSTGRES} or newer, or name another server in DATABASE_URL`,
			},
		],
	});
}

/** Major version: GRANT ... WITH SET came with it, and the SET option is what the fence around a file stands on. */
const OLDEST_POSTGRES = 16;

/**
 * A run that was killed in the middle of a statement would hold its lock until that statement ends: Postgres looks now and
 * then whether its client is still there, also when the network only falls silent. Given at the start of the connection,
 * so that RESET ALL comes back to it.
 */
const WATCH = [
	`client_connection_check_interval=${LIMITS.migrationWatchMs}`,
	"tcp_keepalives_idle=10",
	"tcp_keepalives_interval=5",
	"tcp_keepalives_count=3",
]
	.map((setting) => `-c ${setting}`)
	.join(" ");
const INVALID_PARAMETER_VALUE = "22023";
