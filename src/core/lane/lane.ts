/**
 * The revocation lane in memory: revoked tokens, quarantines, registered tokens and domains' keys, applied row by row
 * without compiling anything, so that no bad policy can hold one back. One server has one lane; rows come in the order
 * of their `seq`.
 */
import type { LaneRow } from "../model.ts";
import { DomainKeys } from "./domain-keys.ts";
import type { LaneEffect } from "./entries.ts";
import { Quarantines } from "./quarantines.ts";
import { Registry } from "./registry.ts";
import { type RevocableToken, Revocations } from "./revocations.ts";

/**
 * Why a token is refused: it, everything older of its subject or issuer, its issuer, the key that signed it, or any of these of
 * the token that it was given in exchange for.
 */
export type Revocation = "token" | "before" | "issuer" | "key" | "origin";

export class Lane {
	/** The last row applied. */
	seq = 0;
	/** A row of a kind that this version does not know was met: what it revokes cannot be known, so the lane is stale. */
	unknownKind: string | null = null;
	readonly registry = new Registry();
	readonly domainKeys = new DomainKeys();
	readonly #revocations = new Revocations();
	readonly #quarantines = new Quarantines();
	#pruning: Generator<void, void> | null = null;

	/** Applies one row; rows at or below `seq` were applied already and change nothing. */
	apply(row: LaneRow): void {
		if (row.seq <= this.seq) return;
		this.seq = row.seq;
		this.restore(row);
	}

	/** Applies a row whatever its number: one that {@link rows} gave. `seq` is left as it is. */
	restore(row: LaneEffect): void {
		if (!this.#change(row)) this.unknownKind ??= row.kind;
	}

	/**
	 * All that was applied and not lifted, as few rows as say it; restored into an empty lane they have the same effect. What
	 * is over by its `until` may be among them. Rows may be applied meanwhile: their effect is then among these or not, and
	 * applying them again changes nothing.
	 */
	*rows(): Generator<LaneEffect, void> {
		yield* this.#revocations.rows();
		yield* this.#quarantines.rows();
		yield* this.registry.rows();
		yield* this.domainKeys.rows();
		// What it would revoke is not known, so that the lane made of these rows must be as stale as this one.
		if (this.unknownKind !== null) yield { kind: this.unknownKind, payload: {}, until: null };
	}

	/**
	 * Forgets some of what is over at `now` (milliseconds since the epoch), going on where it stopped before.
	 * @param entries looked at this time at most; what a pass costs is bounded by it, not by the lane's size.
	 */
	prune(now: number, entries: number): void {
		this.#pruning ??= this.#prune(now);
		for (let seen = 0; seen < entries; seen++) {
			if (!this.#pruning.next().done) continue;
			this.#pruning = null;
			return;
		}
	}

	/** @returns what revokes the token at `now` (milliseconds since the epoch), or null. */
	revocationOf(token: RevocableToken, now: number): Revocation | null {
		const revoked = this.#revocations.of(token, now);
		if (revoked) return revoked;
		if (this.#quarantines.holds("issuer", token.issuer, now)) return "issuer";
		if (this.#quarantines.holds("key", token.keyThumbprint, now)) return "key";
		return token.origin && this.revocationOf(token.origin, now) !== null ? "origin" : null;
	}

	/** @returns the kind of quarantine that holds the source at `now` (milliseconds since the epoch), or null. */
	quarantined(
		workload: string | null,
		segment: string | null,
		domain: string | null,
		now: number,
	): "workload" | "segment" | "domain" | null {
		if (this.#quarantines.holds("workload", workload, now)) return "workload";
		if (this.#quarantines.holds("segment", segment, now)) return "segment";
		return this.#quarantines.holds("domain", domain, now) ? "domain" : null;
	}

	/** Whether a signing key, by its RFC 7638 thumbprint, is in quarantine at `now` (milliseconds since the epoch). */
	quarantinedKey(thumbprint: string, now: number): boolean {
		return this.#quarantines.holds("key", thumbprint, now);
	}

	#change({ kind, payload, until }: LaneEffect): boolean {
		const end = until ?? Number.POSITIVE_INFINITY;
		switch (kind) {
			case "revoke_token":
				return this.#revocations.revokeToken(payload, end);
			case "revoke_before":
				return this.#revocations.revokeBefore(payload, end);
			case "quarantine":
			case "lift":
				return this.#quarantines.change(kind, payload, end);
			case "passport":
				return this.registry.register(payload, end);
			case "api_key":
				return this.registry.registerKey(payload, end);
			case "domain_key":
				return this.domainKeys.publish(payload, end);
			default:
				return false;
		}
	}

	*#prune(now: number): Generator<void, void> {
		yield* this.#revocations.prune(now);
		yield* this.#quarantines.prune(now);
		yield* this.registry.prune(now);
		yield* this.domainKeys.prune(now);
	}
}
