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
		claims: "a claim that the profile demands is missing, of the wrong kind, or a name longer than servers keep",
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
		checksum: "an API key that was mistyped or made up",
		unknown_key: "an API key that nobody issued, or that was over long ago",
	},
	token_revoked: {
		token: "this token was revoked",
		before: "every token of its subject or issuer from before an instant was revoked",
		issuer: "its issuer is quarantined",
		key: "the key that signed it is quarantined",
		origin: "the token that it was given in exchange for was revoked, in one of these ways",
	},
	proof_invalid: {
		duplicate: "more than one DPoP proof",
		absent: "the scheme DPoP without a proof",
		size: "longer than LIMITS.proofBytes",
		malformed: "no strict compact JWS with JSON objects inside",
		type: "typ other than dpop+jwt",
		algorithm: "none, a MAC, ES384, ES512, or another algorithm that proofs may not have",
		key: "jwk missing, unsound, holding private members, or not fit for the algorithm",
		claims: "jti, htm, htu, ath or iat is missing or of the wrong kind",
		method: "htm is not the request's method",
		target: "htu is not the request's URI",
		token_hash: "ath is not the hash of the token",
		time: "its iat is older than LIMITS.proofSeconds, or lies in the future; or its exp is over, or its nbf is not reached",
		forgotten: "made before the memory of used proofs began: it might have been used",
		signature: "the signature does not verify",
	},
	proof_replayed: {
		used: "the same key used this jti before",
	},
	proof_nonce: {
		absent: "the issuer's options ask for a nonce, and the proof has none",
		stale: "a nonce that is too old, or was never given out",
	},
	binding_mismatch: {
		unbound: "the issuer or the flow demands a bound token, and this one has no cnf",
		other_kind: "bound to another kind of key than its issuer's row demands",
		scheme: "the scheme DPoP with a token that is not bound to the key of a proof",
		proof_missing: "a token bound to a DPoP key, presented as a bearer token",
		proof_key: "the proof was made with another key than the token is bound to",
		certificate_missing: "bound to a certificate, and the caller's is not known",
		certificate: "bound to another certificate than the caller's",
		confirmation: "cnf of an unknown kind, or with several members",
	},
	passport_missing: {
		absent: "the domain takes tokens with a passport alone, and this one is not registered",
	},
	passport_context: {
		environment: "the source or the destination is not in the token's environment",
		source: "a workload that the token was not made for",
		destination: "a service that the token was not made for",
		network: "from an address outside the token's networks, or from one that is not known",
		device: "without the certificate or key that the token belongs to",
		window: "outside the times of the week at which it may be used",
		purpose: "for a purpose that the issuer's options do not name, or for none",
		not_yet_valid: "before the passport's not_before",
		expired: "past the passport's expiry",
		unreadable: "registered with restrictions that this version does not understand",
	},
	replay_store_down: {
		unreachable: "no connection to Redis",
		slow: "Redis did not answer within LIMITS.redisDeadlineMs",
		error: "Redis answered with an error",
		full: "this server remembers LIMITS.replayEntries used proofs, and no more",
		full_of_key: "this server remembers LIMITS.replayEntriesOfKey used proofs of one key, and no more",
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
export type PassportFault = keyof Details["passport_context"];
export type ProofFault = keyof Details["proof_invalid"];

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
