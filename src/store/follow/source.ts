/** Where a follower gets policy from: Postgres here, something simulated in tests. */
import type { Client, QueryConfig } from "pg";
import type { Changes } from "../../core/compile/changes.ts";
import { LIMITS } from "../../core/limits.ts";
import type { LaneRow, PolicySet } from "../../core/model.ts";
import { loadChanges } from "../changes.ts";
import { type Head, readHead, readSourceHead } from "../head.ts";
import { loadLane } from "../lane.ts";
import { loadPolicySet } from "../load.ts";
import type { Database } from "../pool.ts";

/** Every function rejects when the source cannot be reached, within a bounded time. */
export interface PolicySource {
	/** For logs and status; no credentials. */
	readonly name: string;
	readHead(): Promise<Head>;
	/** Rows behind `seq`, in order; not necessarily all of them at once. */
	loadLane(seq: number): Promise<readonly LaneRow[]>;
	loadPolicySet(progress: (policies: number) => void): Promise<PolicySet>;
	/** What changed since; null when the whole set has to be loaded. */
	loadChanges(base: Pick<Head, "epoch" | "revision">): Promise<Changes | null>;
	/** `onHint` says that the head may have moved, `onLost` that no more hints will come. */
	listen(onHint: () => void, onLost: (error: Error) => void): Promise<Subscription>;
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
		loadLane: (seq) => database.withClient((client) => loadLane(client, seq)),
		loadPolicySet: (progress) => database.withClient((client) => loadPolicySet(client, { progress })),
		loadChanges: (base) => database.withClient((client) => loadChanges(client, base)),
		listen: (onHint, onLost) => listen(database, onHint, onLost),
	};
}

async function listen(database: Database, onHint: () => void, onLost: (error: Error) => void): Promise<Subscription> {
	const client = await database.connect();
	let open = true;
	const lose = (error: Error) => {
		if (!open) return;
		open = false;
		destroy(client);
		onLost(error);
	};
	client.on("error", lose);
	client.on("end", () => lose(new Error("Connection terminated by the server")));
	client.on("notification", onHint);
	try {
		await client.query(bounded(`listen ${CHANNEL}`));
	} catch (error) {
		open = false;
		destroy(client);
		throw error;
	}
	return {
		async check() {
			await client.query(bounded("select 1"));
		},
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
