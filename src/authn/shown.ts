import type { Passport } from "../core/passport/passport.ts";
import type { CredentialVerdict, TokenFacts } from "../core/request.ts";
import { type Confirmation, readConfirmation } from "./binding.ts";
import type { Issuer } from "./issuers.ts";
import type { UnverifiedToken } from "./jws.ts";
import type { VerificationKey } from "./keys/keyset.ts";
import type { Statement } from "./profile.ts";

/** A credential that is surely its issuer's: what it says, before anybody asks who uses it where. */
export interface Shown {
	readonly issuer: Issuer;
	readonly token: TokenFacts;
	/** What it is bound to; null when that is nothing that we can check. */
	readonly confirmation: Confirmation | null;
	/** The one that it carries itself, or that belongs to it; null when it has none of its own. */
	readonly passport: Passport | null;
	readonly verdict: Extract<CredentialVerdict, { kind: "token" }>;
}

/** What a verified token says. */
export function shownOf(
	issuer: Issuer,
	key: VerificationKey,
	{ claims }: UnverifiedToken,
	{ subject, subjectKind, id, scopes, times, passport, origin }: Statement,
): Shown {
	const confirmation = readConfirmation(claims.cnf);
	const token: TokenFacts = Object.freeze({
		issuer: issuer.row.url,
		id,
		subject,
		subjectKind,
		scopes,
		allScopes: scopes,
		issuedAt: times.issuedAt,
		expiresAt: times.expiresAt,
		keyThumbprint: key.thumbprint,
		bound: confirmation?.kind ?? null,
		owner: passport?.owner ?? null,
		purpose: passport?.purpose ?? null,
		origin,
		claims,
	});
	const verdict = Object.freeze({ kind: "token", token } as const);
	return { issuer, token, confirmation, passport, verdict };
}
