import { LIMITS } from "../../core/limits.ts";

/** A proof that was found genuine, to be remembered. */
export interface UsedProof {
	/** SHA-256 of key and `jti`. */
	readonly id: string;
	/** RFC 7638 thumbprint of the key that made it. */
	readonly key: string;
	/** Milliseconds since the epoch. */
	readonly issuedAt: number;
	/** Milliseconds since the epoch from which it is too old anyway. */
	readonly until: number;
}

/** `new`: it was not used before, and is remembered. `forgotten`: nobody can tell. The rest: it cannot be remembered. */
export type Remembered = "new" | "used" | "forgotten" | "full" | "full_of_key" | "unreachable" | "slow" | "error";

interface Generation {
	/** When it began, and until when one of its proofs is good. */
	readonly since: number;
	latest: number;
	readonly ids: Set<string>;
	readonly byKey: Map<string, number>;
}

export interface UsedProofsOptions {
	/** Milliseconds since the epoch: proofs from before may have been used where this memory does not know of it. */
	readonly since: number;
	/** Default LIMITS.replayEntries. */
	readonly entries?: number;
	/** Default LIMITS.replayEntriesOfKey. */
	readonly entriesOfKey?: number;
}

/**
 * Used proofs in this process. Bounded: when it is full nothing more is accepted until old proofs are over, for to forget one
 * that is still good would let it pass again. Only genuine proofs by the very key that a valid token is bound to get here,
 * and no key may fill more than its part.
 */
export class UsedProofs {
	readonly #since: number;
	readonly #entries: number;
	readonly #entriesOfKey: number;
	/** Oldest first. What was used at about the same time is over, and forgotten, together. */
	readonly #generations: Generation[] = [];
	#size = 0;
	/** Proofs that are good until then or shorter may be forgotten; matters when the clock goes back. */
	#forgottenUntil = Number.NEGATIVE_INFINITY;

	constructor({ since, entries = LIMITS.replayEntries, entriesOfKey = LIMITS.replayEntriesOfKey }: UsedProofsOptions) {
		this.#since = since;
		this.#entries = entries;
		this.#entriesOfKey = entriesOfKey;
	}

	/** Proofs that are remembered. */
	get size(): number {
		return this.#size;
	}

	has(id: string): boolean {
		return this.#generations.some(({ ids }) => ids.has(id));
	}

	add({ id, key, issuedAt, until }: UsedProof, now: number): Remembered {
		this.#forget(now);
		if (issuedAt < this.#since || until <= this.#forgottenUntil) return "forgotten";
		if (this.has(id)) return "used";
		if (this.#size >= this.#entries) return "full";
		const ofKey = this.#generations.reduce((sum, { byKey }) => sum + (byKey.get(key) ?? 0), 0);
		if (ofKey >= this.#entriesOfKey) return "full_of_key";
		const generation = this.#generationAt(now);
		generation.ids.add(id);
		generation.byKey.set(key, (generation.byKey.get(key) ?? 0) + 1);
		generation.latest = Math.max(generation.latest, until);
		this.#size++;
		return "new";
	}

	#generationAt(now: number): Generation {
		const newest = this.#generations.at(-1);
		if (newest && now < newest.since + LIMITS.replayGenerationMs) return newest;
		const generation = { since: now, latest: Number.NEGATIVE_INFINITY, ids: new Set<string>(), byKey: new Map() };
		this.#generations.push(generation);
		return generation;
	}

	/** Drops the oldest generations as far as every proof in them is over. */
	#forget(now: number): void {
		for (;;) {
			const oldest = this.#generations[0];
			if (oldest === undefined || oldest.latest > now) return;
			this.#generations.shift();
			this.#size -= oldest.ids.size;
			this.#forgottenUntil = Math.max(this.#forgottenUntil, oldest.latest);
		}
	}
}
