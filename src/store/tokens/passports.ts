/** The table firebreak.passport: whose each token is, what for, and where it may be used. Never a token. */
import type { ClientBase } from "pg";
import { LIMITS } from "../../core/limits.ts";
import type { PassportJson, WindowJson } from "../../core/passport/passport.ts";
import { holdLane, type LaneReceipt, orderOnLane } from "../order.ts";

export const PASSPORT_KINDS = ["issued", "registered", "api_key"] as const;
export type PassportKind = (typeof PASSPORT_KINDS)[number];

export interface NewPassport {
	readonly issuer: string;
	readonly tokenId: string;
	readonly kind: PassportKind;
	readonly subject: string | null;
	readonly scopes: readonly string[];
	readonly passport: PassportJson;
	readonly notBefore: Date | null;
	readonly expires: Date;
	/** `jkt:<thumbprint>` or `x5t#S256:<hash>`. */
	readonly binding: string | null;
	/** base64url SHA-256 of an API key. */
	readonly digest: string | null;
	/** `iat`, by the database's clock; null: not known. */
	readonly issuedAt: Date | null;
}

export interface PassportRow extends Omit<NewPassport, "digest"> {
	readonly lastSeen: Date | null;
	readonly uses: number;
	readonly createdAt: Date;
	readonly createdBy: string;
	readonly replacedBy: string | null;
	/** From when it counts no more, by an order of its own or one about its subject or issuer; null while there is none. */
	readonly revokedFrom: Date | null;
}

/**
 * Writes the record of one token.
 * @returns the lane's receipt; null when servers need not be told, since the token carries it all itself.
 * @throws FirebreakError usage, store_unsuitable, timeout, dependency_unreachable
 */
export async function registerPassport(client: ClientBase, given: NewPassport): Promise<LaneReceipt | null> {
	const { passport } = given;
	return orderOnLane(client, `token ${given.tokenId}`, REGISTER, [
		given.issuer,
		given.tokenId,
		passport.owner,
		passport.purpose,
		given.expires,
		given.kind,
		given.subject,
		given.scopes,
		passport.sources ?? [],
		passport.destinations ?? [],
		passport.networks ?? [],
		passport.environment ?? null,
		passport.device ?? null,
		JSON.stringify(passport.windows ?? []),
		given.notBefore,
		given.binding,
		given.digest,
		given.issuedAt,
	]);
}

/** Null when no token of this id is known. */
export async function findPassport(client: ClientBase, issuer: string, tokenId: string): Promise<PassportRow | null> {
	const { rows } = await client.query<Row>(`${SELECT} where p.issuer = $1 and p.token_id = $2`, [issuer, tokenId]);
	return rows[0] ? rowOf(rows[0]) : null;
}

/**
 * The same within a transaction, and nobody changes or revokes it until that is over. `now` is the database's, milliseconds
 * since the epoch.
 * @throws FirebreakError store_unsuitable, timeout
 */
export async function holdPassport(
	client: ClientBase,
	issuer: string,
	tokenId: string,
): Promise<{ readonly row: PassportRow | null; readonly now: number }> {
	await holdLane(client, `token ${tokenId}`);
	await client.query("select from firebreak.passport where issuer = $1 and token_id = $2 for update", [
		issuer,
		tokenId,
	]);
	const { rows } = await client.query<{ now: Date }>("select clock_timestamp() as now");
	return { row: await findPassport(client, issuer, tokenId), now: rows[0]!.now.getTime() };
}

/** The API key of this digest, or null. */
export async function findApiKey(client: ClientBase, digest: string): Promise<PassportRow | null> {
	const { rows } = await client.query<Row>(`${SELECT} where p.digest = $1`, [digest]);
	return rows[0] ? rowOf(rows[0]) : null;
}

export interface PassportFilter {
	readonly owner: string | null;
	/** Among the sources or destinations, or a source is under one of its members. */
	readonly segment: string | null;
	readonly subject: string | null;
	readonly issuer: string | null;
	/** Ends before this instant. */
	readonly expiresBefore: Date | null;
	/** Not used since this instant, nor made since. */
	readonly unusedSince: Date | null;
	/** Those that are over or revoked, too. */
	readonly all: boolean;
}

/** The first to expire comes first. */
export async function listPassports(
	client: ClientBase,
	filter: PassportFilter,
	limit: number = LIMITS.adminRows,
): Promise<readonly PassportRow[]> {
	const { owner, segment, subject, issuer, expiresBefore, unusedSince, all } = filter;
	const values = [owner, segment, subject, issuer, expiresBefore, unusedSince, all, limit];
	const { rows } = await client.query<Row>(LIST, values);
	return rows.map(rowOf);
}

/**
 * Every token of an owner or a segment that servers may still take, the first to expire first: until the clocks' skew is over,
 * and also those of a subject or issuer of which everything older is revoked, since that goes by the token's own clock.
 */
export async function listRevocable(
	client: ClientBase,
	{ owner, segment }: Pick<PassportFilter, "owner" | "segment">,
	limit: number,
): Promise<readonly Pick<PassportRow, "issuer" | "tokenId">[]> {
	const { rows } = await client.query<Pick<Row, "issuer" | "token_id">>(LIST_REVOCABLE, [
		owner,
		segment,
		LIMITS.clockSkewSeconds,
		limit,
	]);
	return rows.map(({ issuer, token_id }) => ({ issuer, tokenId: token_id }));
}

/** Lets a token die at an instant, in favour of another. @throws like {@link registerPassport} */
export async function retireToken(
	client: ClientBase,
	{ issuer, tokenId }: Pick<PassportRow, "issuer" | "tokenId">,
	at: Date,
	reason: string,
	replacedBy: string,
): Promise<LaneReceipt> {
	const text = `select firebreak.retire_token(issuer => $1, token_id => $2, at => $3, reason => $4,
		replaced_by => $5) as seq`;
	return (await orderOnLane(client, `token ${tokenId}`, text, [issuer, tokenId, at, reason, replacedBy]))!;
}

interface Row {
	readonly issuer: string;
	readonly token_id: string;
	readonly kind: PassportKind;
	readonly owner: string;
	readonly purpose: string;
	readonly subject: string | null;
	readonly scopes: string[];
	readonly sources: string[];
	readonly destinations: string[];
	readonly networks: string[];
	readonly environment: string | null;
	readonly device: string | null;
	readonly windows: WindowJson[];
	readonly not_before: Date | null;
	readonly expires: Date;
	readonly binding: string | null;
	readonly last_seen: Date | null;
	readonly uses: string;
	readonly created_at: Date;
	readonly created_by: string;
	readonly replaced_by: string | null;
	readonly revoked_from: number | null;
	readonly issued_at: Date | null;
}

function rowOf(row: Row): PassportRow {
	const { owner, purpose, sources, destinations, networks, environment, device, windows } = row;
	return {
		issuer: row.issuer,
		tokenId: row.token_id,
		kind: row.kind,
		subject: row.subject,
		scopes: row.scopes,
		passport: {
			owner,
			purpose,
			...(sources.length > 0 && { sources }),
			...(destinations.length > 0 && { destinations }),
			...(networks.length > 0 && { networks }),
			...(environment !== null && { environment }),
			...(device !== null && { device }),
			...(windows.length > 0 && { windows }),
		},
		notBefore: row.not_before,
		expires: row.expires,
		binding: row.binding,
		issuedAt: row.issued_at,
		lastSeen: row.last_seen,
		uses: Number(row.uses),
		createdAt: row.created_at,
		createdBy: row.created_by,
		replacedBy: row.replaced_by,
		revokedFrom: row.revoked_from === null ? null : new Date(row.revoked_from * 1_000),
	};
}

const REGISTER = `select firebreak.register_token(issuer => $1, token_id => $2, owner => $3, purpose => $4,
	expires => $5, kind => $6, subject => $7, scopes => $8, sources => $9, destinations => $10,
	networks => $11::text[]::cidr[], environment => $12, device => $13, windows => $14::jsonb, not_before => $15,
	binding => $16, digest => $17, issued_at => $18) as seq`;

/** By an order of its own; the earliest holds, as it does on servers. */
const OWN = `left join lateral (
		select min(coalesce((r.payload ->> 'from')::float8, extract(epoch from r.at)))::float8 as revoked_from
		from firebreak.revocation r
		where r.key = p.issuer || ' ' || p.token_id and r.kind = 'revoke_token'
	) own on true`;

/**
 * By one about everything older of its subject or its issuer. A token is no younger than its record, but for what a server
 * gave in exchange, and dated by a clock that may be ahead.
 */
const OLDER = `left join lateral (
		select min(extract(epoch from r.at))::float8 as revoked_from
		from firebreak.revocation r
		where r.key in (p.issuer, p.issuer || ' ' || p.subject) and r.kind = 'revoke_before'
			and (r.payload ->> 'issued_before')::float8 > extract(epoch from coalesce(p.issued_at, p.created_at))
				- case when starts_with(p.token_id, 'x-') then ${LIMITS.clockSkewSeconds} else 0 end
	) older on true`;

const OF_SEGMENT = `($2 = any (p.destinations) or $2 = any (p.sources) or exists (
	select from unnest(p.sources) source join firebreak.segment_member m on m.segment = $2
	where m.selector = source or m.selector like '%/*' and starts_with(source, left(m.selector, -1))))`;

const SELECT = `
	select p.issuer, p.token_id, p.kind, p.owner, p.purpose, p.subject, p.scopes, p.sources, p.destinations,
		p.networks::text[] as networks, p.environment, p.device, p.windows, p.not_before, p.expires, p.binding, p.last_seen,
		p.uses, p.issued_at, p.created_at, p.created_by, p.replaced_by, least(own.revoked_from, older.revoked_from) as revoked_from
	from firebreak.passport p ${OWN} ${OLDER}`;

const LIST = `${SELECT}
	where ($1::text is null or p.owner = $1) and ($2::text is null or ${OF_SEGMENT})
		and ($3::text is null or p.subject = $3) and ($4::text is null or p.issuer = $4)
		and ($5::timestamptz is null or p.expires < $5)
		and ($6::timestamptz is null or coalesce(p.last_seen, p.created_at) < $6)
		and ($7 or p.expires > now() and (least(own.revoked_from, older.revoked_from) > extract(epoch from now())) is not false)
	order by p.expires, p.issuer, p.token_id limit $8`;

const LIST_REVOCABLE = `
	select p.issuer, p.token_id from firebreak.passport p ${OWN}
	where ($1::text is null or p.owner = $1) and ($2::text is null or ${OF_SEGMENT})
		and p.expires > now() - make_interval(secs => $3)
		and (own.revoked_from > extract(epoch from now())) is not false
	order by p.expires, p.issuer, p.token_id limit $4`;
