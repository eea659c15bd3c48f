/**
 * Refusals of credentials: each reason with every detail that it can carry. Callers see one public text for all of
 * them; the detail is for records, spans and explanations, so its words are stable.
 */
import type { CredentialReason, CredentialVerdict } from "../core/request.ts";

export const CREDENTIAL_DETAILS = {
	credentials_conflict: {
		authorization: "more than one Authorization value, or several in one",
		bearer_and_dpop: "a bearer token together with a DPoP proof",
	},
	token_missing: {
		absent: "no Authorization header",
		scheme: "an Authorization scheme that carries no token",
		empty: "the scheme without a token",
	},
	token_invalid: {
		size: "longer than LIMITS.tokenBytes",
		malformed: "no strict compact JWS with JSON objects inside",
		duplicate_member: "a JSON member that occurs twice",
		depth: "JSON nested deeper than LIMITS.tokenJsonDepth",
		header: "a header member of the wrong kind, b64, or zip",
		critical: "a crit header: no extension is understood",
		algorithm: "an algorithm off the issuer's list, none, a MAC, or one that the key was not made for",
		type: "typ of another kind of token than the profile's",
		issuer: "an issuer that does not count in the destination's domain, or none",
		unsupported: "a profile or options of the issuer that this version does not verify",
		claims: "a claim that the profile demands is missing or of the wrong kind",
		audience: "the token is for another service",
		subject: "a subject that the issuer may not speak for",
		tenant: "a tenant of the issuer that is not allowed",
		not_access_token: "an ID token, logout token or security event in place of an access token",
		scope: "a scope claim that is malformed",
		lifetime: "valid for longer than the issuer's max_lifetime",
		expired: "past its expiry",
		not_yet_valid: "before its nbf",
		issued_in_future: "its iat lies in the future",
		key_unknown: "signed with a key that the issuer does not publish",
		signature: "the signature does not verify",
	},
	token_revoked: {
		token: "this token was revoked",
		before: "every token of its subject or issuer from before an instant was revoked",
		issuer: "its issuer is quarantined",
		key: "the key that signed it is quarantined",
	},
	proof_invalid: {
		duplicate: "more than one DPoP proof",
	},
	binding_mismatch: {
		unsupported: "a binding that is demanded or presented, and that this version does not verify",
		proof_missing: "a token bound to a DPoP key, presented as a bearer token",
		confirmation: "cnf of an unknown kind",
	},
	passport_missing: {
		unsupported: "a passport is demanded, and this version does not know any",
	},
	keys_unavailable: {
		no_keys: "the issuer's keys were never fetched, or those in its row are unsound",
		stale: "the issuer's keys could not be fetched for longer than LIMITS.jwksStaleMs",
		fetch_failing: "the key is not among those known, and newer ones cannot be fetched",
	},
} as const satisfies Readonly<Partial<Record<CredentialReason, Readonly<Record<string, string>>>>>;

type Details = typeof CREDENTIAL_DETAILS;
export type Refusal = Extract<CredentialVerdict, { kind: "refused" }>;
/** A detail of `token_invalid`, by far the commonest reason. */
export type TokenFault = keyof Details["token_invalid"];

const refusals = new Map<string, Refusal>();
for (const [reason, details] of Object.entries(CREDENTIAL_DETAILS)) {
	for (const detail of Object.keys(details)) {
		const refusal: Refusal = Object.freeze({ kind: "refused", reason: reason as keyof Details, detail });
		refusals.set(`${reason} ${detail}`, refusal);
	}
}

/** The refusal of a reason with one of its details; always the same frozen object. */
export function refuse<R extends keyof Details>(reason: R, detail: keyof Details[R] & string): Refusal {
	return refusals.get(`${reason} ${detail}`)!;
}

/** `token_invalid` with a detail. */
export function invalid(detail: TokenFault): Refusal {
	return refuse("token_invalid", detail);
}

export function isRefusal(value: unknown): value is Refusal {
	return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "refused";
}
