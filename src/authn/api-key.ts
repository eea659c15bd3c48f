/** API keys: opaque, so that everything about one is what the lane tells of its digest. */
import { API_KEY_PREFIX, isApiKey } from "../core/api-key.ts";
import type { ApiKey, Registry } from "../core/lane/registry.ts";
import type { IssuerRow } from "../core/model.ts";
import type { TokenFacts } from "../core/request.ts";
import { parseSpiffeId } from "../core/spiffe.ts";
import { readConfirmation } from "./binding.ts";
import { type Issuer, issuerAmong } from "./issuers.ts";
import { invalid, type Refusal } from "./refusal.ts";
import type { Shown } from "./shown.ts";
import { judgeTimes, type Times } from "./times.ts";

/** Whether a credential says that it is an API key; no JWT begins so. */
export const looksLikeApiKey = (credential: string): boolean => credential.startsWith(API_KEY_PREFIX);

/**
 * Looks an API key up, at `now` in milliseconds since the epoch. A mistyped one is told by its checksum, before anything is
 * hashed; comparing digests gives nothing away about keys, whatever the time it takes.
 * @param digest base64url SHA-256 of `key`.
 */
export function readApiKey(
	key: string,
	digest: () => string,
	issuers: readonly IssuerRow[],
	registry: Pick<Registry, "apiKey">,
	now: number,
): Shown | Refusal {
	if (!isApiKey(key)) return invalid("checksum");
	const found = registry.apiKey(digest(), now);
	if (found === null) return invalid("unknown_key");
	const issuer = issuerAmong(issuers, found.issuer);
	if (issuer?.row.profile !== "api_key") return invalid("issuer");
	if (!issuer.verifiable) return invalid("unsupported");
	const { max_lifetime: maxLifetime } = issuer.row;
	const { issuedAt, notBefore, expiresAt } = found;
	if (expiresAt - issuedAt > maxLifetime) return invalid("lifetime");
	const times: Times = { issuedAt, notBefore, expiresAt, maxLifetime };
	const fault = judgeTimes(times, now);
	return fault ? invalid(fault) : shownOf(found, issuer);
}

/** Made once for each key: entries of the lane are frozen. */
const shownKeys = new WeakMap<ApiKey, Shown>();

function shownOf(key: ApiKey, issuer: Issuer): Shown {
	const known = shownKeys.get(key);
	if (known?.issuer === issuer) return known;
	const confirmation = readConfirmation(key.confirmation);
	const token: TokenFacts = Object.freeze({
		issuer: key.issuer,
		id: key.id,
		subject: key.subject,
		subjectKind: parseSpiffeId(key.subject)?.path ? "workload" : "client",
		scopes: key.scopes,
		allScopes: key.scopes,
		issuedAt: key.issuedAt,
		expiresAt: key.expiresAt,
		keyThumbprint: null,
		bound: confirmation?.kind ?? null,
		owner: key.passport.owner,
		purpose: key.passport.purpose,
		origin: null,
		claims: claimsOf(key),
	});
	const verdict = Object.freeze({ kind: "token", token } as const);
	const shown = Object.freeze({ issuer, token, confirmation, passport: key.passport, verdict });
	shownKeys.set(key, shown);
	return shown;
}

/** As if it were a token that carries them: for conditions. */
function claimsOf({ issuer, id, subject, scopes, issuedAt, expiresAt, passport }: ApiKey): TokenFacts["claims"] {
	const firebreak = Object.freeze({ owner: passport.owner, purpose: passport.purpose });
	return Object.freeze({
		iss: issuer,
		sub: subject,
		client_id: subject,
		jti: id,
		iat: issuedAt,
		exp: expiresAt,
		scope: scopes.join(" "),
		firebreak,
	});
}
