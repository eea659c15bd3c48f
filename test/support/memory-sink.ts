/** A sink in memory that fails as it is told to. */
import type { DecisionRecord, FlowRecord, UseRecord } from "../../src/audit/record.ts";
import type { RecordSink } from "../../src/audit/sink.ts";

export class MemorySink implements RecordSink {
	readonly decisions = new Map<string, DecisionRecord>();
	readonly flows: FlowRecord[] = [];
	readonly uses: UseRecord[] = [];
	/** Sizes of the batches that were stored. */
	readonly batches: number[] = [];
	/** Asked before each write: throw to fail it. */
	trouble: (rows: readonly (DecisionRecord | FlowRecord | UseRecord)[]) => void | Promise<void> = () => {};

	async writeDecisions(rows: readonly DecisionRecord[]): Promise<void> {
		await this.trouble(rows);
		for (const row of rows) this.decisions.set(row.id, row);
		this.batches.push(rows.length);
	}

	async writeFlows(rows: readonly FlowRecord[]): Promise<void> {
		await this.trouble(rows);
		this.flows.push(...rows);
		this.batches.push(rows.length);
	}

	async writeUses(rows: readonly UseRecord[]): Promise<void> {
		await this.trouble(rows);
		this.uses.push(...rows);
		this.batches.push(rows.length);
	}

	/** Checks that the stored decisions of a kind stand for. */
	stored(kind: DecisionRecord["kind"]): number {
		return sum([...this.decisions.values()].filter((row) => row.kind === kind));
	}

	storedFlows(): number {
		return sum(this.flows);
	}

	storedUses(): number {
		return sum(this.uses);
	}
}

function sum(rows: readonly { readonly count: number }[]): number {
	return rows.reduce((total, { count }) => total + count, 0);
}
