/** Where records go. */
import type { DecisionRecord, FlowRecord, UseRecord } from "./record.ts";

/** Each call stores all rows or none. After a failure the same rows come again, so that a decision's id must be unique there. */
export interface RecordSink {
	/** @throws RowRefused when the rows cannot be stored as they are; anything else counts as an outage. */
	writeDecisions(rows: readonly DecisionRecord[]): Promise<void>;
	/** @throws like writeDecisions */
	writeFlows(rows: readonly FlowRecord[]): Promise<void>;
	/** Tokens without a passport are left out. @throws like writeDecisions */
	writeUses(rows: readonly UseRecord[]): Promise<void>;
}

/** The sink works, but refuses what one of the rows says. Trying again is of no use. */
export class RowRefused extends Error {
	override readonly name = "RowRefused";
}
