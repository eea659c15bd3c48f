/**
 * WWW-Authenticate: what a caller would have to bring. Sources: RFC 6750 (3), RFC 9449 (7.1), RFC 9110 (11.6.1).
 */
import type { Decision } from "../core/decision.ts";
import type { DenyReason } from "../core/reasons.ts";

const REALM = 'realm="firebreak"';
/** No error when no credential came (RFC 6750, 3.1). */
const BEARER = `Bearer ${REALM}`;
const INVALID_TOKEN = `${BEARER}, error="invalid_token"`;
const INVALID_PROOF = `DPoP ${REALM}, error="invalid_dpop_proof", algs="ES256 EdDSA"`;

/** Scopes are added to that of `scope_missing`. */
const CHALLENGES: Readonly<Partial<Record<DenyReason, string>>> = {
	// A 401 must carry a challenge (RFC 9110, 15.5.2), and certificates have no scheme of their own.
	identity_missing: BEARER,
	token_missing: BEARER,
	token_invalid: INVALID_TOKEN,
	token_revoked: INVALID_TOKEN,
	binding_mismatch: INVALID_TOKEN,
	proof_invalid: INVALID_PROOF,
	proof_replayed: INVALID_PROOF,
	proof_nonce: `DPoP ${REALM}, error="use_dpop_nonce", algs="ES256 EdDSA"`,
	credentials_conflict: `${BEARER}, error="invalid_request"`,
	scope_missing: `${BEARER}, error="insufficient_scope"`,
};

/** RFC 6749, 3.3; quotes and backslashes are not in it, so nothing needs escaping. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** The challenge of a denial, or null when its reason has none. */
export function challengeOf(decision: Decision): string | null {
	const challenge = CHALLENGES[decision.reason as DenyReason] ?? null;
	if (challenge === null || decision.reason !== "scope_missing") return challenge;
	const scopes = decision.missingScopes.filter((scope) => SCOPE.test(scope));
	return scopes.length === 0 ? challenge : `${challenge}, scope="${scopes.join(" ")}"`;
}
