/** A DPoP proof as it stands (RFC 9449, 4.2): its form and its claims, before anything of it is believed. */

import { LIMITS } from "../../core/limits.ts";
import { parseJsonObject } from "../json.ts";
import { readJws } from "../jws.ts";
import type { ProofFault } from "../refusal.ts";
import { isRefusal } from "../refusal.ts";
import { isDate } from "../times.ts";

export interface UnverifiedProof {
	readonly alg: string;
	/** The header's `jwk`, untouched. */
	readonly jwk: unknown;
	readonly id: string;
	readonly method: string;
	readonly target: string;
	/** base64url(SHA-256) of the token that it goes with. */
	readonly tokenHash: string;
	/** Seconds since the epoch, fractions allowed. */
	readonly issuedAt: number;
	readonly nonce: string | null;
	/** Seconds since the epoch: claims that no proof needs, and that count where they are (RFC 7519, 4.1.4 and 4.1.5). */
	readonly expiresAt: number | null;
	readonly notBefore: number | null;
}

/**
 * The algorithms that proofs may have: asymmetric, and quick to verify, since whoever makes a proof chooses its key. ES384
 * and ES512 take ten and twenty times as long as ES256.
 */
export const PROOF_ALGORITHMS: readonly string[] = ["ES256", "EdDSA", "Ed25519", "RS256", "PS256"];

/** Reads a proof strictly: the form of a JWS as tokens have it, `typ`, `alg`, and every claim that a resource needs. */
export function readProof(text: string): UnverifiedProof | ProofFault {
	if (text.length > LIMITS.proofBytes) return "size";
	const jws = readJws(text);
	if (isRefusal(jws)) return jws.detail === "algorithm" ? "algorithm" : "malformed";
	if (jws.typ !== "dpop+jwt") return "type";
	if (!PROOF_ALGORITHMS.includes(jws.alg)) return "algorithm";
	const claims = parseJsonObject(jws.payload, LIMITS.tokenJsonDepth);
	if (typeof claims === "string") return "malformed";
	const { jti: id, htm: method, htu: target, ath: tokenHash, iat: issuedAt } = claims;
	const { nonce = null, exp: expiresAt = null, nbf: notBefore = null } = claims;
	if (!isText(id) || !isText(method) || !isText(target) || !isText(tokenHash) || !isDate(issuedAt)) return "claims";
	if (nonce !== null && !isText(nonce)) return "claims";
	if (!isDateOrNone(expiresAt) || !isDateOrNone(notBefore)) return "claims";
	const { alg, header } = jws;
	return { alg, jwk: header.jwk, id, method, target, tokenHash, issuedAt, nonce, expiresAt, notBefore };
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isDateOrNone = (value: unknown): value is number | null => value === null || isDate(value);
