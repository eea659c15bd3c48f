/** All that restricts a token, as one passport that another token can carry. */
import type { Lane } from "../core/lane/lane.ts";
import { LIMITS } from "../core/limits.ts";
import type { PassportJson } from "../core/passport/passport.ts";
import type { TokenFacts } from "../core/request.ts";

export interface Restrictions {
	/** Null: nothing does. */
	readonly passport: PassportJson | null;
	/** Seconds since the epoch: what another token may say as its `exp` without outliving this one. */
	readonly expiresAt: number;
	/** Seconds since the epoch: the latest beginning, or null. */
	readonly notBefore: number | null;
}

/**
 * Of a token that was verified and accepted, at `now` in milliseconds since the epoch: what it carries, and what it is
 * registered with.
 * @param own the passport that it carries, or the API key's; null when it has none.
 * @returns null when the two restrict the same in different ways: no single passport says both.
 */
export function restrictionsOf(
	token: TokenFacts,
	own: PassportJson | null,
	{ registry }: Pick<Lane, "registry">,
	now: number,
): Restrictions | null {
	const registration = registry.registrationOf(token.issuer, token.id, now);
	const passport = merge(own, registration?.passport?.json ?? null);
	if (passport === undefined) return null;
	const { nbf } = token.claims;
	const begins = [
		typeof nbf === "number" ? nbf : null,
		registration?.notBefore ? registration.notBefore / 1_000 : null,
	];
	const known = begins.filter((begin) => begin !== null);
	return {
		passport,
		expiresAt: Math.min(
			token.expiresAt,
			// A registration ends by the clock, a token only when the clocks' skew is over, too.
			registration === null ? Number.POSITIVE_INFINITY : registration.expires / 1_000 - LIMITS.clockSkewSeconds,
		),
		notBefore: known.length === 0 ? null : Math.max(...known),
	};
}

/** Undefined when they contradict each other. What the token says of itself stands first. */
function merge(own: PassportJson | null, registered: PassportJson | null): PassportJson | null | undefined {
	if (own === null || registered === null) return own ?? registered;
	const merged: Record<string, unknown> = { ...registered, ...own };
	for (const field of Object.keys(own).filter((name) => !NAMES.includes(name))) {
		const other = (registered as unknown as Record<string, unknown>)[field];
		if (other !== undefined && JSON.stringify(other) !== JSON.stringify(merged[field])) return undefined;
	}
	return merged as unknown as PassportJson;
}

/** They tell, and restrict nothing. */
const NAMES = ["owner", "purpose"];
