/** Under which schemes of the Authorization header a domain takes tokens: what a challenge tells its callers. */
import type { Scheme } from "../decision.ts";
import type { IssuerRow } from "../model.ts";

/**
 * A token bound to the key of a proof travels as `DPoP` (RFC 9449, 7.1), every other as `Bearer`, one bound to a certificate
 * too (RFC 8705, 3). `bound` is what the flow demands; an issuer that demands nothing counts with what the flow does.
 */
export function schemesOf(issuers: readonly IssuerRow[], bound: boolean): readonly Scheme[] {
	const accepts = (scheme: Scheme) =>
		issuers.some(({ profile, binding }) => {
			const demanded = binding === "none" && bound && profile !== "api_key" ? "any" : binding;
			return demanded === "any" || (demanded === "dpop") === (scheme === "DPoP");
		});
	if (!accepts("DPoP")) return BEARER;
	return accepts("Bearer") ? BOTH : DPOP;
}

const BEARER: readonly Scheme[] = Object.freeze(["Bearer"]);
const DPOP: readonly Scheme[] = Object.freeze(["DPoP"]);
const BOTH: readonly Scheme[] = Object.freeze(["Bearer", "DPoP"]);
