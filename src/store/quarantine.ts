/** Quarantines: by the schema's functions, which take effect on every server without compiling anything. */
import { type ClientBase, DatabaseError } from "pg";
import { FirebreakError } from "../core/errors.ts";
import type { QuarantineKind } from "../core/model.ts";
import { describeSqlError } from "./migrations/sql-error.ts";

export interface QuarantineOrder {
	readonly kind: QuarantineKind;
	/** A SPIFFE ID, a name, an issuer's URL, or the thumbprint of a key. */
	readonly name: string;
	readonly reason: string;
}

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

export interface QuarantineRow extends QuarantineOrder {
	readonly until: Date | null;
	readonly at: Date;
	readonly by: string;
	readonly seq: number;
}

/**
 * Gives the receipt of the order that holds: a new one, or the last one when it says the same already.
 * @param until null: until it is lifted
 * @throws FirebreakError usage, timeout, store_unsuitable, dependency_unreachable
 */
export async function addQuarantine(
	client: ClientBase,
	{ kind, name, reason }: QuarantineOrder,
	until: Date | null,
): Promise<LaneReceipt> {
	const text = "select firebreak.quarantine(kind => $1, name => $2, reason => $3, until => $4) as seq";
	return (await append(client, `${kind} ${name}`, text, [kind, name, reason, until]))!;
}

/** Null when nothing of that name is in quarantine. @throws like {@link addQuarantine} */
export async function liftQuarantine(
	client: ClientBase,
	{ kind, name, reason }: QuarantineOrder,
): Promise<LaneReceipt | null> {
	const text = "select firebreak.lift(kind => $1, name => $2, reason => $3) as seq";
	return append(client, `${kind} ${name}`, text, [kind, name, reason]);
}

/** What is in quarantine now, the newest first. */
export async function listQuarantines(client: ClientBase): Promise<readonly QuarantineRow[]> {
	const { rows } = await client.query<QuarantineRow & { until: PgTime; seq: string }>(
		'select kind, name, reason, until, at, "by", seq from firebreak.quarantine order by seq desc',
	);
	return rows.map((row) => ({ ...row, until: endOf(row.until), seq: Number(row.seq) }));
}

async function append(
	client: ClientBase,
	object: string,
	text: string,
	values: readonly unknown[],
): Promise<LaneReceipt | null> {
	const warnings: string[] = [];
	const onNotice = ({ severity, message }: { severity?: string | undefined; message?: string | undefined }) => {
		if (severity === "WARNING") warnings.push(`${message}`);
	};
	client.on("notice", onNotice);
	try {
		const appended = await client.query<{ seq: string | null }>(text, [...values]);
		const seq = appended.rows[0]?.seq ?? null;
		if (seq === null) return null;
		const { rows } = await client.query<{ epoch: string; at: Date; by: string; until: PgTime }>(RECEIPT, [seq]);
		const { until, ...receipt } = rows[0]!;
		return { ...receipt, until: endOf(until), seq: Number(seq), warnings };
	} catch (error) {
		throw error instanceof DatabaseError ? explained(error, object) : error;
	} finally {
		client.off("notice", onNotice);
	}
}

function explained(error: DatabaseError, object: string): unknown {
	const problem = describeSqlError(error, object);
	switch (error.code) {
		case "23502":
		case "23514":
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

/** `infinity` comes as a number. */
type PgTime = Date | number | null;
const endOf = (until: PgTime): Date | null => (until instanceof Date ? until : null);

const RECEIPT = `
	select h.epoch, r.at, r.by, r.until from firebreak.revocation r, firebreak.head h where r.seq = $1`;
