/** What operators send, checked. */
import { z } from "zod";
import { holdsCredential } from "../core/credential-text.ts";
import { parseDuration } from "../core/duration.ts";
import { LIMITS } from "../core/limits.ts";
import { QUARANTINE_KINDS, type QuarantineKind } from "../core/model.ts";
import type { PassportFilter } from "../store/tokens/passports.ts";
import type { RevocationOrder } from "../store/tokens/revoke.ts";
import { count, instant, read } from "./input.ts";
import { HttpProblem } from "./problem.ts";

/** What is written is kept for ever, in sight of whoever reads it: never a credential that somebody pasted. */
const text = (most: number) =>
	z
		.string()
		.min(1)
		.max(most)
		.refine(
			(given) => !holdsCredential(given),
			"holds a credential; name a token by its id, and take this one for leaked",
		);
/** Subjects and workloads are the longest. */
const name = text(LIMITS.subjectBytes);
const tokenId = text(LIMITS.tokenIdBytes);
const reason = text(LIMITS.reasonBytes);
const back = z
	.string()
	.transform((text) => parseDuration(text))
	.refine((ms) => ms !== null, "is no duration such as 7d");

const TOKENS = z.strictObject({
	owner: name.optional(),
	segment: name.optional(),
	subject: name.optional(),
	issuer: name.optional(),
	expires_within: back.optional(),
	unused_since: back.optional(),
	all: z.enum(["true", "false"]).default("false"),
	limit: count.default(100),
});

/** The query of `GET /v1/tokens`. @throws HttpProblem 400 */
export function readTokensQuery(query: unknown, now: number): { filter: PassportFilter; limit: number } {
	const {
		owner,
		segment,
		subject,
		issuer,
		expires_within: within,
		unused_since: since,
		all,
		limit,
	} = read(TOKENS, query);
	const filter = {
		owner: owner ?? null,
		segment: segment ?? null,
		subject: subject ?? null,
		issuer: issuer ?? null,
		expiresBefore: typeof within === "number" ? new Date(now + within) : null,
		unusedSince: typeof since === "number" ? new Date(now - since) : null,
		all: all === "true",
	};
	return { filter, limit };
}

/** @throws HttpProblem 400 */
export function readTokenName(id: string, query: unknown): { issuer: string; id: string } {
	const { issuer } = read(z.strictObject({ issuer: name }), query);
	return { issuer, id };
}

/** @throws HttpProblem 400 */
export function readLimit(query: unknown): number {
	return read(z.strictObject({ limit: count.default(100) }), query).limit;
}

const REVOCATION = z.strictObject({
	issuer: name.optional(),
	token_id: tokenId.optional(),
	subject: name.optional(),
	owner: name.optional(),
	segment: name.optional(),
	all: z.literal(true).optional(),
	reason,
});

/**
 * The body of `POST /v1/revocations`: `issuer` and `token_id`; or `owner`; or `segment`; or `subject`, with or without
 * `issuer`; or `issuer` and `all`. Exactly one of them: a slip must not revoke more.
 * @throws HttpProblem 400
 */
export function readRevocation(body: unknown): { order: RevocationOrder; reason: string } {
	const { reason, ...said } = read(REVOCATION, body);
	const { issuer = "", token_id: tokenId = "", subject = "", owner = "", segment = "" } = said;
	const orders: Readonly<Record<string, RevocationOrder>> = {
		"issuer,token_id": { by: "id", issuer, tokenId },
		owner: { by: "owner", owner },
		segment: { by: "segment", segment },
		subject: { by: "subject", subject, issuer: null },
		"issuer,subject": { by: "subject", subject, issuer },
		"all,issuer": { by: "issuer", issuer },
	};
	const fields = Object.entries(said).flatMap(([field, value]) => (value === undefined ? [] : [field]));
	const order = orders[fields.toSorted().join()];
	if (order) return { order, reason };
	throw new HttpProblem(
		400,
		"Name what is to be revoked in one way: issuer and token_id, owner, segment, subject with or without issuer, or issuer and all",
	);
}

const ORDER = { kind: z.enum(QUARANTINE_KINDS), name, reason };
const QUARANTINE = z.strictObject({ ...ORDER, until: z.string().nullable().default(null) });

export interface QuarantineBody {
	readonly kind: QuarantineKind;
	readonly name: string;
	readonly reason: string;
	/** Null: until it is lifted. */
	readonly until: Date | null;
}

/**
 * The body of `POST /v1/quarantines`; `until` is an instant, or how long from now. One that is past would end what is in
 * force, under the name of its opposite.
 * @throws HttpProblem 400
 */
export function readQuarantine(body: unknown, now: number): QuarantineBody {
	const { until, ...order } = read(QUARANTINE, body);
	if (until === null) return { ...order, until };
	const ms = parseDuration(until);
	const at = ms === null ? instant.safeParse(until).data : now + ms;
	if (at === undefined)
		throw wrongUntil("is neither an instant such as 2026-01-31T12:00:00Z nor a duration such as 2h");
	if (at <= now) throw wrongUntil("is past; DELETE /v1/quarantines ends a quarantine");
	return { ...order, until: new Date(at) };
}

const wrongUntil = (message: string) => new HttpProblem(400, "The request is wrong", [{ field: "until", message }]);

/** The query of `DELETE /v1/quarantines`. @throws HttpProblem 400 */
export function readLiftQuery(query: unknown): Omit<QuarantineBody, "until"> {
	return read(z.strictObject(ORDER), query);
}
