/**
 * Token exchange (RFC 8693), the judging of it: a token that a workload was given becomes one for a single destination. It
 * is never wider than the one it was, nor than what the policies let that workload do, and worth nothing without the
 * workload's own certificate.
 */
import { holdsScopes } from "../core/decide/match.ts";
import { identify } from "../core/decide/source.ts";
import { foreignSubject } from "../core/foreign-subject.ts";
import { LIMITS } from "../core/limits.ts";
import type { IssuerRow } from "../core/model.ts";
import type { PassportJson } from "../core/passport/passport.ts";
import type { TokenFacts } from "../core/request.ts";
import type { Rule } from "../core/snapshot.ts";
import { writeOrigin } from "../core/token-origin.ts";
import { type Actor, audienceOf, type TokenClaims } from "./claims.ts";
import { KeptClaims } from "./kept-claims.ts";
import type { Reach } from "./reach.ts";

/** The token that is given in exchange, verified, with everything that restricts it. */
export interface SubjectToken {
	readonly token: TokenFacts;
	/** Null: it has none. */
	readonly passport: PassportJson | null;
	/** Seconds since the epoch: the earlier end of the token and of its passport. */
	readonly expiresAt: number;
	/** Seconds since the epoch, or null. */
	readonly notBefore: number | null;
}

export interface Client {
	/** SPIFFE ID. */
	readonly principal: string;
	/** base64url SHA-256 of its certificate. */
	readonly certificateHash: string;
}

export interface ExchangeInput {
	readonly subject: SubjectToken;
	readonly client: Client;
	readonly reach: Reach;
	/** Of the destination's domain; Firebreak signs for it. */
	readonly issuer: IssuerRow;
	/** Null: whatever of the subject token's the policies ask for. */
	readonly scopes: readonly string[] | null;
	readonly id: string;
	/** Milliseconds since the epoch. */
	readonly now: number;
}

/** Codes of RFC 6749, 5.2, and RFC 8693, 2.2.2. `detail` is for operators. */
export interface ExchangeRefusal {
	readonly error: "invalid_request" | "invalid_scope" | "invalid_target";
	readonly detail: string;
}

export function planExchange(input: ExchangeInput): TokenClaims | ExchangeRefusal {
	const { subject, client, issuer, reach, id, now } = input;
	const { token } = subject;
	const judged = cut(input);
	if ("error" in judged) return judged;
	const { scopes, kept } = judged;
	const act = actorOf(token.claims, client.principal);
	if (act === null) return { error: "invalid_request", detail: "actor" };
	const passport = narrow(subject, client, reach);
	const { purposes } = issuer.options;
	if (Array.isArray(purposes) && !purposes.includes(passport.purpose))
		return { error: "invalid_target", detail: "purpose" };
	if (issuer.binding === "dpop") return { error: "invalid_target", detail: "binding" };
	const sub = subjectOf(token, reach);
	if (Buffer.byteLength(sub) > LIMITS.subjectBytes) return { error: "invalid_target", detail: "size" };
	const issuedAt = Math.floor(now / 1_000);
	const longest = issuedAt + Math.floor(Math.min(issuer.max_lifetime, LIMITS.issuedTokenMs / 1_000));
	const expiresAt = Math.floor(Math.min(subject.expiresAt, longest));
	if (expiresAt <= issuedAt) return { error: "invalid_request", detail: "expired" };
	const { notBefore } = subject;
	return {
		...kept,
		iss: issuer.url,
		aud: audienceOf(issuer),
		sub,
		client_id: client.principal,
		jti: id,
		iat: issuedAt,
		...(notBefore !== null && notBefore > issuedAt && { nbf: notBefore }),
		exp: expiresAt,
		...(scopes.length > 0 && { scope: scopes.join(" ") }),
		cnf: { "x5t#S256": client.certificateHash },
		act,
		firebreak: { ...passport, kind: token.subjectKind, origin: writeOrigin(token) },
	};
}

/**
 * Across domains a subject is named together with its issuer: an issuer of the other domain can name anybody, also whom the
 * destination's domain knows by that name. A workload keeps its SPIFFE ID where it belongs to the domain that the issuer speaks
 * for, as the workload that asks does: a key stolen there names no workload of another domain.
 */
function subjectOf({ issuer, subject, subjectKind }: TokenFacts, { snapshot, source, destination }: Reach): string {
	if (source.domain === destination.domain) return subject;
	const isTheirs = subjectKind === "workload" && identify(snapshot, subject).segment?.domain === source.domain;
	return isTheirs ? subject : foreignSubject(issuer, subject);
}

interface Cut {
	readonly scopes: readonly string[];
	/** Claims that go along. */
	readonly kept: Readonly<Record<string, unknown>>;
}

/**
 * What the rules judge the new token by. None is given where one of them could judge it otherwise than the subject token: a
 * deny of whatever scopes, and an allow whose scopes the new token would hold.
 */
function cut({ subject: { token }, reach, scopes }: ExchangeInput): Cut | ExchangeRefusal {
	const claims = new KeptClaims(token, reach);
	const fits = (rule: Rule) => claims.fits(rule);
	const denies = [...reach.denies, ...reach.upcoming.filter(({ deny }) => deny)];
	const allows = reach.allows.filter(fits);
	if (allows.length === 0 || !denies.every(fits)) return CONDITION;
	const wanted = cutScopes(token, scopes, allows, denies);
	if (!Array.isArray(wanted)) return wanted as ExchangeRefusal;
	const opening = [...reach.allows, ...reach.upcoming].filter(({ deny }) => !deny);
	if (opening.some((rule) => !fits(rule) && holdsScopes(rule, wanted))) return CONDITION;
	// A scope that a registration took away may stay to be denied by, not to pass by.
	const regained = wanted.filter((scope) => !token.scopes.includes(scope));
	const passing = new Set(opening.flatMap(scopesOf));
	if (regained.some((scope) => passing.has(scope))) return { error: "invalid_target", detail: "scope" };
	return { scopes: wanted, kept: claims.readBy([...reach.allows, ...reach.denies, ...reach.upcoming]) };
}

/** All that a rule asks for, or knows a token by. */
const scopesOf = ({ scopes, scopesAny }: Rule): readonly string[] => [...scopes, ...scopesAny];

const CONDITION: ExchangeRefusal = { error: "invalid_target", detail: "condition" };

/**
 * Only what the subject token holds and some rule asks for; and enough of it that some rule is satisfied. A scope by which a
 * deny rule knows the token stays with it: left out, it would open what the subject token may not.
 * @param asked null: whatever the rules ask for.
 */
function cutScopes(
	{ scopes: held, allScopes: known }: TokenFacts,
	asked: readonly string[] | null,
	allows: readonly Rule[],
	denies: readonly Rule[],
): readonly string[] | ExchangeRefusal {
	const refusing = denies.flatMap(scopesOf);
	const useful = new Set(allows.flatMap(scopesOf));
	const wanted = [...new Set(asked ?? held.filter((scope) => useful.has(scope)))];
	if (!wanted.every((scope) => held.includes(scope))) return { error: "invalid_scope", detail: "beyond_subject" };
	if (!wanted.every((scope) => useful.has(scope))) return { error: "invalid_scope", detail: "beyond_policy" };
	const kept = known.filter((scope) => refusing.includes(scope));
	if (allows.some((rule) => holdsScopes(rule, wanted))) return [...new Set([...wanted, ...kept])];
	return { error: "invalid_scope", detail: "insufficient" };
}

/** All restrictions of the subject token, and those to this workload and this destination. */
function narrow({ passport }: SubjectToken, client: Client, { source, destination }: Reach): PassportJson {
	const { owner = source.owner, purpose = "token exchange", networks, device, windows } = passport ?? {};
	const shared = source.environment === destination.environment ? source.environment : undefined;
	const environment = passport?.environment ?? shared;
	return {
		owner,
		purpose,
		sources: [client.principal],
		destinations: [destination.name],
		...(networks && { networks }),
		...(environment !== undefined && { environment }),
		...(device !== undefined && { device }),
		...(windows && { windows }),
	};
}

/**
 * This workload in front of those that acted before (RFC 8693, 4.1). Null when the token lets another one act (`may_act`,
 * 4.4), its chain cannot be read, or is as long as it may be.
 */
function actorOf(claims: TokenFacts["claims"], principal: string): Actor | null {
	const { act, may_act: may } = claims;
	if (may !== undefined && (typeof may !== "object" || (may as { sub?: unknown } | null)?.sub !== principal))
		return null;
	if (act === undefined) return { sub: principal };
	const earlier = readActor(act, LIMITS.actorDepth - 1);
	return earlier && { sub: principal, act: earlier };
}

function readActor(value: unknown, depth: number): Actor | null {
	if (typeof value !== "object" || value === null || depth === 0) return null;
	const { sub, act } = value as Readonly<Record<string, unknown>>;
	if (typeof sub !== "string" || sub === "" || sub.length > LIMITS.spiffeIdBytes) return null;
	if (act === undefined) return { sub };
	const earlier = readActor(act, depth - 1);
	return earlier && { sub, act: earlier };
}
