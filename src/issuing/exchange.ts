/**
 * Token exchange (RFC 8693), the judging of it: a token that a workload was given becomes one for a single destination. It
 * is never wider than the one it was, nor than what the policies let that workload do, and worth nothing without the
 * workload's own certificate.
 */
import { ANY_CLAIM } from "../core/condition/condition.ts";
import { holdsScopes } from "../core/decide/match.ts";
import { foreignSubject } from "../core/foreign-subject.ts";
import { LIMITS } from "../core/limits.ts";
import type { IssuerRow } from "../core/model.ts";
import type { PassportJson } from "../core/passport/passport.ts";
import type { TokenFacts } from "../core/request.ts";
import type { Rule } from "../core/snapshot.ts";
import { parseSpiffeId } from "../core/spiffe.ts";
import { type Actor, audienceOf, type TokenClaims } from "./claims.ts";
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
	const scopes = cutScopes(input);
	if (!Array.isArray(scopes)) return scopes as ExchangeRefusal;
	const kept = keptClaims(input);
	if (kept === null) return { error: "invalid_target", detail: "condition" };
	const act = actorOf(token.claims, client.principal);
	if (act === null) return { error: "invalid_request", detail: "actor" };
	const passport = narrow(subject, client, reach);
	const { purposes } = issuer.options;
	if (Array.isArray(purposes) && !purposes.includes(passport.purpose))
		return { error: "invalid_target", detail: "purpose" };
	if (issuer.binding === "dpop") return { error: "invalid_target", detail: "binding" };
	const issuedAt = Math.floor(now / 1_000);
	const longest = issuedAt + Math.floor(Math.min(issuer.max_lifetime, LIMITS.issuedTokenMs / 1_000));
	const expiresAt = Math.floor(Math.min(subject.expiresAt, longest));
	if (expiresAt <= issuedAt) return { error: "invalid_request", detail: "expired" };
	const { notBefore } = subject;
	return {
		...kept,
		iss: issuer.url,
		aud: audienceOf(issuer),
		sub: subjectOf(token, reach),
		client_id: client.principal,
		jti: id,
		iat: issuedAt,
		...(notBefore !== null && notBefore > issuedAt && { nbf: notBefore }),
		exp: expiresAt,
		...(scopes.length > 0 && { scope: scopes.join(" ") }),
		cnf: { "x5t#S256": client.certificateHash },
		act,
		firebreak: { ...passport, kind: token.subjectKind },
	};
}

/**
 * Across domains a subject is named together with its issuer: an issuer of the other domain can name anybody, also whom the
 * destination's domain knows by that name. A workload's SPIFFE ID means the same everywhere.
 */
function subjectOf({ issuer, subject, subjectKind }: TokenFacts, { source, destination }: Reach): string {
	if (source.domain === destination.domain) return subject;
	return subjectKind === "workload" && parseSpiffeId(subject) !== null ? subject : foreignSubject(issuer, subject);
}

/**
 * Claims that conditions read stay as they were within a domain, so that they judge the new token as they did the old one:
 * without them a deny of whoever is a `contractor` would miss. Null when a deny reads what cannot stay: claims that are the new
 * token's own, a `sub` that was not the subject's name, and over a border all that another domain's issuer says.
 */
function keptClaims({ subject: { token }, reach }: ExchangeInput): Readonly<Record<string, unknown>> | null {
	const { claims } = token;
	const within = reach.source.domain === reach.destination.domain;
	const canStay = (name: string) => within && !OWN_CLAIMS.has(name) && name !== ANY_CLAIM;
	// Over a border the subject has another name, by which the deny rules there know it.
	const isSame = (name: string) => (name === "sub" ? !within || claims.sub === token.subject : canStay(name));
	if (!reach.denies.flatMap(claimsRead).every(isSame)) return null;
	const read = new Set([...reach.allows, ...reach.denies].flatMap(claimsRead));
	const names = Object.keys(claims).filter((name) => canStay(name) && (read.has(name) || read.has(ANY_CLAIM)));
	return Object.fromEntries(names.map((name) => [name, claims[name]]));
}

const claimsRead = ({ condition }: Rule): readonly string[] => condition?.claims ?? [];

/** What the new token says for itself, or not at all. */
const OWN_CLAIMS: ReadonlySet<string> = new Set(
	"iss aud sub client_id jti iat nbf exp scope cnf act may_act firebreak".split(" "),
);

/**
 * Only what the subject token holds and some rule asks for; and enough of it that some rule is satisfied. A scope by which a
 * deny rule knows the token stays with it: left out, it would open what the subject token may not.
 */
function cutScopes({ subject, reach, scopes }: ExchangeInput): readonly string[] | ExchangeRefusal {
	const held = subject.token.scopes;
	const refusing = reach.denies.flatMap((rule) => [...rule.scopes, ...rule.scopesAny]);
	const useful = new Set(reach.allows.flatMap((rule) => [...rule.scopes, ...rule.scopesAny]));
	const wanted = [...new Set(scopes ?? held.filter((scope) => useful.has(scope)))];
	if (!wanted.every((scope) => held.includes(scope))) return { error: "invalid_scope", detail: "beyond_subject" };
	if (!wanted.every((scope) => useful.has(scope))) return { error: "invalid_scope", detail: "beyond_policy" };
	const kept = held.filter((scope) => refusing.includes(scope));
	if (reach.allows.some((rule) => holdsScopes(rule, wanted))) return [...new Set([...wanted, ...kept])];
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
