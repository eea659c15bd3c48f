/** Revocations of tokens, one by one and by what they have in common. */
import type { ClientBase } from "pg";
import { FirebreakError } from "../../core/errors.ts";
import { foreignSubject } from "../../core/foreign-subject.ts";
import { isOwnIssuer } from "../../core/issuer.ts";
import { LIMITS } from "../../core/limits.ts";
import type { IssuerRow } from "../../core/model.ts";
import { holdLane, inTransaction, type LaneReceipt, orderOnLane } from "../order.ts";
import { findPassport, listRevocable } from "./passports.ts";

/** What is to be revoked. */
export type RevocationOrder =
	| { readonly by: "id"; readonly issuer: string; readonly tokenId: string }
	/** Every token of a subject, known or not, that was issued before now; of one issuer, or of every one. */
	| { readonly by: "subject"; readonly subject: string; readonly issuer: string | null }
	| { readonly by: "issuer"; readonly issuer: string }
	/** Every token that is known to be an owner's. */
	| { readonly by: "owner"; readonly owner: string }
	/** Every known token that names the segment among its sources or destinations. */
	| { readonly by: "segment"; readonly segment: string };

export interface Revoked {
	/** The last of its rows: who enforces that one enforces all. Null: there was nothing to revoke. */
	readonly receipt: LaneReceipt | null;
	/** Tokens that were revoked by their ids. */
	readonly tokens: readonly { readonly issuer: string; readonly tokenId: string }[];
	/** Issuers of which everything older was revoked. */
	readonly issuers: readonly string[];
	/** Until when that had to be issued. */
	readonly before: readonly RevokedBefore[];
}

/**
 * Tokens that were issued before an instant: now, for those of our own issuers, which the database's clock dates as well;
 * for those of others so much later as servers let an issuer's clock be ahead.
 */
export interface RevokedBefore {
	readonly issuer: string;
	/** Null: every one. */
	readonly subject: string | null;
	readonly instant: Date;
	/** By the clock of the database alone. */
	readonly exact: boolean;
}

/**
 * Revokes at once, all of it or nothing. What is revoked already stays so, with its first receipt. What is issued or rotated
 * meanwhile is either done before, and falls under it, or comes after and knows of it.
 * @throws FirebreakError not_found, usage, store_unsuitable, timeout, dependency_unreachable
 */
export async function revoke(client: ClientBase, order: RevocationOrder, reason: string): Promise<Revoked> {
	return inTransaction(client, async () => {
		await holdLane(client, "revocation");
		switch (order.by) {
			case "id":
				return revokeOne(client, order, reason);
			case "owner":
			case "segment":
				return revokeTokens(client, await known(client, order), reason);
			case "issuer":
				return revokeBefore(client, [{ issuer: order.issuer, subject: null }], reason);
			case "subject":
				return revokeBefore(client, await namesOf(client, order.subject, order.issuer), reason);
		}
	});
}

type TokenName = Revoked["tokens"][number];

async function known(
	client: ClientBase,
	order: Extract<RevocationOrder, { by: "owner" | "segment" }>,
): Promise<readonly TokenName[]> {
	const of = order.by === "owner" ? { owner: order.owner, segment: null } : { owner: null, segment: order.segment };
	const tokens = await listRevocable(client, of, MOST_AT_ONCE + 1);
	if (tokens.length === 0) await checkKnown(client, order);
	if (tokens.length <= MOST_AT_ONCE) return tokens;
	throw new FirebreakError("usage", `there are more than ${MOST_AT_ONCE} such tokens; nothing was revoked`, {
		problems: [
			{
				object: `${order.by} ${order.by === "owner" ? order.owner : order.segment}`,
				message: "so many revocations at once would hold up the lane",
				cure: "revoke the subjects or the issuer in place of single tokens, or quarantine what uses them",
			},
		],
	});
}

/** What is stated nowhere is a slip: nobody must take it for revoked. */
async function checkKnown(
	client: ClientBase,
	order: Extract<RevocationOrder, { by: "owner" | "segment" }>,
): Promise<void> {
	const name = order.by === "owner" ? order.owner : order.segment;
	const { rows } = await client.query(KNOWN[order.by], [name]);
	if (rows.length > 0) return;
	throw new FirebreakError("not_found", `there is no ${order.by} ${JSON.stringify(name)}; nothing was revoked`, {
		problems: [
			{
				object: `${order.by} ${name}`,
				message: "no policy states it, and no token that is known names it",
				cure: `name one as the policy set or firebreak token list has it`,
			},
		],
	});
}

const KNOWN = {
	owner: `select from firebreak.owner where name = $1
		union all (select from firebreak.passport where owner = $1 limit 1)`,
	segment: `select from firebreak.segment where name = $1
		union all (select from firebreak.passport where $1 = any (sources) or $1 = any (destinations) limit 1)`,
};

/** Warns of what took its place before: that is another token, and lives on. */
async function revokeOne(client: ClientBase, token: TokenName, reason: string): Promise<Revoked> {
	const { receipt, ...revoked } = await revokeTokens(client, [token], reason);
	const next = (await findPassport(client, token.issuer, token.tokenId))?.replacedBy ?? null;
	if (receipt === null || next === null) return { receipt, ...revoked };
	const warning = `token ${token.tokenId}: ${next} took its place, and is not revoked by this`;
	return { ...revoked, receipt: { ...receipt, warnings: [...receipt.warnings, warning] } };
}

async function revokeTokens(client: ClientBase, tokens: readonly TokenName[], reason: string): Promise<Revoked> {
	const text = "select firebreak.revoke_token(issuer => $1, token_id => $2, reason => $3) as seq";
	let receipt: LaneReceipt | null = null;
	for (const { issuer, tokenId } of tokens) {
		const next = await orderOnLane(client, `token ${tokenId}`, text, [issuer, tokenId, reason]);
		receipt = later(receipt, next);
	}
	return { receipt, tokens: tokens.map(({ issuer, tokenId }) => ({ issuer, tokenId })), issuers: [], before: [] };
}

/** `subject` null: every subject of the issuer. */
interface Subject {
	readonly issuer: string;
	readonly subject: string | null;
}

/** The lane is held, so that nothing is issued between the reading of the clock and the end. */
async function revokeBefore(client: ClientBase, subjects: readonly Subject[], reason: string): Promise<Revoked> {
	const { now, own } = await clockAndIssuers(client);
	const text = "select firebreak.revoke_before(issuer => $1, issued_before => $2, reason => $3, subject => $4) as seq";
	const before = subjects.map(({ issuer, subject }) => {
		const exact = own.has(issuer);
		const instant = new Date(exact ? now : now + LIMITS.clockSkewSeconds * 1_000);
		return { issuer, subject, instant, exact };
	});
	let receipt: LaneReceipt | null = null;
	for (const { issuer, subject, instant } of before) {
		const next = await orderOnLane(client, `issuer ${issuer}`, text, [issuer, instant, reason, subject]);
		receipt = later(receipt, next);
	}
	return { receipt, tokens: [], issuers: [...new Set(subjects.map(({ issuer }) => issuer))], before };
}

/** Milliseconds since the epoch, the next ones so that nothing that was issued already escapes; and who goes by that clock. */
async function clockAndIssuers(client: ClientBase): Promise<{ now: number; own: ReadonlySet<string> }> {
	const { rows } = await client.query<{ now: string; issuers: readonly IssuerRow[] }>(
		`select floor(extract(epoch from clock_timestamp()) * 1000) + 1 as now,
			coalesce((select jsonb_agg(o.spec) from firebreak.object o where o.kind = 'issuer'), '[]') as issuers`,
	);
	const { now, issuers } = rows[0]!;
	const ours = issuers.filter((row) => isOwnIssuer(row) || row.profile === "api_key");
	return { now: Number(now), own: new Set(ours.map(({ url }) => url)) };
}

/**
 * What a subject is called, and by whom: by the issuer, or by every one that is stated or was; and by our own issuers of
 * other domains in tokens that were exchanged for such ones.
 */
async function namesOf(client: ClientBase, subject: string, issuer: string | null): Promise<readonly Subject[]> {
	const { rows } = await client.query<{ url: string }>(
		"select url from firebreak.issuer union select issuer from firebreak.passport where subject = $1 order by url",
		[subject],
	);
	const issuers = issuer === null ? rows.map(({ url }) => url) : [issuer];
	const elsewhere = await client.query<{ issuer: string; subject: string }>(
		"select distinct issuer, subject from firebreak.passport where subject = any ($1) order by issuer, subject",
		[issuers.map((url) => foreignSubject(url, subject))],
	);
	return [...issuers.map((url) => ({ issuer: url, subject })), ...elsewhere.rows];
}

function later(a: LaneReceipt | null, b: LaneReceipt | null): LaneReceipt | null {
	if (a === null || b === null) return a ?? b;
	const last = a.seq > b.seq ? a : b;
	return { ...last, warnings: [...new Set([...a.warnings, ...b.warnings])] };
}

export interface RevocationRow {
	readonly seq: number;
	readonly kind: "revoke_token" | "revoke_before";
	readonly issuer: string;
	readonly tokenId: string | null;
	readonly subject: string | null;
	/** When it begins; null: at once. */
	readonly from: Date | null;
	readonly issuedBefore: Date | null;
	readonly reason: string;
	readonly at: Date;
	readonly by: string;
}

/** Revocations of tokens, the newest first. */
export async function listRevocations(client: ClientBase, limit: number): Promise<readonly RevocationRow[]> {
	const { rows } = await client.query<{
		seq: string;
		kind: RevocationRow["kind"];
		payload: Readonly<Record<string, string | number | null | undefined>>;
		reason: string;
		at: Date;
		by: string;
	}>(
		`select seq, kind, payload, reason, at, "by" from firebreak.revocation
		where kind in ('revoke_token', 'revoke_before') order by seq desc limit $1`,
		[limit],
	);
	return rows.map(({ seq, payload, ...row }) => ({
		...row,
		seq: Number(seq),
		issuer: String(payload.issuer),
		tokenId: (payload.token_id as string | undefined) ?? null,
		subject: (payload.subject as string | undefined) ?? null,
		from: dateOf(payload.from),
		issuedBefore: dateOf(payload.issued_before),
	}));
}

const dateOf = (seconds: unknown): Date | null => (typeof seconds === "number" ? new Date(seconds * 1_000) : null);

/** One transaction holds the lane's counter for so many rows at most. */
const MOST_AT_ONCE = 10_000;
