/** Allowed traffic, added up for each minute by source, destination, operation and token. */
import { LIMITS } from "../core/limits.ts";
import { recordedText } from "../core/recorded.ts";
import { type FlowRecord, type RecordedCheck, sourceOf } from "./record.ts";
import { Windows } from "./windows.ts";

const MINUTE_MS = 60_000;

/** By token id within issuer; "" stands for none, which no issuer and no id is. */
type ByToken = Map<string, Map<string, FlowRecord>>;
type ByOperation = Map<string, ByToken>;
type BySource = Map<string, ByOperation>;

/** What came of adding: `known` within this minute, `new` within it, or `lost` since the minute is full. */
export type Added = "known" | "new" | "lost";

/** One minute under way, and those that ended. Adding costs five look-ups; nothing is built for what is known. */
export class FlowTable {
	readonly #max: number;
	readonly #minutes = new Windows(MINUTE_MS, () => this.#end());
	#byDestination = new Map<string, BySource>();
	#cells: FlowRecord[] = [];

	/** @param max rows in one minute that tell tokens apart. */
	constructor(max: number = LIMITS.recordFlows) {
		this.#max = max;
	}

	add(check: RecordedCheck): Added {
		const { decision, at } = check;
		this.#minutes.enter(at);
		const destination = decision.destination?.segment ?? "";
		const source = sourceOf(decision);
		const operation = operationOf(check);
		const issuer = decision.token?.issuer ?? "";
		const id = decision.token?.id ?? "";
		const byToken = this.#byDestination.get(destination)?.get(source)?.get(operation);
		const known = byToken?.get(issuer)?.get(id) ?? this.#withoutToken(byToken, issuer);
		if (known !== undefined) {
			known.count++;
			if (at > known.last) known.last = at;
			return "known";
		}
		if (this.#cells.length >= this.#max * 2) return "lost";
		const told = this.#isFull() ? "" : id;
		this.#insert(destination, source, operation, issuer, told, at);
		return "new";
	}

	/** Rows of the minutes that ended before `now`, oldest first, and forgets them. */
	takeEnded(now: number): FlowRecord[] {
		return this.#minutes.takeEnded(now);
	}

	/** Rows of all minutes, also of the one under way, and forgets them. */
	takeAll(): FlowRecord[] {
		return this.#minutes.takeAll();
	}

	#isFull(): boolean {
		return this.#cells.length >= this.#max;
	}

	#withoutToken(byToken: ByToken | undefined, issuer: string): FlowRecord | undefined {
		return this.#isFull() ? byToken?.get(issuer)?.get("") : undefined;
	}

	#end(): readonly FlowRecord[] {
		const cells = this.#cells;
		this.#byDestination = new Map();
		this.#cells = [];
		return cells;
	}

	#insert(destination: string, source: string, operation: string, issuer: string, id: string, at: number): void {
		const bySource = getOrAdd<BySource>(this.#byDestination, destination);
		const byOperation = getOrAdd<ByOperation>(bySource, source);
		const byIssuer = getOrAdd<ByToken>(byOperation, operation);
		const byId = getOrAdd<Map<string, FlowRecord>>(byIssuer, issuer);
		const cell: FlowRecord = {
			minute: this.#minutes.since,
			source: recordedText(source),
			destination,
			operation: recordedText(operation),
			tokenIssuer: issuer === "" ? null : issuer,
			tokenId: id === "" ? null : recordedText(id),
			count: 1,
			first: at,
			last: at,
		};
		byId.set(id, cell);
		this.#cells.push(cell);
	}
}

/** What was done, in bounded words: the policy that allowed it; a probe's own path, since the policy set names those too. */
function operationOf({ decision, request }: RecordedCheck): string {
	if (decision.policy !== null) return decision.policy;
	return decision.reason === "allowed_probe" ? `${request.method} ${request.rawPath}` : `(${decision.reason})`;
}

function getOrAdd<V extends Map<string, unknown>>(map: Map<string, V>, key: string): V {
	let value = map.get(key);
	if (value === undefined) {
		value = new Map() as V;
		map.set(key, value);
	}
	return value;
}
