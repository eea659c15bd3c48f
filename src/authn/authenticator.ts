/**
 * Step 8: the verdict on the credential of one request. Revocations, times and bindings are judged at every request; only
 * the signature's result is remembered.
 */
import { hash } from "node:crypto";
import { canonicalAlgorithm } from "../core/jwks.ts";
import type { Lane } from "../core/lane/lane.ts";
import { LIMITS } from "../core/limits.ts";
import type { IssuerRow, PassportDemand } from "../core/model.ts";
import type { TokenUse } from "../core/passport/judge.ts";
import type { CredentialVerdict, Request } from "../core/request.ts";
import type { Clock } from "../core/time.ts";
import { after } from "./after.ts";
import { looksLikeApiKey, readApiKey } from "./api-key.ts";
import { judgeCertificate, judgeDemands } from "./binding.ts";
import { type CacheCounts, isInDoubt, keepUntil, type Sighting, SightingCache } from "./cache.ts";
import { type Credential, readCredential } from "./credential.ts";
import { findIssuer, type Issuer } from "./issuers.ts";
import { readToken, type UnverifiedToken } from "./jws.ts";
import { algorithmOf } from "./keys/keyset.ts";
import type { KeyRing } from "./keys/ring.ts";
import { findKey } from "./keys/source.ts";
import { judgeUse } from "./passport.ts";
import { readStatement, type Statement } from "./profile.ts";
import { ProofJudge, type Proven } from "./proof/judge.ts";
import type { ReplayMemory } from "./proof/memory.ts";
import { invalid, isRefusal, type Refusal, refuse } from "./refusal.ts";
import { type Shown, shownOf } from "./shown.ts";
import { isSignedBy } from "./signature.ts";
import { judgeTimes } from "./times.ts";
import { eventLoopTurns, type Turns } from "./turns.ts";

export interface CredentialDemand {
	/** The destination domain's. Rows and the array are frozen and keep their identity while they do not change. */
	readonly issuers: readonly IssuerRow[];
	/** A token bound to a key of the caller is demanded. */
	readonly bound: boolean;
	readonly passport: PassportDemand;
	readonly lane: LaneView;
	/** Who uses the token where. */
	readonly use: TokenUse;
	/** Under which callers know the destination, in place of the request's own scheme and authority; see proof/target.ts. */
	readonly origins: readonly string[];
}

/** What authentication asks of the revocation lane. */
export type LaneView = Pick<Lane, "revocationOf" | "registry" | "domainKeys">;

export interface Authenticator {
	/**
	 * Judges a request that needs a token. A value at once, unless it has to wait for its turn, a key is fetched, a slow
	 * signature verified or a memory asked that servers share. Neither throws nor rejects for anything that a request holds.
	 */
	authenticate(request: CredentialRequest, demand: CredentialDemand): CredentialVerdict | Promise<CredentialVerdict>;
	/**
	 * The same for explanations: whether a proof was used before is not asked, and it stays as unused as it was.
	 */
	examine(request: CredentialRequest, demand: CredentialDemand): CredentialVerdict | Promise<CredentialVerdict>;
	/** Running counts since the start. */
	readonly counts: Readonly<CacheCounts>;
	/** What is kept at this moment: each is bounded, whatever comes in. */
	readonly kept: Kept;
}

export interface Kept {
	/** Verified tokens; at most `cacheEntries`. */
	readonly genuine: number;
	/** Forged ones; at most LIMITS.badTokenEntries. */
	readonly forged: number;
	/** Verifications that wait for a key or another thread; no more than checks are under way. */
	readonly underWay: number;
	/** Keys of proofs; at most LIMITS.proofKeys. */
	readonly proofKeys: number;
}

/** What of a request is read. */
export type CredentialRequest = Pick<Request, "authorization" | "dpop" | "method" | "scheme" | "authority" | "rawPath">;

export interface AuthenticatorOptions {
	readonly clock: Clock;
	readonly keys: KeyRing;
	/** Of used proofs. */
	readonly replay: ReplayMemory;
	/** Verified tokens that are remembered; default LIMITS.tokenCacheEntries. */
	readonly cacheEntries?: number;
	/** Of signatures; default: of the process's own event loop. */
	readonly turns?: Turns;
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
	return new TokenAuthenticator(options);
}

/** One request with its one token, on its way through. */
interface Presented {
	readonly credential: Credential;
	/** SHA-256 of the token as a string of bytes. */
	readonly digest: string;
	readonly request: CredentialRequest;
	readonly demand: CredentialDemand;
	readonly remember: boolean;
}

class TokenAuthenticator implements Authenticator {
	readonly counts: CacheCounts = { hit: 0, hit_bad: 0, joined: 0, miss: 0 };
	readonly #clock: Clock;
	readonly #keys: KeyRing;
	readonly #cache: SightingCache;
	readonly #proofs: ProofJudge;
	readonly #turns: Turns;
	/** Verifications under way, so that a token seen for the first time by many requests is verified once. */
	readonly #underWay = new Map<string, { readonly issuer: Issuer; readonly outcome: Promise<Sighting | Refusal> }>();

	constructor(options: AuthenticatorOptions) {
		const { clock, keys, replay, cacheEntries = LIMITS.tokenCacheEntries, turns = eventLoopTurns() } = options;
		this.#clock = clock;
		this.#keys = keys;
		this.#turns = turns;
		this.#cache = new SightingCache(cacheEntries);
		this.#proofs = new ProofJudge(replay, turns);
	}

	get kept(): Kept {
		return { ...this.#cache.size, underWay: this.#underWay.size, proofKeys: this.#proofs.keys };
	}

	authenticate(request: CredentialRequest, demand: CredentialDemand): CredentialVerdict | Promise<CredentialVerdict> {
		return this.#authenticate(request, demand, true);
	}

	examine(request: CredentialRequest, demand: CredentialDemand): CredentialVerdict | Promise<CredentialVerdict> {
		return this.#authenticate(request, demand, false);
	}

	#authenticate(request: CredentialRequest, demand: CredentialDemand, remember: boolean) {
		const credential = readCredential(request);
		if (isRefusal(credential)) return credential;
		const digest = hash("sha256", credential.token, "binary");
		const presented = { credential, digest, request, demand, remember };
		const now = this.#clock();
		if (looksLikeApiKey(credential.token)) return this.#judgeKey(presented, now);
		const known = this.#find(presented, now);
		if (known) {
			if (known.genuine) this.counts.hit++;
			else this.counts.hit_bad++;
			return this.#judge(known, presented, now);
		}
		return this.#turns.take(sourceOf(demand), () => this.#meet(presented, this.#clock()));
	}

	#find({ digest, demand }: Presented, now: number): Sighting | undefined {
		const known = this.#cache.get(digest, now, demand.lane.domainKeys);
		return known && demand.issuers.includes(known.issuer.row) ? known : undefined;
	}

	/** A token that is not known: everything that needs no key is judged first, so that forgeries cost little. */
	#meet(presented: Presented, now: number): CredentialVerdict | Promise<CredentialVerdict> {
		// It may have been verified for another request while this one waited for its turn.
		const known = this.#find(presented, now);
		if (known) {
			this.counts.joined++;
			return this.#judge(known, presented, now);
		}
		const read = readToken(presented.credential.token);
		if (isRefusal(read)) return read;
		const issuer = findIssuer(presented.demand.issuers, read.claims);
		if (isRefusal(issuer)) return issuer;
		const statement = readStatement(issuer, read);
		if (isRefusal(statement)) return statement;
		const fault = judgeTimes(statement.times, now);
		if (fault) return invalid(fault);
		const seen = this.#seeOnce(presented, issuer, read, statement, now);
		if (!(seen instanceof Promise)) return isRefusal(seen) ? seen : this.#judge(seen, presented, now);
		return seen.then((sighting) => (isRefusal(sighting) ? sighting : this.#judge(sighting, presented, this.#clock())));
	}

	#seeOnce(
		presented: Presented,
		issuer: Issuer,
		read: UnverifiedToken,
		statement: Statement,
		now: number,
	): Sighting | Refusal | Promise<Sighting | Refusal> {
		const { digest } = presented;
		const underWay = this.#underWay.get(digest);
		if (underWay?.issuer === issuer) {
			this.counts.joined++;
			return underWay.outcome;
		}
		this.counts.miss++;
		const seen = this.#see(presented, issuer, read, statement, now);
		if (!(seen instanceof Promise)) return seen;
		const outcome = seen.finally(() => {
			if (this.#underWay.get(digest)?.outcome === outcome) this.#underWay.delete(digest);
		});
		this.#underWay.set(digest, { issuer, outcome });
		return outcome;
	}

	#see(
		{ credential: { token }, digest, demand: { lane } }: Presented,
		issuer: Issuer,
		read: UnverifiedToken,
		statement: Statement,
		now: number,
	): Sighting | Refusal | Promise<Sighting | Refusal> {
		const source = this.#keys.of(issuer.row);
		source.update(lane.domainKeys, now);
		return after(findKey(source, read.kid, read.alg, issuer.algorithms, now), (key) => {
			if (isRefusal(key)) return key;
			if (algorithmOf(key, issuer.algorithms) !== canonicalAlgorithm(read.alg)) return invalid("algorithm");
			const among = read.kid === null ? source.keys : null;
			return after(isSignedBy(token, read.alg, key), (genuine) => {
				const { times } = statement;
				const verified = this.#clock();
				const seen = { issuer, source, key, times, among, until: keepUntil(genuine, times, verified) };
				const sighting: Sighting = genuine
					? { ...seen, ...shownOf(issuer, key, read, statement), genuine }
					: { ...seen, genuine };
				this.#cache.set(digest, sighting, token.length, verified);
				return sighting;
			});
		});
	}

	/** What changes from request to request, in one order for cached and fresh tokens, so that both give one verdict. */
	#judge(sighting: Sighting, presented: Presented, now: number): CredentialVerdict | Promise<CredentialVerdict> {
		const fault = judgeTimes(sighting.times, now);
		if (fault) return invalid(fault);
		sighting.source.update(presented.demand.lane.domainKeys, now);
		if (now >= sighting.source.usableUntil) return refuse("keys_unavailable", "stale");
		if (sighting.key.withdrawn || isInDoubt(sighting)) return invalid("key_unknown");
		if (!sighting.genuine) return invalid("signature");
		return this.#judgeShown(sighting, presented, now);
	}

	#judgeKey(presented: Presented, now: number): CredentialVerdict | Promise<CredentialVerdict> {
		const { credential, digest, demand } = presented;
		const encoded = () => Buffer.from(digest, "latin1").toString("base64url");
		const shown = readApiKey(credential.token, encoded, demand.issuers, demand.lane.registry, now);
		return isRefusal(shown) ? shown : this.#judgeShown(shown, presented, now);
	}

	#judgeShown(shown: Shown, presented: Presented, now: number): CredentialVerdict | Promise<CredentialVerdict> {
		const { token } = shown;
		const { demand } = presented;
		const revocation = demand.lane.revocationOf(token, now);
		if (revocation) return { ...refuse("token_revoked", revocation), token };
		return after(this.#judgeBinding(shown, presented, now), (binding) => {
			if (isRefusal(binding)) return { ...binding, token };
			const verdict = judgeUse(shown, demand, now);
			return binding.nonce === null || isRefusal(verdict) ? verdict : { ...verdict, nonce: binding.nonce };
		});
	}

	/** Whether the token is bound as it has to be, and the caller holds the key that it is bound to. */
	#judgeBinding(shown: Shown, presented: Presented, now: number): Proven | Refusal | Promise<Proven | Refusal> {
		const { confirmation, issuer } = shown;
		const { credential, request, demand, digest, remember } = presented;
		if (confirmation === null) return refuse("binding_mismatch", "confirmation");
		const proofExpected = confirmation.kind === "dpop";
		if (credential.scheme === "dpop" && !proofExpected) return refuse("binding_mismatch", "scheme");
		const refusal = judgeDemands(issuer.row.binding, demand.bound, confirmation.kind);
		if (refusal) return refusal;
		if (confirmation.kind === null) return HELD;
		if (confirmation.kind === "mtls") {
			return judgeCertificate(confirmation.certificate, demand.use.certificateHash) ?? HELD;
		}
		if (credential.scheme === "bearer") return refuse("binding_mismatch", "proof_missing");
		const proof = request.dpop[0];
		if (proof === undefined) return refuse("proof_invalid", "absent");
		const tokenHash = Buffer.from(digest, "latin1").toString("base64url");
		const { origins } = demand;
		const { key } = confirmation;
		const { nonce } = issuer.options;
		const source = sourceOf(demand);
		return this.#proofs.judge(proof, { key, tokenHash, request, origins, nonce, remember, source }, now);
	}
}

/** Whose turn it is: callers without a workload identity have their address. */
const sourceOf = ({ use: { source, address } }: CredentialDemand): string => source?.name ?? `address ${address}`;

/** Nothing more is to be shown. */
const HELD: Proven = Object.freeze({ kind: "proven", nonce: null });
