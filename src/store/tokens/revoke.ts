/** Revocations of tokens, one by one and by what they have in common. */
import type { ClientBase } from "pg";
import { looksLikeCredential } from "../../core/credential-text.ts";
import { FirebreakError } from "../../core/errors.ts";
import { foreignSubject } from "../../core/foreign-subject.ts";
import { inTransaction, type LaneReceipt, orderOnLane } from "../order.ts";
import { listRevocable } from "./passports.ts";

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
}

/**
 * Revokes at once, all of it or nothing. What is revoked already stays so, with its first receipt.
 * @throws FirebreakError usage, store_unsuitable, timeout, dependency_unreachable
 */
export async function revoke(client: ClientBase, order: RevocationOrder, reason: string): Promise<Revoked> {
	return inTransaction(client, async () => {
		switch (order.by) {
			case "id":
				if (looksLikeCredential(order.tokenId)) throw credentialGiven();
				return revokeTokens(client, [order], reason);
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

/** What is revoked is kept for ever, in sight of whoever reads the lane: never a token itself. */
function credentialGiven(): FirebreakError {
	const cure = "name the claim jti of a token; firebreak token show --token-file tells the id of either";
	return new FirebreakError("usage", "a token or an API key was given in the place of its id; nothing was revoked", {
		problems: [{ object: "token_id", message: "it is the credential itself", cure }],
	});
}

type TokenName = Revoked["tokens"][number];

async function known(
	client: ClientBase,
	order: Extract<RevocationOrder, { by: "owner" | "segment" }>,
): Promise<readonly TokenName[]> {
	const of = order.by === "owner" ? { owner: order.owner, segment: null } : { owner: null, segment: order.segment };
	const tokens = await listRevocable(client, of, MOST_AT_ONCE + 1);
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

async function revokeTokens(client: ClientBase, tokens: readonly TokenName[], reason: string): Promise<Revoked> {
	const text = "select firebreak.revoke_token(issuer => $1, token_id => $2, reason => $3) as seq";
	let receipt: LaneReceipt | null = null;
	for (const { issuer, tokenId } of tokens) {
		const next = await orderOnLane(client, `token ${tokenId}`, text, [issuer, tokenId, reason]);
		receipt = later(receipt, next);
	}
	return { receipt, tokens: tokens.map(({ issuer, tokenId }) => ({ issuer, tokenId })), issuers: [] };
}

/** `subject` null: every subject of the issuer. */
interface Subject {
	readonly issuer: string;
	readonly subject: string | null;
}

async function revokeBefore(client: ClientBase, subjects: readonly Subject[], reason: string): Promise<Revoked> {
	const text = `select firebreak.revoke_before(issuer => $1, issued_before => clock_timestamp(), reason => $2,
		subject => $3) as seq`;
	let receipt: LaneReceipt | null = null;
	for (const { issuer, subject } of subjects) {
		const next = await orderOnLane(client, `issuer ${issuer}`, text, [issuer, reason, subject]);
		receipt = later(receipt, next);
	}
	return { receipt, tokens: [], issuers: [...new Set(subjects.map(({ issuer }) => issuer))] };
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
