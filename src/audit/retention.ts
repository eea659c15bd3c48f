/**
 * Deletes records that are older than their retention, slowly and in small pieces. A role that may only insert
 * (firebreak_recorder) may not: a server that was taken over must not wipe its traces. Then this says so once, and
 * somebody who may runs the same statements.
 */
import { LIMITS } from "../core/limits.ts";
import type { Clock } from "../core/time.ts";
import { type RecordClient, type RecordDatabase, sqlState } from "./database.ts";

export interface Retention {
	/** Begins to delete at intervals, at first after a random part of one, so that servers do not work at once. */
	start(): void;
	/** Ends; resolves when nothing is under way any more. */
	stop(): Promise<void>;
}

export interface RetentionEvents {
	/** So many rows were deleted in one round. */
	pruned(rows: number): void;
	/** A round failed. Not called again for the same cause until a round succeeded. */
	failed(cause: "forbidden" | "error", error: unknown): void;
}

export interface RetentionOptions {
	readonly database: RecordDatabase;
	/** Milliseconds that a record is kept. */
	readonly retention: number;
	readonly clock: Clock;
	/** Between 0 and 1. */
	readonly random: () => number;
	readonly events: RetentionEvents;
}

/** Deletes what is older than `before`, in milliseconds since the epoch. Ends early when told; returns the rows deleted. */
export async function prune(
	database: RecordDatabase,
	before: number,
	isOver: () => boolean = () => false,
): Promise<number> {
	let total = 0;
	for (const [table, column] of [
		["firebreak.decision", "at"],
		["firebreak.flow", "minute"],
		// A record outlives its token by as much.
		["firebreak.passport", "expires"],
	]) {
		const statement = `delete from ${table} where ctid = any(array(select ctid from ${table} where ${column} < $1 limit $2))`;
		let deleted: number;
		do {
			deleted = await database.withClient((client) =>
				rowsDeleted(client, statement, [new Date(before), LIMITS.retentionBatchRows]),
			);
			total += deleted;
		} while (deleted === LIMITS.retentionBatchRows && !isOver());
	}
	return total;
}

const INSUFFICIENT_PRIVILEGE = "42501";

/** Told apart here, before the store wraps what Postgres throws. */
async function rowsDeleted(client: RecordClient, statement: string, values: unknown[]): Promise<number> {
	try {
		return (await client.query(statement, values)).rowCount ?? 0;
	} catch (error) {
		throw sqlState(error) === INSUFFICIENT_PRIVILEGE ? new DeletionForbidden() : error;
	}
}

/** The role of the database's URL may not delete records. */
export class DeletionForbidden extends Error {
	override readonly name = "DeletionForbidden";
}

export function createRetention(options: RetentionOptions): Retention {
	const { database, retention, clock, random, events } = options;
	let timer: NodeJS.Timeout | null = null;
	let round: Promise<void> = Promise.resolve();
	let over = false;
	let toldOf: string | null = null;

	async function run(): Promise<void> {
		try {
			const rows = await prune(database, clock() - retention, () => over);
			toldOf = null;
			if (rows > 0) events.pruned(rows);
		} catch (error) {
			const cause = error instanceof DeletionForbidden ? "forbidden" : "error";
			if (cause !== toldOf) events.failed(cause, error);
			toldOf = cause;
		}
		schedule(LIMITS.retentionRoundMs);
	}

	function schedule(ms: number): void {
		if (over) return;
		timer = setTimeout(() => {
			round = run();
		}, ms);
		timer.unref();
	}

	return {
		start: () => schedule(random() * LIMITS.retentionRoundMs),
		async stop() {
			over = true;
			if (timer !== null) clearTimeout(timer);
			await round;
		},
	};
}
