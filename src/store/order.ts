/** Orders of operators: calls of the schema's functions that take effect on every server without compiling anything. */
import { type ClientBase, DatabaseError, type QueryResultRow } from "pg";
import { FirebreakError } from "../core/errors.ts";
import { describeSqlError } from "./migrations/sql-error.ts";
import { isUnreachable } from "./store-error.ts";

/** What the revocation lane holds now. */
export interface LaneReceipt {
	readonly epoch: string;
	readonly seq: number;
	readonly at: Date;
	readonly by: string;
	/** Null: until it is lifted. */
	readonly until: Date | null;
	/** What the function warned of, such as a name that no policy states. */
	readonly warnings: readonly string[];
}

/**
 * Calls a function that gives the `seq` of the lane's row that holds, as `select ... as seq`.
 * @param object what the order is about, for errors.
 * @returns null when the function gave none: nothing was to be done.
 * @throws FirebreakError usage, timeout, store_unsuitable, dependency_unreachable
 */
export async function orderOnLane(
	client: ClientBase,
	object: string,
	text: string,
	values: readonly unknown[],
): Promise<LaneReceipt | null> {
	const { rows, warnings } = await order<{ seq: string | null }>(client, object, text, values);
	const seq = rows[0]?.seq ?? null;
	if (seq === null) return null;
	const found = await client.query<{ epoch: string; at: Date; by: string; until: PgTime }>(RECEIPT, [seq]);
	const { until, ...receipt } = found.rows[0]!;
	return { ...receipt, until: endOf(until), seq: Number(seq), warnings };
}

/** @throws like {@link orderOnLane} */
async function order<Row extends QueryResultRow>(
	client: ClientBase,
	object: string,
	text: string,
	values: readonly unknown[],
): Promise<{ readonly rows: readonly Row[]; readonly warnings: readonly string[] }> {
	const warnings: string[] = [];
	const onNotice = ({ severity, message }: { severity?: string | undefined; message?: string | undefined }) => {
		if (severity === "WARNING") warnings.push(`${message}`);
	};
	client.on("notice", onNotice);
	try {
		const { rows } = await client.query<Row>(text, [...values]);
		return { rows, warnings };
	} catch (error) {
		throw error instanceof DatabaseError ? explained(error, object) : error;
	} finally {
		client.off("notice", onNotice);
	}
}

/**
 * Keeps others from committing to the revocation lane until the transaction is over: what is read from now on still holds
 * when it commits. Waits for who holds it.
 * @throws FirebreakError store_unsuitable, timeout
 */
export async function holdLane(client: ClientBase, object: string): Promise<void> {
	await order(client, object, "select firebreak.hold_lane()", []);
}

/** All of it or nothing. */
export async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
	await client.query("begin");
	try {
		const result = await work();
		await client.query("commit");
		return result;
	} catch (error) {
		// A lost connection may never answer again; whoever lent it throws it away.
		if (!isUnreachable(error)) await client.query("rollback");
		throw error;
	}
}

/** `infinity` comes as a number. */
export type PgTime = Date | number | null;
export const endOf = (until: PgTime): Date | null => (until instanceof Date ? until : null);

function explained(error: DatabaseError, object: string): unknown {
	const problem = describeSqlError(error, object);
	switch (error.code) {
		case "23502":
		case "23505":
		case "23514":
		case "22P02":
		case "42704":
		case "55000":
			return new FirebreakError("usage", "the order was refused; nothing was changed", { problems: [problem] });
		case "42501":
			return new FirebreakError("store_unsuitable", "the role of DATABASE_URL may not do this", {
				problems: [{ ...problem, cure: "connect as a member of firebreak_operator" }],
			});
		case "57014":
			return new FirebreakError("timeout", "the revocation lane is held by another transaction", {
				problems: [{ ...problem, cure: "find it in pg_stat_activity and end it, then try again" }],
			});
		default:
			return error;
	}
}

const RECEIPT = `
	select h.epoch, r.at, r.by, r.until from firebreak.revocation r, firebreak.head h where r.seq = $1`;
