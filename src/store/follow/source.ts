/** Where a follower gets policy from: Postgres here, something simulated in tests. */
import type { Client, QueryConfig } from "pg";
import type { Changes } from "../../core/compile/changes.ts";
import { FirebreakError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { LaneRow, PolicySet } from "../../core/model.ts";
import { loadChanges } from "../changes.ts";
import { type Head, readHead, readSourceHead } from "../head.ts";
import { loadLane } from "../lane.ts";
import { loadPolicySet } from "../load.ts";
import type { Database } from "../pool.ts";
import { storeError } from "../store-error.ts";

/** Every function rejects when the source cannot be reached, within a bounded time. */
export interface PolicySource {
	/** For logs and status; no credentials. */
	readonly name: string;
	readHead(): Promise<Head>;
	loadLane(seq: number): Promise<LaneBatch>;
	loadPolicySet(progress: (policies: number) => void): Promise<PolicySet>;
	/** What changed since, up to the newest revision or that of `until`; null when the whole set has to be loaded. */
	loadChanges(base: Pick<Head, "epoch" | "revision">, until?: number): Promise<Changes | null>;
	/** `onHint` says that the head may have moved, `onLost` that no more hints will come. */
	listen(onHint: () => void, onLost: (error: unknown) => void): Promise<Subscription>;
}

export interface LaneBatch {
	/** Of the very database that the rows are from, and no newer than they. */
	readonly head: Head;
	/** Rows behind the number that was asked for, in order; not necessarily all of them at once. */
	readonly rows: readonly LaneRow[];
}

export interface Subscription {
	/** Rejects when the connection does not answer any more. */
	check(): Promise<void>;
	/** Ends it at once; `onLost` is not called. */
	close(): void;
}

/** @param allowStandby take a read-only standby as the source, too; its lag is not seen. */
export function postgresSource(database: Database, { allowStandby = false } = {}): PolicySource {
	return {
		name: database.name,
		readHead: () => database.withClient(allowStandby ? readHead : readSourceHead),
		loadLane: (seq) =>
			database.withClient(async (client) => ({ head: await readHead(client), rows: await loadLane(client, seq) })),
		loadPolicySet: (progress) => database.withClient((client) => loadPolicySet(client, { progress })),
		loadChanges: (base, until) => database.withClient((client) => loadChanges(client, base, until)),
		listen: (onHint, onLost) => listen(database, onHint, onLost),
	};
}

/**
 * Connections of one pool may lead to different states of a database: to a standby that lags, or to one that was restored
 * meanwhile. What one says must not be completed by what another has.
 *
 * @param head what was read before. @param state what the next answer was made from.
 * @throws FirebreakError store_unsuitable when it is older, or of another epoch.
 */
export function assertFollows(head: Head, state: Pick<Head, "epoch" | "revision">, seq: number = head.seq): void {
	if (state.epoch === head.epoch && state.revision >= head.revision && seq >= head.seq) return;
	const message = `it answered from an older or another state (epoch ${state.epoch}, revision ${state.revision}) than the one before`;
	throw new FirebreakError("store_unsuitable", `the database changed while it was read: ${message}`, {
		problems: [
			{
				object: "DATABASE_URL",
				message,
				cure: "none is needed after a failover or a restore; else name one database, and not a pool of replicas",
			},
		],
	});
}

async function listen(database: Database, onHint: () => void, onLost: (error: unknown) => void): Promise<Subscription> {
	const client = await database.connect();
	let open = true;
	const lose = (error: Error) => {
		if (!open) return;
		open = false;
		destroy(client);
		onLost(storeError(error, database.name));
	};
	client.on("error", lose);
	client.on("end", () => lose(new Error("Connection terminated by the server")));
	client.on("notification", onHint);
	const run = async (text: string) => {
		try {
			await client.query(bounded(text));
		} catch (error) {
			throw storeError(error, database.name);
		}
	};
	try {
		await run(`listen ${CHANNEL}`);
	} catch (error) {
		open = false;
		destroy(client);
		throw error;
	}
	return {
		check: () => run("select 1"),
		close() {
			open = false;
			destroy(client);
		},
	};
}

/** The driver gives up waiting; the server's own statement_timeout does not help when no packet gets through. */
const bounded = (text: string): QueryConfig => ({ text, query_timeout: LIMITS.databaseStatementMs }) as QueryConfig;

/** Without the farewell, which a dead peer would never answer. */
function destroy(client: Client): void {
	client.connection.stream.destroy();
}

/** What the schema's triggers notify at commit. */
const CHANNEL = "firebreak_head";
