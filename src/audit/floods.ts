/**
 * Records of what is denied, or else worth a row, with floods coalesced: of alike records within one window the first
 * are kept one by one, since somebody may ask for each by its id; the rest become one row with a count.
 */
import { LIMITS } from "../core/limits.ts";
import { type DecisionKind, type DecisionRecord, decisionRecord, type RecordedCheck, sourceOf } from "./record.ts";
import { Windows } from "./windows.ts";

interface Flood {
	/** Kept one by one so far. */
	single: number;
	/** What came after them; null until something did. */
	row: DecisionRecord | null;
}

export interface FloodLimits {
	readonly windowMs: number;
	readonly burst: number;
	readonly floods: number;
}

const DEFAULTS: FloodLimits = {
	windowMs: LIMITS.recordWindowMs,
	burst: LIMITS.recordBurst,
	floods: LIMITS.recordFloods,
};

export class FloodTable {
	readonly #limits: FloodLimits;
	readonly #windows: Windows<DecisionRecord>;
	#floods = new Map<string, Flood>();

	constructor(limits: FloodLimits = DEFAULTS) {
		this.#limits = limits;
		this.#windows = new Windows(limits.windowMs, () => this.#end());
	}

	/** The record to keep now, or null when it became part of a row that comes when its window ends. */
	add(kind: DecisionKind, check: RecordedCheck): DecisionRecord | null {
		this.#windows.enter(check.at);
		const flood = this.#floodOf(kind, check);
		if (flood.single < this.#limits.burst) {
			flood.single++;
			return decisionRecord(kind, check);
		}
		if (flood.row === null) flood.row = decisionRecord(kind, check);
		else flood.row.count++;
		return null;
	}

	/** Coalesced rows of the windows that ended before `now`, and forgets them. */
	takeEnded(now: number): DecisionRecord[] {
		return this.#windows.takeEnded(now);
	}

	/** Coalesced rows of all windows, also of the one under way, and forgets them. */
	takeAll(): DecisionRecord[] {
		return this.#windows.takeAll();
	}

	#end(): readonly DecisionRecord[] {
		const rows = [...this.#floods.values()].flatMap(({ row }) => row ?? []);
		this.#floods = new Map();
		return rows;
	}

	#floodOf(kind: DecisionKind, check: RecordedCheck): Flood {
		const key = keyOf(kind, check);
		const known = this.#floods.get(key);
		if (known !== undefined) return known;
		// What an attacker can vary without end is told apart only so far.
		const full = this.#floods.size >= this.#limits.floods;
		const told = full ? `${kind}\n${check.decision.reason}` : key;
		let flood = full ? this.#floods.get(told) : undefined;
		if (flood === undefined) {
			flood = { single: 0, row: null };
			this.#floods.set(told, flood);
		}
		return flood;
	}
}

/** Alike: the same two ends, cause and method. No path, which a scanner varies; no token but for what it was used for. */
function keyOf(kind: DecisionKind, { decision, request }: RecordedCheck): string {
	const { destination, reason, detail, policy, would } = decision;
	const from = decision.source === null && decision.principal === null ? (request.peer.address ?? "") : "";
	return [
		kind,
		sourceOf(decision),
		from,
		destination?.segment ?? "",
		reason,
		detail ?? "",
		would?.reason ?? "",
		policy ?? "",
		request.method,
	].join("\n");
}
