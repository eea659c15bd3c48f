/** Tokens that count no more: single ones, and everything older than an instant. */
import { LIMITS } from "../limits.ts";
import type { TokenOrigin } from "../token-origin.ts";
import { type Ends, isLive, type LaneEffect, mapOf, textOf } from "./entries.ts";

/** What of a token can be revoked: all that it says of itself, and of the token that it was given in exchange for. */
export type RevocableToken = TokenOrigin;

/** Everything that was issued before an instant. */
interface Before {
	/** Seconds since the epoch. */
	readonly instant: number;
	/** Milliseconds since the epoch; later than any token can live that it is about. */
	readonly end: number;
}

/** The beginning of a revocation that has begun already. */
const NOW = Number.NEGATIVE_INFINITY;

/** One of a million: an entry holds the token's id and one number, which costs some 100 bytes. */
export class Revocations {
	/** By issuer, then token id. */
	readonly #tokens = new Map<string, Ends>();
	/** Revocations that begin later, by issuer, then token id: few, of tokens that are being replaced. */
	readonly #from = new Map<string, Map<string, number>>();
	/** By issuer, then subject ("" for every subject). */
	readonly #before = new Map<string, Map<string, Before>>();

	/** @returns false when the payload cannot be understood. */
	revokeToken(payload: LaneEffect["payload"], end: number): boolean {
		const issuer = textOf(payload, "issuer");
		const id = textOf(payload, "token_id");
		const from = payload.from ?? null;
		if (issuer === null || id === null || !(from === null || typeof from === "number")) return false;
		const tokens = mapOf(this.#tokens, issuer);
		const begins = mapOf(this.#from, issuer);
		// Whatever the order of the rows, the earliest beginning holds: nothing brings a revoked token back.
		const begin = Math.min(from ?? NOW, tokens.has(id) ? (begins.get(id) ?? NOW) : Number.POSITIVE_INFINITY);
		if (begin === NOW) begins.delete(id);
		else begins.set(id, begin);
		tokens.set(id, Math.max(end, tokens.get(id) ?? end));
		return true;
	}

	/** @returns false when the payload cannot be understood. */
	revokeBefore(payload: LaneEffect["payload"], end: number): boolean {
		const issuer = textOf(payload, "issuer");
		const instant = payload.issued_before;
		if (issuer === null || typeof instant !== "number") return false;
		const subjects = mapOf(this.#before, issuer);
		const subject = textOf(payload, "subject") ?? "";
		const known = subjects.get(subject) ?? { instant, end };
		subjects.set(subject, { instant: Math.max(instant, known.instant), end: Math.max(end, known.end) });
		return true;
	}

	/** @param now milliseconds since the epoch. */
	of({ issuer, id, subject, issuedAt, origin }: RevocableToken, now: number): "token" | "before" | null {
		if (id !== null && isLive(this.#tokens.get(issuer)?.get(id), now)) {
			const from = this.#from.get(issuer)?.get(id);
			if (from === undefined || now >= from * 1_000) return "token";
		}
		const before = this.#before.get(issuer);
		if (!before) return null;
		// A server dates what it gives in exchange, and its clock may be ahead of the one that dates revocations.
		const issued = (issuedAt ?? Number.NEGATIVE_INFINITY) - (origin ? LIMITS.clockSkewSeconds : 0);
		const holds = (of: Before | undefined) => of !== undefined && isLive(of.end, now) && issued < of.instant;
		return holds(before.get("")) || holds(before.get(subject)) ? "before" : null;
	}

	*rows(): Generator<LaneEffect, void> {
		for (const [issuer, tokens] of this.#tokens) {
			for (const [token_id, end] of tokens) {
				const from = this.#from.get(issuer)?.get(token_id);
				const payload = { issuer, token_id, ...(from === undefined ? {} : { from }) };
				yield { kind: "revoke_token", payload, until: Number.isFinite(end) ? end : null };
			}
		}
		for (const [issuer, subjects] of this.#before) {
			for (const [subject, { instant, end }] of subjects) {
				const payload = { issuer, issued_before: instant, subject: subject === "" ? null : subject };
				yield { kind: "revoke_before", payload, until: Number.isFinite(end) ? end : null };
			}
		}
	}

	/** Forgets what is over at `now`, and yields after each entry that was looked at. */
	*prune(now: number): Generator<void, void> {
		for (const [issuer, tokens] of this.#tokens) {
			for (const [id, end] of tokens) {
				if (!isLive(end, now)) {
					tokens.delete(id);
					this.#from.get(issuer)?.delete(id);
				}
				yield;
			}
		}
		for (const subjects of this.#before.values()) {
			for (const [subject, { end }] of subjects) {
				if (!isLive(end, now)) subjects.delete(subject);
				yield;
			}
		}
	}
}
