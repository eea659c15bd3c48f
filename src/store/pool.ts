/** Connections to Postgres. Losing one is an ordinary event: every client has an error handler for as long as it lives. */
import { Client, type ClientBase, type ClientConfig, Pool, type PoolClient } from "pg";
import { LIMITS } from "../core/limits.ts";
import { checkDatabaseUrl, describeDatabase } from "./database-url.ts";
import { isUnreachable, storeError } from "./store-error.ts";

/** One database, as the rest of the store sees it. */
export interface Database {
	/** `host:port/database`, safe to show. */
	readonly name: string;
	/**
	 * Runs `work` on a pooled connection. A connection that failed, or that is left within a transaction, is thrown
	 * away.
	 * @throws FirebreakError dependency_unreachable, store_unsuitable; other errors of `work` as they came.
	 */
	withClient<T>(work: (client: ClientBase) => Promise<T>): Promise<T>;
	/** A connection of its own, for LISTEN or for a migration; the caller ends it. */
	connect(options?: ClientConfig): Promise<Client>;
	/** Ends idle connections at once and the others when they are released. */
	end(): Promise<void>;
}

export interface DatabaseOptions {
	/** Shown in pg_stat_activity: `firebreak serve`. */
	readonly applicationName: string;
	readonly connections?: number;
}

/** Opens nothing yet: the first use connects. @throws FirebreakError config_invalid */
export function openDatabase(url: string, options: DatabaseOptions): Database {
	checkDatabaseUrl(url);
	const name = describeDatabase(url);
	const config: ClientConfig = {
		connectionString: url,
		application_name: options.applicationName,
		connectionTimeoutMillis: LIMITS.databaseConnectMs,
		statement_timeout: LIMITS.databaseStatementMs,
		idle_in_transaction_session_timeout: LIMITS.databaseLoadMs,
		keepAlive: true,
		keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
	};
	const pool = new Pool({ ...config, max: options.connections ?? LIMITS.databaseConnections });
	pool.on("error", ignore);
	pool.on("connect", (client) => client.on("error", ignore));
	let ending: Promise<void> | null = null;
	return {
		name,
		async withClient(work) {
			let client: PoolClient | undefined;
			let lost = false;
			try {
				client = await pool.connect();
				return await work(client);
			} catch (error) {
				lost = isUnreachable(error);
				throw storeError(error, name);
			} finally {
				client?.release(lost || client.getTransactionStatus() !== "I");
			}
		},
		async connect(overrides = {}) {
			const client = new Client({ ...config, ...overrides });
			client.on("error", ignore);
			try {
				await client.connect();
			} catch (error) {
				throw storeError(error, name);
			}
			return client;
		},
		end() {
			ending ??= pool.end();
			return ending;
		},
	};
}

/** The query that was running fails with the same error, and an idle client is dropped by the pool. */
function ignore(): void {}

const KEEP_ALIVE_MS = 10_000;
