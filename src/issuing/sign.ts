/** Signing, and nothing else: what comes in was judged before. */
import { randomBytes } from "node:crypto";
import { importJWK, type JWTPayload, SignJWT } from "jose";
import { LIMITS } from "../core/limits.ts";
import type { TokenClaims } from "./claims.ts";
import type { SigningKey } from "./keys/signing-key.ts";

/** An access token (RFC 9068, 2.1: `typ` is `at+jwt`). */
export async function signToken(key: SigningKey, claims: TokenClaims): Promise<string> {
	const header = { typ: "at+jwt", alg: key.alg, kid: key.kid };
	return new SignJWT(claims as unknown as JWTPayload)
		.setProtectedHeader(header)
		.sign(await importJWK(key.jwk, key.alg));
}

/** Whether no server would read the token, for its length: such a one is never handed out. Compact tokens are ASCII. */
export const isTooLong = (token: string): boolean => token.length > LIMITS.tokenBytes;

/** Ids begin with it when a token was given in exchange for another: those are exchanged again, never rotated. */
const EXCHANGED = "x-";

/** An id that nobody can guess: 128 bits. */
export function newTokenId(origin: "issued" | "exchanged"): string {
	return `${origin === "exchanged" ? EXCHANGED : "t-"}${randomBytes(16).toString("base64url")}`;
}

export const isExchanged = (id: string): boolean => id.startsWith(EXCHANGED);
