/** Which key a token is bound to, and whether it has to be. */
import type { Binding } from "../core/model.ts";
import type { TokenFacts } from "../core/request.ts";
import { isSha256 } from "../core/sha256.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** What `cnf` says (RFC 7800). */
export type Confirmation =
	| { readonly kind: null }
	/** RFC 9449, 6.1: RFC 7638 thumbprint of the key that signs proofs. */
	| { readonly kind: "dpop"; readonly key: string }
	/** RFC 8705, 3.1: base64url(SHA-256(DER)) of the client's certificate. */
	| { readonly kind: "mtls"; readonly certificate: string };

const UNBOUND: Confirmation = Object.freeze({ kind: null });

/**
 * Reads the claim `cnf`, which names exactly one key (RFC 7800, 3.1). Null when it names another kind of key, several, or
 * none that could be one: what a token is bound to and we cannot check must not pass.
 */
export function readConfirmation(cnf: unknown): Confirmation | null {
	if (cnf === undefined) return UNBOUND;
	if (typeof cnf !== "object" || cnf === null) return null;
	const [entry, ...more] = Object.entries(cnf);
	if (entry === undefined || more.length > 0) return null;
	const [name, value] = entry;
	if (typeof value !== "string" || !isSha256(value)) return null;
	if (name === "jkt") return { kind: "dpop", key: value };
	return name === "x5t#S256" ? { kind: "mtls", certificate: value } : null;
}

/** Whether a token is bound as its issuer's row demands, and at all where the flow demands it (`bound`). */
export function judgeDemands(binding: Binding, bound: boolean, kind: TokenFacts["bound"]): Refusal | null {
	if (kind === null) return binding !== "none" || bound ? refuse("binding_mismatch", "unbound") : null;
	return binding === "none" || binding === "any" || binding === kind ? null : refuse("binding_mismatch", "other_kind");
}

/** Against the certificate that the caller proved to hold by mutual TLS, null when it is not known. */
export function judgeCertificate(certificate: string, shown: string | null): Refusal | null {
	if (shown === null) return refuse("binding_mismatch", "certificate_missing");
	return shown === certificate ? null : refuse("binding_mismatch", "certificate");
}
