/** Quarantines: by the schema's functions, which take effect on every server without compiling anything. */
import type { ClientBase } from "pg";
import type { QuarantineKind } from "../core/model.ts";
import { endOf, type LaneReceipt, orderOnLane, type PgTime } from "./order.ts";

export interface QuarantineOrder {
	readonly kind: QuarantineKind;
	/** A SPIFFE ID, a name, an issuer's URL, or the thumbprint of a key. */
	readonly name: string;
	readonly reason: string;
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
	return (await orderOnLane(client, `${kind} ${name}`, text, [kind, name, reason, until]))!;
}

/** Null when nothing of that name is in quarantine. @throws like {@link addQuarantine} */
export async function liftQuarantine(
	client: ClientBase,
	{ kind, name, reason }: QuarantineOrder,
): Promise<LaneReceipt | null> {
	const text = "select firebreak.lift(kind => $1, name => $2, reason => $3) as seq";
	return orderOnLane(client, `${kind} ${name}`, text, [kind, name, reason]);
}

/** What is in quarantine now, the newest first. */
export async function listQuarantines(client: ClientBase): Promise<readonly QuarantineRow[]> {
	const { rows } = await client.query<QuarantineRow & { until: PgTime; seq: string }>(
		'select kind, name, reason, until, at, "by", seq from firebreak.quarantine order by seq desc',
	);
	return rows.map((row) => ({ ...row, until: endOf(row.until), seq: Number(row.seq) }));
}
