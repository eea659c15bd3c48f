/**
 * Decision records on their way from the request to durable storage. Recording takes constant time and never waits;
 * what cannot be kept is counted by kind, so that stored rows and losses together account for every check.
 */
import { LIMITS } from "../core/limits.ts";
import type { Clock } from "../core/time.ts";
import { RecordBuffer } from "./buffer.ts";
import { EdgeMemory } from "./edges.ts";
import { FloodTable } from "./floods.ts";
import { FlowTable } from "./flows.ts";
import {
	type DecisionKind,
	type DecisionRecord,
	type FlowRecord,
	type RecordedCheck,
	type RecordKind,
	sourceOf,
	type UseRecord,
} from "./record.ts";
import type { RecordSink } from "./sink.ts";
import { UseTable } from "./uses.ts";
import { Writer } from "./writer.ts";

export interface Recorder {
	/** Takes one check. Never throws, never waits. */
	record(check: RecordedCheck): void;
	/** Counts a use of a token that is no check, at `at` in milliseconds since the epoch. Never throws, never waits. */
	recordUse(issuer: string, tokenId: string, at: number): void;
	/** Checks whose record was lost since the start, and uses that were not counted, by kind. */
	readonly lost: Readonly<Record<RecordKind, number>>;
	/** Rows that wait for the sink. */
	readonly queued: number;
	/** Begins to write at intervals. */
	start(): void;
	/** Writes everything that is there, also of the minute under way, for at most so long; the rest is counted as lost. */
	stop(withinMs: number): Promise<void>;
}

/** Told of what an operator should know; wired to the log. */
export interface RecorderEvents {
	/** Checks whose record was lost since the last call, by kind; at most one call a period. */
	lost(counts: Readonly<Record<RecordKind, number>>): void;
	/** The sink failed after it had worked. */
	sinkDown(error: unknown): void;
	/** The sink works again. */
	sinkBack(): void;
}

export interface RecorderOptions {
	/** Decisions that may wait for the sink, and as many flows, and uses of tokens. */
	readonly queueMax: number;
	readonly sink: RecordSink;
	readonly clock: Clock;
	/** Between 0 and 1; spreads the retries of several servers. */
	readonly random: () => number;
	readonly events: RecorderEvents;
}

export function createRecorder(options: RecorderOptions): Recorder {
	return new QueueingRecorder(options);
}

class QueueingRecorder implements Recorder {
	readonly lost: Record<RecordKind, number> = { denial: 0, monitor: 0, crossing: 0, edge: 0, flow: 0, use: 0 };
	readonly #options: RecorderOptions;
	readonly #floods = new FloodTable();
	readonly #flows = new FlowTable();
	readonly #uses = new UseTable();
	readonly #edges = new EdgeMemory(LIMITS.recordEdges);
	readonly #decisions: RecordBuffer<DecisionRecord>;
	readonly #flowRows: RecordBuffer<FlowRecord>;
	readonly #useRows: RecordBuffer<UseRecord>;
	readonly #writer: Writer;
	readonly #hurryAt: number;
	#stopped = false;
	#down = false;
	#told = { ...this.lost };
	#toldAt = Number.NEGATIVE_INFINITY;

	constructor(options: RecorderOptions) {
		const { queueMax, sink } = options;
		this.#options = options;
		this.#decisions = new RecordBuffer({
			queueMax,
			write: (rows) => sink.writeDecisions(rows),
			onLost: ({ kind, count }) => {
				this.lost[kind] += count;
			},
		});
		this.#flowRows = new RecordBuffer({
			queueMax,
			write: (rows) => sink.writeFlows(rows),
			onLost: ({ count }) => {
				this.lost.flow += count;
			},
		});
		this.#useRows = new RecordBuffer({
			queueMax,
			write: (rows) => sink.writeUses(rows),
			onLost: ({ count }) => {
				this.lost.use += count;
			},
		});
		this.#hurryAt = Math.min(LIMITS.recordBatchRows, Math.ceil(queueMax / 2));
		this.#writer = new Writer({
			buffers: [this.#decisions, this.#flowRows, this.#useRows],
			collect: () => this.#collect(),
			random: options.random,
			afterRound: (error) => this.#tell(error),
		});
	}

	get queued(): number {
		return this.#decisions.length + this.#flowRows.length + this.#useRows.length;
	}

	record(check: RecordedCheck): void {
		try {
			const kind = kindOf(check);
			const { allow, token } = check.decision;
			const flows = allow && check.audit === "full";
			// Whoever has an owner has a passport.
			if (allow && token !== null && token.owner !== null && token.id !== null)
				this.recordUse(token.issuer, token.id, check.at);
			if (this.#stopped) {
				if (kind !== null) this.lost[kind]++;
				if (flows) this.lost.flow++;
				return;
			}
			const isFirst = flows && this.#addFlow(check);
			if (kind !== null) this.#keep(kind, check);
			else if (isFirst) this.#keep("edge", check);
		} catch {
			this.lost.denial++;
		}
	}

	recordUse(issuer: string, tokenId: string, at: number): void {
		if (this.#stopped || !this.#uses.add(issuer, tokenId, at)) this.lost.use++;
	}

	start(): void {
		this.#writer.start();
	}

	async stop(withinMs: number): Promise<void> {
		this.#stopped = true;
		await this.#writer.stop(withinMs);
		this.#tellLosses(Number.POSITIVE_INFINITY);
	}

	/** Adds allowed traffic up. True when it is the first between its two ends. */
	#addFlow(check: RecordedCheck): boolean {
		const added = this.#flows.add(check);
		if (added === "lost") this.lost.flow++;
		if (added !== "new") return false;
		return this.#edges.meet(sourceOf(check.decision), check.decision.destination?.segment ?? "");
	}

	#keep(kind: DecisionKind, check: RecordedCheck): void {
		const row = this.#floods.add(kind, check);
		if (row === null) return;
		this.#decisions.push(row);
		if (this.#decisions.length === this.#hurryAt) this.#writer.hurry();
	}

	#collect(): void {
		const now = this.#options.clock();
		const rows = this.#stopped ? this.#floods.takeAll() : this.#floods.takeEnded(now);
		for (const row of rows) this.#decisions.push(row);
		const flows = this.#stopped ? this.#flows.takeAll() : this.#flows.takeEnded(now);
		for (const flow of flows) this.#flowRows.push(flow);
		const uses = this.#stopped ? this.#uses.takeAll() : this.#uses.takeEnded(now);
		for (const use of uses) this.#useRows.push(use);
	}

	#tell(error: unknown): void {
		const { events, clock } = this.#options;
		if (error !== null && !this.#down) events.sinkDown(error);
		if (error === null && this.#down && !this.#stopped) events.sinkBack();
		this.#down = error !== null;
		this.#tellLosses(clock());
	}

	#tellLosses(now: number): void {
		const since = { ...this.lost };
		for (const kind of Object.keys(since) as RecordKind[]) since[kind] -= this.#told[kind];
		if (Object.values(since).every((count) => count === 0) || now < this.#toldAt + LIMITS.recordComplaintMs) return;
		this.#told = { ...this.lost };
		this.#toldAt = now;
		this.#options.events.lost(since);
	}
}

/** Why a check is kept in full, or null for ordinary allowed traffic. */
function kindOf({ decision }: RecordedCheck): DecisionKind | null {
	if (!decision.allow) return "denial";
	if (decision.reason === "allowed_monitor") return "monitor";
	return decision.crossing === null ? null : "crossing";
}
