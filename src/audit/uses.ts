/** Uses of tokens that have a passport, added up for each minute: they count also where no traffic is recorded. */
import { LIMITS } from "../core/limits.ts";
import type { UseRecord } from "./record.ts";
import { Windows } from "./windows.ts";

const MINUTE_MS = 60_000;

/** One minute under way, and those that ended. Adding costs two look-ups. */
export class UseTable {
	readonly #max: number;
	readonly #minutes = new Windows(MINUTE_MS, () => this.#end());
	/** By issuer, then token id. */
	#known = new Map<string, Map<string, UseRecord>>();
	#rows: UseRecord[] = [];

	/** @param max tokens within one minute. */
	constructor(max: number = LIMITS.recordUses) {
		this.#max = max;
	}

	/** `at` in milliseconds since the epoch. @returns false when the minute is full, and the use is lost. */
	add(issuer: string, tokenId: string, at: number): boolean {
		this.#minutes.enter(at);
		const known = this.#known.get(issuer)?.get(tokenId);
		if (known !== undefined) {
			known.count++;
			if (at > known.last) known.last = at;
			return true;
		}
		if (this.#rows.length >= this.#max) return false;
		const row: UseRecord = { issuer, tokenId, count: 1, last: at };
		const ofIssuer = this.#known.get(issuer);
		if (ofIssuer) ofIssuer.set(tokenId, row);
		else this.#known.set(issuer, new Map([[tokenId, row]]));
		this.#rows.push(row);
		return true;
	}

	/** Rows of the minutes that ended before `now`, oldest first, and forgets them. */
	takeEnded(now: number): UseRecord[] {
		return this.#minutes.takeEnded(now);
	}

	/** Rows of all minutes, also of the one under way, and forgets them. */
	takeAll(): UseRecord[] {
		return this.#minutes.takeAll();
	}

	#end(): readonly UseRecord[] {
		const rows = this.#rows;
		this.#rows = [];
		this.#known = new Map();
		return rows;
	}
}
