/** The newest committed number of each lane: what the poll asks for. */

import { sql as raw } from "kysely";
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
	const { standby: _, ...head } = await ask(client);
	return head;
}

/**
 * The head of a database that may serve as a source.
 * @throws FirebreakError store_unsuitable for a read-only standby: it cannot notify, and its lag looks fresh.
 */
export async function readSourceHead(client: ClientBase): Promise<Head> {
	const { standby, ...head } = await ask(client);
	if (!standby) return head;
	throw new FirebreakError("store_unsuitable", "the database is a read-only standby", {
		problems: [
			{
				object: "DATABASE_URL",
				message: "a standby cannot notify, and its lag looks fresh",
				cure: "name the primary, as with target_session_attrs=read-write and several hosts behind one name",
			},
		],
	});
}

async function ask(client: ClientBase): Promise<Head & { readonly standby: boolean }> {
	const query = sql
		.selectFrom("firebreak.head")
		.select(["epoch", "revision", "seq", raw<boolean>`pg_is_in_recovery()`.as("standby")]);
	const [row] = await rowsOf(client, query, { timeoutMs: LIMITS.databaseStatementMs });
	if (!row) throw new FirebreakError("store_unsuitable", "firebreak.head is empty: the schema is not whole");
	return { epoch: row.epoch, revision: Number(row.revision), seq: Number(row.seq), standby: row.standby };
}
