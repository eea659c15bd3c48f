/**
 * Step 8: the verdict on the credential of one request. Revocations and times are judged at every request; only the
 * signature's result is remembered.
 */
import { hash } from "node:crypto";
import { canonicalAlgorithm } from "../core/jwks.ts";
import type { Lane } from "../core/lane/lane.ts";
import { LIMITS } from "../core/limits.ts";
import type { IssuerRow, PassportDemand } from "../core/model.ts";
import type { CredentialVerdict, Request, TokenFacts } from "../core/request.ts";
import type { Clock } from "../core/time.ts";
import { judgeConfirmation, judgeDemands } from "./binding.ts";
import { type CacheCounts, keepUntil, type Sighting, SightingCache } from "./cache.ts";
import { readCredential } from "./credential.ts";
import { findIssuer, type Issuer } from "./issuers.ts";
import { readToken, type UnverifiedToken } from "./jws.ts";
import { algorithmOf, type VerificationKey } from "./keys/keyset.ts";
import type { KeyRing } from "./keys/ring.ts";
import { findKey, type KeySource } from "./keys/source.ts";
import { readStatement, type Statement } from "./profile.ts";
import { invalid, isRefusal, type Refusal, refuse } from "./refusal.ts";
import { isSignedBy } from "./signature.ts";
import { judgeTimes } from "./times.ts";

export interface CredentialDemand {
	/** The destination domain's. Rows and the array are frozen and keep their identity while they do not change. */
	readonly issuers: readonly IssuerRow[];
	/** A token bound to a key of the caller is demanded. */
	readonly bound: boolean;
	readonly passport: PassportDemand;
	readonly lane: LaneView;
}

/** What authentication asks of the revocation lane. */
export type LaneView = Pick<Lane, "revocationOf">;

export interface Authenticator {
	/**
	 * Judges a request that needs a token. A value at once when the token is known, or cannot be one; a promise when a
	 * signature or a key is waited for. Neither throws nor rejects for anything that a request holds.
	 */
	authenticate(request: CredentialRequest, demand: CredentialDemand): CredentialVerdict | Promise<CredentialVerdict>;
	/** Running counts since the start. */
	readonly counts: Readonly<CacheCounts>;
}

/** What of a request is read. */
export type CredentialRequest = Pick<Request, "authorization" | "dpop">;

export interface AuthenticatorOptions {
	readonly clock: Clock;
	readonly keys: KeyRing;
	/** Verified tokens that are remembered; default LIMITS.tokenCacheEntries. */
	readonly cacheEntries?: number;
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
	return new TokenAuthenticator(options);
}

class TokenAuthenticator implements Authenticator {
	readonly counts: CacheCounts = { hit: 0, hit_bad: 0, joined: 0, miss: 0 };
	readonly #clock: Clock;
	readonly #keys: KeyRing;
	readonly #cache: SightingCache;
	/** Verifications under way, so that a token seen for the first time by many requests is verified once. */
	readonly #underWay = new Map<string, { readonly issuer: Issuer; readonly outcome: Promise<Sighting | Refusal> }>();

	constructor({ clock, keys, cacheEntries = LIMITS.tokenCacheEntries }: AuthenticatorOptions) {
		this.#clock = clock;
		this.#keys = keys;
		this.#cache = new SightingCache(cacheEntries);
	}

	authenticate(request: CredentialRequest, demand: CredentialDemand): CredentialVerdict | Promise<CredentialVerdict> {
		const token = readCredential(request);
		if (typeof token !== "string") return token;
		const digest = hash("sha256", token, "binary");
		const now = this.#clock();
		const known = this.#cache.get(digest, now);
		if (known && demand.issuers.includes(known.issuer.row)) {
			if (known.genuine) this.counts.hit++;
			else this.counts.hit_bad++;
			return judge(known, demand, now);
		}
		return this.#meet(token, digest, demand, now);
	}

	/** A token that is not known: everything that needs no key is judged first, so that forgeries cost little. */
	#meet(token: string, digest: string, demand: CredentialDemand, now: number) {
		const read = readToken(token);
		if (isRefusal(read)) return read;
		const issuer = findIssuer(demand.issuers, read.claims);
		if (isRefusal(issuer)) return issuer;
		const statement = readStatement(issuer, read);
		if (isRefusal(statement)) return statement;
		const fault = judgeTimes(statement.times, now);
		if (fault) return invalid(fault);
		return this.#verifyOnce(token, digest, issuer, read, statement).then((outcome) =>
			isRefusal(outcome) ? outcome : judge(outcome, demand, this.#clock()),
		);
	}

	#verifyOnce(token: string, digest: string, issuer: Issuer, read: UnverifiedToken, statement: Statement) {
		const underWay = this.#underWay.get(digest);
		if (underWay?.issuer === issuer) {
			this.counts.joined++;
			return underWay.outcome;
		}
		this.counts.miss++;
		const outcome = this.#verify(token, digest, issuer, read, statement).finally(() => {
			if (this.#underWay.get(digest)?.outcome === outcome) this.#underWay.delete(digest);
		});
		this.#underWay.set(digest, { issuer, outcome });
		return outcome;
	}

	async #verify(
		token: string,
		digest: string,
		issuer: Issuer,
		read: UnverifiedToken,
		statement: Statement,
	): Promise<Sighting | Refusal> {
		const source = this.#keys.of(issuer.row);
		const key = await findKey(source, read.kid, read.alg, issuer.algorithms, this.#clock());
		if (isRefusal(key)) return key;
		if (algorithmOf(key, issuer.algorithms) !== canonicalAlgorithm(read.alg)) return invalid("algorithm");
		const genuine = await isSignedBy(token, read.alg, key);
		const sighting = see(issuer, source, key, genuine, read, statement, this.#clock());
		this.#cache.set(digest, sighting, token.length);
		return sighting;
	}
}

function see(
	issuer: Issuer,
	source: KeySource,
	key: VerificationKey,
	genuine: boolean,
	{ claims }: UnverifiedToken,
	{ subject, subjectKind, id, scopes, times }: Statement,
	now: number,
): Sighting {
	const token: TokenFacts = Object.freeze({
		issuer: issuer.row.url,
		id,
		subject,
		subjectKind,
		scopes,
		issuedAt: times.issuedAt,
		expiresAt: times.expiresAt,
		keyThumbprint: key.thumbprint,
		owner: null,
		claims,
	});
	return {
		issuer,
		source,
		key,
		times,
		genuine,
		token,
		confirmation: judgeConfirmation(claims.cnf),
		verdict: Object.freeze({ kind: "token", token }),
		until: keepUntil(genuine, times, now),
	};
}

/** What changes from request to request, in one order for cached and fresh tokens, so that both give one verdict. */
function judge(sighting: Sighting, demand: CredentialDemand, now: number): CredentialVerdict {
	const { token, times, issuer } = sighting;
	const fault = judgeTimes(times, now);
	if (fault) return invalid(fault);
	if (now >= sighting.source.usableUntil) return refuse("keys_unavailable", "stale");
	if (sighting.key.withdrawn) return invalid("key_unknown");
	if (!sighting.genuine) return invalid("signature");
	const revocation = demand.lane.revocationOf(token, now);
	if (revocation) return { ...refuse("token_revoked", revocation), token };
	const refusal = sighting.confirmation ?? judgeDemands(issuer.row.binding, demand.bound, demand.passport);
	return refusal ? { ...refusal, token } : sighting.verdict;
}
