/** Receipts of orders on the revocation lane: what holds, and when each live server confirmed that it enforces it. */
import type { LaneReceipt } from "../store/order.ts";
import type { Database } from "../store/pool.ts";
import type { Io } from "./io.ts";
import type { Cell, Output } from "./output.ts";
import { ageOf, concludeWait, describeWait, viewOf, type Waited, waitFor } from "./waiting.ts";

export interface Told {
	/** What was done, for people. */
	readonly line: string;
	/** The same for programs. */
	readonly facts: Readonly<Record<string, unknown>>;
	readonly receipt: LaneReceipt;
}

/**
 * Tells the receipt, and waits until every live server enforces it.
 * @param timeoutMs null: nobody waits.
 * @throws FirebreakError timeout, dependency_unreachable
 */
export async function tellReceipt(
	io: Io,
	output: Output,
	database: Database,
	{ line, facts, receipt }: Told,
	timeoutMs: number | null,
): Promise<void> {
	const { warnings, ...told } = receipt;
	for (const warning of warnings) output.progress(`warning: ${warning}`);
	// It holds already; whoever watches need not wait for the servers to learn that.
	if (!output.json) output.line(`${line}: seq ${receipt.seq}, by ${receipt.by}, at ${receipt.at.toISOString()}`);
	const waited =
		timeoutMs === null ? null : await waitFor(output, database, { epoch: receipt.epoch, seq: receipt.seq }, timeoutMs);
	output.answer({ ...facts, ...told, warnings, waited: waited && viewOf(waited) }, () => {
		if (!waited) return;
		if (waited.servers.length > 0) output.table(COLUMNS, confirmations(waited, receipt.at));
		if (waited.reached) output.line(describeWait(waited));
	});
	if (waited) concludeWait(io, output, waited);
}

function confirmations({ servers }: Waited, at: Date): Cell[][] {
	return servers.map((server) => {
		const { id, live, confirmed } = server;
		return [
			id,
			live ? { text: "live", style: "green" } : { text: "silent", style: "yellow" },
			confirmed?.toISOString() ?? { text: "not confirmed", style: "red" },
			confirmed === null ? `heard of ${ageOf(server)}` : `after ${Math.max(0, confirmed.getTime() - at.getTime())} ms`,
		];
	});
}

const COLUMNS = [{ head: "SERVER" }, { head: "STATE" }, { head: "CONFIRMED" }, { head: "" }] as const;
