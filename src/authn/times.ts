import { LIMITS } from "../core/limits.ts";
import type { TokenFault } from "./refusal.ts";

/** A token's dates: seconds since the epoch, fractions allowed (RFC 7519, NumericDate). */
export interface Times {
	readonly expiresAt: number;
	readonly notBefore: number | null;
	readonly issuedAt: number | null;
	/** The issuer's `max_lifetime`. */
	readonly maxLifetime: number;
}

const LARGEST = 2 ** 53;

/**
 * Reads `exp`, `nbf` and `iat`: numbers from 0 to below 2^53. `exp` must be there. The lifetime counts from `iat`;
 * without one, it is judged against the clock.
 */
export function readTimes(claims: Readonly<Record<string, unknown>>, maxLifetime: number): Times | TokenFault {
	const { exp, nbf, iat } = claims;
	if (!isDate(exp) || !(nbf === undefined || isDate(nbf)) || !(iat === undefined || isDate(iat))) return "claims";
	if (iat !== undefined && exp - iat > maxLifetime) return "lifetime";
	return { expiresAt: exp, notBefore: nbf ?? null, issuedAt: iat ?? null, maxLifetime };
}

/** Judges the dates at `now`, milliseconds since the epoch, with `LIMITS.clockSkewSeconds` either way. */
export function judgeTimes({ expiresAt, notBefore, issuedAt, maxLifetime }: Times, now: number): TokenFault | null {
	const seconds = now / 1000;
	if (seconds - LIMITS.clockSkewSeconds >= expiresAt) return "expired";
	const latest = seconds + LIMITS.clockSkewSeconds;
	if (notBefore !== null && notBefore > latest) return "not_yet_valid";
	if (issuedAt === null) return expiresAt - latest > maxLifetime ? "lifetime" : null;
	return issuedAt > latest ? "issued_in_future" : null;
}

/** A NumericDate (RFC 7519, 2): from 0 to below 2^53. */
export function isDate(value: unknown): value is number {
	return typeof value === "number" && value >= 0 && value < LARGEST;
}
