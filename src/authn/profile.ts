/**
 * The profiles: which tokens an issuer's row lets in, before any signature is looked at. Each reads a token's type and
 * claims strictly; what a profile does not name, it does not accept.
 */
import { isOwnIssuer } from "../core/issuer.ts";
import { canonicalAlgorithm } from "../core/jwks.ts";
import { LIMITS } from "../core/limits.ts";
import { type Passport, readPassport } from "../core/passport/passport.ts";
import type { SubjectKind } from "../core/request.ts";
import { parseSpiffeId } from "../core/spiffe.ts";
import { readOrigin, type TokenOrigin } from "../core/token-origin.ts";
import type { Issuer } from "./issuers.ts";
import type { UnverifiedToken } from "./jws.ts";
import { isSubject, isText, isTokenId } from "./names.ts";
import { invalid, type Refusal, type TokenFault } from "./refusal.ts";
import { readScopes } from "./scope.ts";
import { readTimes, type Times } from "./times.ts";

type Claims = Readonly<Record<string, unknown>>;

/** What the claims say, once their form is sound. */
export interface Statement {
	/** As the issuer writes it. */
	readonly subject: string;
	readonly subjectKind: SubjectKind;
	readonly id: string | null;
	readonly scopes: readonly string[];
	readonly times: Times;
	/** The one that the token carries; null when it carries none that counts. */
	readonly passport: Passport | null;
	/** Of a token of ours that was given in exchange: for which one. */
	readonly origin: TokenOrigin | null;
}

/** What the profiles differ in. */
type Reading = Pick<Statement, "subject" | "subjectKind" | "id" | "scopes"> &
	Partial<Pick<Statement, "passport" | "origin">>;

/** Reads a token as its issuer's profile has it: algorithm, type, claims, audience, scopes, and the longest lifetime. */
export function readStatement(issuer: Issuer, token: UnverifiedToken): Statement | Refusal {
	if (!issuer.verifiable) return invalid("unsupported");
	if (!issuer.algorithms.includes(canonicalAlgorithm(token.alg))) return invalid("algorithm");
	const reading = readByProfile(issuer, token);
	if (typeof reading === "string") return invalid(reading);
	const fault = judgeAudience(token.claims.aud, issuer.audiences);
	if (fault) return invalid(fault);
	const times = readTimes(token.claims, issuer.row.max_lifetime);
	if (typeof times === "string") return invalid(times);
	return { passport: null, origin: null, ...reading, times };
}

function readByProfile(issuer: Issuer, token: UnverifiedToken): Reading | TokenFault {
	switch (issuer.row.profile) {
		case "rfc9068":
			return readRfc9068(issuer, token);
		case "jwt_svid":
			return readJwtSvid(issuer, token);
		case "kubernetes":
			return readKubernetes(issuer, token);
		case "oidc":
			return readOidc(issuer, token);
		default:
			return "unsupported";
	}
}

/** RFC 9068, sections 2.1, 2.2 and 4. Those that Firebreak signed say who is who, and where they may be used, in a claim. */
function readRfc9068({ row }: Issuer, { typ, claims }: UnverifiedToken): Reading | TokenFault {
	if (!isAccessTokenType(typ)) return "type";
	const { sub, client_id: client, iat, jti } = claims;
	if (!isSubject(sub) || !isText(client) || !isTokenId(jti) || iat === undefined) return "claims";
	const scopes = readScopes(claims.scope, false);
	if (!scopes) return "scope";
	if (!isOwnIssuer(row)) return { subject: sub, subjectKind: kindOf(sub === client), id: jti, scopes };
	const own = readOwnClaim(claims.firebreak);
	if (own === null) return "claims";
	return { subject: sub, subjectKind: own.kind, id: jti, scopes, passport: own.passport, origin: own.origin };
}

interface OwnClaim {
	readonly kind: SubjectKind;
	readonly passport: Passport;
	readonly origin: TokenOrigin | null;
}

/**
 * The claim `firebreak`: a passport, the kind of the subject, and what it was given in exchange for. Null when it cannot be
 * read, as a whole.
 */
function readOwnClaim(claim: unknown): OwnClaim | null {
	if (typeof claim !== "object" || claim === null) return null;
	const { kind, origin: from, ...json } = claim as Readonly<Record<string, unknown>>;
	const passport = readPassport(json);
	const origin = from === undefined ? null : readOrigin(from, LIMITS.actorDepth);
	if (from !== undefined && origin === null) return null;
	return isKind(kind) && "owner" in passport ? { kind, passport, origin } : null;
}

const isKind = (kind: unknown): kind is SubjectKind => kind === "client" || kind === "user" || kind === "workload";

/**
 * SPIFFE JWT-SVID, sections 2 and 3. `typ` is compared by case, as the standard spells it. A JWT-SVID says who a
 * workload is and grants nothing, so it has no scopes.
 */
function readJwtSvid(issuer: Issuer, { typ, claims }: UnverifiedToken): Reading | TokenFault {
	if (typ !== null && typ !== "JWT" && typ !== "JOSE") return "type";
	if (Object.hasOwn(claims, "events")) return "not_access_token";
	const { sub, jti } = claims;
	if (!isSubject(sub) || !(jti === undefined || isTokenId(jti))) return "claims";
	const workload = parseSpiffeId(sub);
	if (!workload || workload.path === "" || workload.trustDomain !== issuer.options.trustDomain) return "subject";
	return { subject: sub, subjectKind: "workload", id: jti ?? null, scopes: [] };
}

/**
 * Service-account tokens of Kubernetes, as the TokenRequest API makes them (projected volumes). The subject and the claim
 * `kubernetes.io` have to tell the same story. They grant nothing, so they have no scopes. Tokens from secrets, which never
 * end, have neither that claim nor an audience.
 */
function readKubernetes({ options }: Issuer, { typ, claims }: UnverifiedToken): Reading | TokenFault {
	if (typ !== null && typ !== "JWT") return "type";
	const { sub, jti, iat, nbf } = claims;
	if (!isSubject(sub) || !(jti === undefined || isTokenId(jti))) return "claims";
	if (iat === undefined || nbf === undefined) return "claims";
	const [, namespace, name] = SERVICE_ACCOUNT.exec(sub) ?? [];
	if (namespace === undefined || name === undefined) return "subject";
	const { namespace: told, serviceaccount: account, pod } = objectOf(claims["kubernetes.io"]);
	const { name: accountName, uid } = objectOf(account);
	if (told !== namespace || accountName !== name || !isText(uid)) return "claims";
	if (options.requirePod || pod !== undefined) {
		const { name: podName, uid: podUid } = objectOf(pod);
		if (!isText(podName) || !isText(podUid)) return "claims";
	}
	if (options.namespaces !== null && !options.namespaces.includes(namespace)) return "subject";
	return { subject: sub, subjectKind: "workload", id: jti ?? null, scopes: [] };
}

/** A namespace is a DNS label, a service account's name a DNS subdomain (RFC 1123). */
const SERVICE_ACCOUNT =
	/^system:serviceaccount:([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?):([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/;

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** JWT access tokens of providers that do not follow RFC 9068: `options` says which claims carry what. */
function readOidc({ options }: Issuer, { typ, claims }: UnverifiedToken): Reading | TokenFault {
	if (typ !== null && typ.toLowerCase() !== "jwt" && !isAccessTokenType(typ)) return "type";
	if (!isAccessToken(typ, claims, options.scopeClaim)) return "not_access_token";
	const subject = claims[options.subjectClaim];
	const id = claims[options.idClaim ?? "jti"];
	if (!isSubject(subject) || claims.iat === undefined) return "claims";
	if (!isTokenId(id) && (options.idClaim !== null || id !== undefined)) return "claims";
	if (options.tenant && !options.tenant.allowed.includes(claims[options.tenant.claim] as string)) return "tenant";
	const scopes = readScopes(claims[options.scopeClaim], options.scopeArray);
	if (!scopes) return "scope";
	const client = claims.client_id ?? claims.azp ?? claims.appid;
	return { subject, subjectKind: kindOf(subject === client), id: isTokenId(id) ? id : null, scopes };
}

/** Claims of OpenID Connect Core that only ID tokens have (3.1.3.6, 3.3.2.11), and `events` of RFC 8417. */
const OTHER_TOKENS = ["nonce", "at_hash", "c_hash", "s_hash", "events"];

/**
 * Whether a token without RFC 9068's type is meant for an API. An ID token is a token for the client, with the same
 * issuer, keys and often `typ`, so its absence of marks proves nothing: something has to say "access token". That is
 * the type, a scope claim, or the provider's own mark (`token_use` of Cognito, `typ` in the claims of Keycloak).
 */
function isAccessToken(typ: string | null, claims: Claims, scopeClaim: string): boolean {
	if (OTHER_TOKENS.some((name) => Object.hasOwn(claims, name))) return false;
	const marks = [claims.token_use ?? "access", claims.typ ?? "Bearer"];
	if (marks[0] !== "access" || marks[1] !== "Bearer") return false;
	return isAccessTokenType(typ) || [scopeClaim, "token_use", "typ"].some((name) => Object.hasOwn(claims, name));
}

function isAccessTokenType(typ: string | null): boolean {
	const name = typ?.toLowerCase();
	return name === "at+jwt" || name === "application/at+jwt";
}

/**
 * Parts clients from users: a user who registers under a client's `client_id` stays a user (RFC 9068, section 5). A
 * subject means something together with its kind and its issuer only.
 */
const kindOf = (client: boolean): SubjectKind => (client ? "client" : "user");

/** RFC 7519, 4.1.3: one text, or an array of nothing but texts. */
function judgeAudience(claim: unknown, wanted: ReadonlySet<string>): TokenFault | null {
	if (typeof claim === "string") return wanted.has(claim) ? null : "audience";
	if (!Array.isArray(claim)) return claim === undefined ? "audience" : "claims";
	if (!claim.every((audience) => typeof audience === "string")) return "claims";
	return claim.some((audience) => wanted.has(audience)) ? null : "audience";
}
