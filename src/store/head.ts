/** The newest committed number of each lane: what the poll asks for. */
import type { ClientBase } from "pg";
import { FirebreakError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { rowsOf, sql } from "./queries.ts";

/** Numbers are compared only within one epoch. */
export interface Head {
	readonly epoch: string;
	readonly revision: number;
	readonly seq: number;
}

/** A connection that does not answer within LIMITS.databaseStatementMs counts as lost. */
export async function readHead(client: ClientBase): Promise<Head> {
	const query = sql.selectFrom("firebreak.head").select(["epoch", "revision", "seq"]);
	const [row] = await rowsOf(client, query, { timeoutMs: LIMITS.databaseStatementMs });
	if (!row) throw new FirebreakError("store_unsuitable", "firebreak.head is empty: the schema is not whole");
	return { epoch: row.epoch, revision: Number(row.revision), seq: Number(row.seq) };
}
