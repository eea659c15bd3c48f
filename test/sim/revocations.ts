/** What the lane is about in the simulation, and what it means, read naively. */
import type { RevocableToken } from "../../src/core/lane/revocations.ts";
import type { LaneRow, QuarantineKind } from "../../src/core/model.ts";
import { ISSUER, workload } from "./company.ts";
import type { LaneEntry } from "./database.ts";

/** Seconds since the epoch; tokens are issued one second apart, by turns to two subjects. */
export const ISSUED = Date.UTC(2026, 0, 1) / 1_000;
export const TOKENS: readonly RevocableToken[] = Array.from({ length: 10 }, (_, index) => ({
	issuer: ISSUER,
	id: `t${index}`,
	subject: `subject-${index % 2}`,
	issuedAt: ISSUED + index,
	keyThumbprint: `key-${index % 3}`,
}));

/** What servers are told beforehand; the newest row of each holds. */
const TOLD_KINDS = ["passport", "api_key", "domain_key"] as const;
type ToldKind = (typeof TOLD_KINDS)[number];
const QUARANTINED_KINDS = ["workload", "segment", "domain", "key"] as const;
export type QuarantinedKind = (typeof QUARANTINED_KINDS)[number];
export const LANE_KINDS = ["token", "before", ...QUARANTINED_KINDS, ...TOLD_KINDS] as const;
export type LaneKind = (typeof LANE_KINDS)[number];

/** A row that revokes, quarantines or tells; `n` picks what. */
export function laneRow(kind: LaneKind, n: number, until: number | null): Omit<LaneRow, "seq"> {
	const token = TOKENS[n % TOKENS.length]!;
	if (kind === "token") {
		return { kind: "revoke_token", key: token.id!, payload: { issuer: ISSUER, token_id: token.id }, until };
	}
	if (kind === "before") {
		const subject = n % 3 === 0 ? null : token.subject;
		const payload = { issuer: ISSUER, issued_before: ISSUED + (n % 4), subject };
		return { kind: "revoke_before", key: `${subject}`, payload, until: null };
	}
	if (kind === "passport" || kind === "api_key" || kind === "domain_key") return toldRow(kind, n, until);
	return { kind: "quarantine", key: `${kind}:${nameOf(kind, n)}`, payload: { kind, name: nameOf(kind, n) }, until };
}

/** The same name comes with different contents, some of which cannot be read. */
function toldRow(kind: ToldKind, n: number, until: number | null): Omit<LaneRow, "seq"> {
	if (kind === "domain_key") {
		const kid = `k${n % 4}`;
		const jwk = {
			kty: "OKP",
			crv: n % 7 === 0 ? "Ed999" : "Ed25519",
			x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
			kid,
		};
		return { kind, key: `internal ${kid}`, payload: { domain: "internal", kid, jwk, from: ISSUED + n }, until };
	}
	const id = `t${n % TOKENS.length}`;
	const passport = { owner: `o${n % 3}`, purpose: "p", ...(n % 5 === 0 && { moon: "full" }) };
	const token = { issuer: ISSUER, token_id: id, expires: ISSUED + n, scopes: [], passport };
	const key = { digest: `digest ${id}`, subject: "s", issued_at: ISSUED };
	return { kind, key: `${ISSUER} ${id}`, payload: { ...token, ...(kind === "api_key" && key) }, until };
}

export function liftRow(kind: QuarantinedKind, n: number): Omit<LaneRow, "seq"> {
	return { kind: "lift", key: `${kind}:${nameOf(kind, n)}`, payload: { kind, name: nameOf(kind, n) }, until: null };
}

const nameOf = (kind: QuarantineKind | LaneKind, n: number): string => {
	const name = ["a", "b", "c", "d", "e"][n % 5]!;
	if (kind === "workload") return workload(name);
	if (kind === "domain") return n % 2 === 0 ? "internal" : "partner";
	return kind === "key" ? `key-${n % 3}` : name;
};

/** Since when something in the lane holds the token at `now`, or null. */
export function revokedSince(lane: readonly LaneEntry[], token: RevocableToken, now: number): number | null {
	const { issuer, id, subject, keyThumbprint } = token;
	// Nothing brings a revoked token back: whichever row holds longest.
	const own = lane.filter(({ row }) => row.kind === "revoke_token" && row.payload.token_id === id && isLive(row, now));
	const before = lane.filter(
		({ row: { kind, payload } }) =>
			kind === "revoke_before" &&
			payload.issuer === issuer &&
			(payload.subject === null || payload.subject === subject) &&
			(token.issuedAt ?? Number.NEGATIVE_INFINITY) < (payload.issued_before as number),
	);
	const sinces = [
		...own.map(({ since }) => since),
		...before.map(({ since }) => since),
		quarantinedSince(lane, "key", keyThumbprint ?? "", now),
	].filter((since) => since !== null);
	return sinces.length === 0 ? null : Math.min(...sinces);
}

/** Since when the name is in quarantine at `now`, or null. */
export function quarantinedSince(
	lane: readonly LaneEntry[],
	kind: QuarantineKind,
	name: string,
	now: number,
): number | null {
	const last = lane.findLast(({ row: { payload } }) => payload.kind === kind && payload.name === name);
	return last?.row.kind === "quarantine" && isLive(last.row, now) ? last.since : null;
}

/** Whether a later row of the same subject leaves nothing of this one. */
export function isSupersededBy(row: LaneRow, later: LaneRow): boolean {
	if (row.kind === "revoke_before") return false;
	if (row.kind !== "revoke_token") return true;
	return later.until === null || (row.until !== null && row.until <= later.until);
}

const isLive = ({ until }: LaneRow, now: number): boolean => until === null || now < until;
