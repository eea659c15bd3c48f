/**
 * The revocation lane in memory: revoked tokens and quarantines, applied row by row without compiling anything, so that
 * no bad policy can hold one back. One server has one lane; rows come in the order of their `seq`.
 */
import { type LaneRow, QUARANTINE_KINDS, type QuarantineKind } from "./model.ts";

/** What of a token can be revoked. */
export interface RevocableToken {
	readonly issuer: string;
	readonly id: string | null;
	readonly subject: string;
	/** Seconds since the epoch; null counts as issued before everything. */
	readonly issuedAt: number | null;
	/** RFC 7638 thumbprint of the key that signed it. */
	readonly keyThumbprint: string | null;
}

/** Why a token is refused: it, everything older of its subject or issuer, its issuer, or the key that signed it. */
export type Revocation = "token" | "before" | "issuer" | "key";

/** What a row does, without its place in the sequence. */
export type LaneEffect = Pick<LaneRow, "kind" | "payload" | "until">;

export class Lane {
	/** The last row applied. */
	seq = 0;
	/** A row of a kind that this version does not know was met: what it revokes cannot be known, so the lane is stale. */
	unknownKind: string | null = null;
	/** By issuer, then token id. */
	readonly #tokens = new Map<string, Map<string, number>>();
	/** By issuer, then subject ("" for every subject): seconds since the epoch. */
	readonly #before = new Map<string, Map<string, number>>();
	readonly #quarantine = new Map<QuarantineKind, Map<string, number>>(
		QUARANTINE_KINDS.map((kind) => [kind, new Map()]),
	);

	/** Names in quarantine, expired ones too: while it is 0 nobody needs looking up. */
	#quarantined = 0;

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
	 * is over by its `until` is among them. Rows may be applied meanwhile: their effect is then among these or not, and
	 * applying them again changes nothing.
	 */
	*rows(): Generator<LaneEffect, void> {
		for (const [issuer, tokens] of this.#tokens) {
			for (const [token_id, end] of tokens) {
				yield { kind: "revoke_token", payload: { issuer, token_id }, until: finite(end) };
			}
		}
		for (const [issuer, subjects] of this.#before) {
			for (const [subject, issued_before] of subjects) {
				const payload = { issuer, issued_before, subject: subject === "" ? null : subject };
				yield { kind: "revoke_before", payload, until: null };
			}
		}
		for (const [kind, names] of this.#quarantine) {
			for (const [name, end] of names) yield { kind: "quarantine", payload: { kind, name }, until: finite(end) };
		}
		// What it would revoke is not known, so that the lane made of these rows must be as stale as this one.
		if (this.unknownKind !== null) yield { kind: this.unknownKind, payload: {}, until: null };
	}

	/** @returns what revokes the token at `now` (milliseconds since the epoch), or null. */
	revocationOf(token: RevocableToken, now: number): Revocation | null {
		const { issuer, id } = token;
		if (id !== null && isLive(this.#tokens.get(issuer)?.get(id), now)) return "token";
		const before = this.#before.get(issuer);
		if (before) {
			const issuedAt = token.issuedAt ?? Number.NEGATIVE_INFINITY;
			if (issuedAt < (before.get("") ?? Number.NEGATIVE_INFINITY)) return "before";
			if (issuedAt < (before.get(token.subject) ?? Number.NEGATIVE_INFINITY)) return "before";
		}
		if (this.#isQuarantined("issuer", issuer, now)) return "issuer";
		if (token.keyThumbprint !== null && this.#isQuarantined("key", token.keyThumbprint, now)) return "key";
		return null;
	}

	/** @returns the kind of quarantine that holds the source at `now` (milliseconds since the epoch), or null. */
	quarantined(
		workload: string | null,
		segment: string | null,
		domain: string | null,
		now: number,
	): "workload" | "segment" | "domain" | null {
		if (this.#quarantined === 0) return null;
		if (workload !== null && this.#isQuarantined("workload", workload, now)) return "workload";
		if (segment !== null && this.#isQuarantined("segment", segment, now)) return "segment";
		if (domain !== null && this.#isQuarantined("domain", domain, now)) return "domain";
		return null;
	}

	#change({ kind, payload, until }: LaneEffect): boolean {
		const end = until ?? Number.POSITIVE_INFINITY;
		const text = (field: string) => (typeof payload[field] === "string" ? payload[field] : null);
		if (kind === "revoke_token") {
			const issuer = text("issuer");
			const id = text("token_id");
			if (issuer === null || id === null) return false;
			mapOf(this.#tokens, issuer).set(id, end);
			return true;
		}
		if (kind === "revoke_before") {
			const issuer = text("issuer");
			const instant = payload.issued_before;
			if (issuer === null || typeof instant !== "number") return false;
			const subjects = mapOf(this.#before, issuer);
			const subject = text("subject") ?? "";
			subjects.set(subject, Math.max(instant, subjects.get(subject) ?? Number.NEGATIVE_INFINITY));
			return true;
		}
		const names = this.#quarantine.get(text("kind") as QuarantineKind);
		const name = text("name");
		if (!names || name === null) return false;
		const before = names.size;
		if (kind === "quarantine") names.set(name, end);
		else if (kind === "lift") names.delete(name);
		else return false;
		this.#quarantined += names.size - before;
		return true;
	}

	#isQuarantined(kind: QuarantineKind, name: string, now: number): boolean {
		return isLive(this.#quarantine.get(kind)?.get(name), now);
	}
}

const finite = (end: number): number | null => (Number.isFinite(end) ? end : null);
const isLive = (until: number | undefined, now: number) => until !== undefined && now < until;

function mapOf(maps: Map<string, Map<string, number>>, key: string): Map<string, number> {
	let map = maps.get(key);
	if (!map) {
		map = new Map();
		maps.set(key, map);
	}
	return map;
}
