import type { Binding, PassportDemand } from "../core/model.ts";
import { type Refusal, refuse } from "./refusal.ts";

/**
 * Whether a token says that it is bound to a key (RFC 7800, `cnf`). No binding is verified yet, and a bound token
 * without its proof is worth nothing (RFC 9449, 7.1), so each kind is refused.
 */
export function judgeConfirmation(cnf: unknown): Refusal | null {
	if (cnf === undefined) return null;
	if (typeof cnf !== "object" || cnf === null) return refuse("binding_mismatch", "confirmation");
	if (Object.hasOwn(cnf, "jkt")) return refuse("binding_mismatch", "proof_missing");
	return refuse("binding_mismatch", Object.hasOwn(cnf, "x5t#S256") ? "unsupported" : "confirmation");
}

/** What is demanded beyond a valid token: a binding by the issuer or the flow, a passport by the domain. */
export function judgeDemands(binding: Binding, bound: boolean, passport: PassportDemand): Refusal | null {
	if (binding !== "none" || bound) return refuse("binding_mismatch", "unsupported");
	return passport === "optional" ? null : refuse("passport_missing", "unsupported");
}
