/**
 * WWW-Authenticate: what a caller would have to bring. Sources: RFC 6750 (3), RFC 9449 (7.1 and 9), RFC 9110 (11.6.1).
 */
import { PROOF_ALGORITHMS } from "../authn/proof/proof.ts";
import type { Decision, Scheme } from "../core/decision.ts";
import type { DenyReason } from "../core/reasons.ts";

const REALM = 'realm="firebreak"';
/** What a scheme's challenge always ends with. */
const PARAMETERS: Readonly<Record<Scheme, readonly string[]>> = {
	Bearer: [],
	DPoP: [`algs="${PROOF_ALGORITHMS.join(" ")}"`],
};

/** The `error` of each reason that has a challenge; null where no credential came (RFC 6750, 3.1). */
const ERRORS: Readonly<Partial<Record<DenyReason, string | null>>> = {
	// A 401 must carry a challenge (RFC 9110, 15.5.2), and certificates have no scheme of their own.
	identity_missing: null,
	token_missing: null,
	token_invalid: "invalid_token",
	token_revoked: "invalid_token",
	binding_mismatch: "invalid_token",
	proof_invalid: "invalid_dpop_proof",
	proof_replayed: "invalid_dpop_proof",
	proof_nonce: "use_dpop_nonce",
	credentials_conflict: "invalid_request",
	scope_missing: "insufficient_scope",
};

/** RFC 6749, 3.3; quotes and backslashes are not in it, so nothing needs escaping. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * The challenge of a denial, or null when its reason has none. It names every scheme that the destination's domain takes,
 * whatever was wrong, so that it tells of the domain and not of the token; what is wrong with a proof concerns `DPoP` alone,
 * and a want of scopes the scheme that the token came by.
 */
export function challengeOf(decision: Decision): string | null {
	const error = ERRORS[decision.reason as DenyReason];
	if (error === undefined) return null;
	const more = error === null ? [] : [`error="${error}"`];
	const scopes = decision.missingScopes.filter((scope) => SCOPE.test(scope));
	if (decision.reason === "scope_missing" && scopes.length > 0) more.push(`scope="${scopes.join(" ")}"`);
	return schemesFor(decision, error)
		.map((scheme) => `${scheme} ${[REALM, ...more, ...PARAMETERS[scheme]].join(", ")}`)
		.join(", ");
}

function schemesFor({ reason, schemes, token }: Decision, error: string | null): readonly Scheme[] {
	if (error === "invalid_dpop_proof" || error === "use_dpop_nonce") return ["DPoP"];
	return reason === "scope_missing" ? [token?.bound === "dpop" ? "DPoP" : "Bearer"] : schemes;
}
