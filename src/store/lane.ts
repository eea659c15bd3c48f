/** Reads the revocation lane. */
import type { ClientBase } from "pg";
import { LIMITS } from "../core/limits.ts";
import type { LaneRow } from "../core/model.ts";
import { rowsOf, sql } from "./queries.ts";

/**
 * The rows behind `seq` in their order, at most LIMITS.laneBatchRows: ask again behind the last one when as many came.
 * Numbers are committed in their order, so none can appear later behind one that was read.
 */
export async function loadLane(client: ClientBase, seq: number): Promise<readonly LaneRow[]> {
	const query = sql
		.selectFrom("firebreak.revocation")
		.select(["seq", "kind", "key", "payload", "until"])
		.where("seq", ">", String(seq))
		.orderBy("seq")
		.limit(LIMITS.laneBatchRows);
	const rows = await rowsOf(client, query, { timeoutMs: LIMITS.databaseStatementMs });
	return rows.map(({ seq, until, ...row }) => ({
		...row,
		seq: Number(seq),
		until: until === null ? null : timeOf(until),
	}));
}

/** `infinity` comes as a number. */
const timeOf = (until: Date | number): number | null => {
	const time = Number(until);
	return time === Number.POSITIVE_INFINITY ? null : time;
};
