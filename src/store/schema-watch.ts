/**
 * Whether the database has every file of the schema that this program brings. A server on an older one goes on with what it
 * can read, and each query says by itself what it misses; that the whole is older is told here, since rules that only the
 * newer schema has are silent where they are missing.
 */
import type { ClientBase } from "pg";
import { LIMITS } from "../core/limits.ts";
import { Pause, type Timers } from "./follow/timers.ts";
import type { Database } from "./pool.ts";

export interface SchemaWatchOptions {
	readonly database: Database;
	/** Names of the schema's files, as they are recorded: `schema/0001_foundation`. */
	readonly shipped: readonly string[];
	readonly timers: Timers;
	/** Called when that changes: with the names that the database lacks, none of them when it is no older any more. */
	readonly report: (missing: readonly string[]) => void;
}

export interface SchemaWatch {
	/** Names that the database lacked when it was last asked; empty until it was. */
	readonly missing: readonly string[];
	start(): void;
	/** Resolves when nothing runs any more. Never rejects. */
	stop(): Promise<void>;
}

/** Looks at once, and every LIMITS.schemaLookMs: somebody may migrate it, or restore an older one. */
export function createSchemaWatch(options: SchemaWatchOptions): SchemaWatch {
	const { database, shipped, timers, report } = options;
	const pause = new Pause(timers);
	let missing: readonly string[] = [];
	let stopped = false;
	let running: Promise<void> | null = null;
	async function look(): Promise<void> {
		const applied = await database.withClient(readSchemaNames);
		const lacking = shipped.filter((name) => !applied.has(name));
		if (stopped || lacking.join() === missing.join()) return;
		missing = lacking;
		report(missing);
	}
	async function run(): Promise<void> {
		while (!stopped) {
			// That the database cannot be reached, or has no schema at all, is the follower's to tell.
			await look().catch(() => undefined);
			if (!stopped) await pause.wait(LIMITS.schemaLookMs);
		}
	}
	return {
		get missing() {
			return missing;
		},
		start() {
			running ??= run();
		},
		async stop() {
			stopped = true;
			pause.wake();
			await running;
		},
	};
}

async function readSchemaNames(client: ClientBase): Promise<ReadonlySet<string>> {
	const text = "select name from firebreak.migration where owner is null";
	const { rows } = await client.query<{ name: string }>({ text, query_timeout: LIMITS.databaseStatementMs } as never);
	return new Set(rows.map(({ name }) => name));
}
