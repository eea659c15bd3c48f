/**
 * Proof of possession (RFC 9449, 4.3 and 7.1): whether a proof shows that the caller holds the key to which its token is
 * bound, for this very request. What is cheap comes first, the signature next, the memory of used proofs last, so that no
 * forgery fills it.
 */
import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { fitsAlgorithm, type PublicJwk, readPublicJwk } from "../../core/jwks.ts";
import { LIMITS } from "../../core/limits.ts";
import { after } from "../after.ts";
import { importPublicKey, type PublicKey, thumbprintOf } from "../keys/public-key.ts";
import { type ProofFault, type Refusal, refuse } from "../refusal.ts";
import { isSignedBy } from "../signature.ts";
import type { Turns } from "../turns.ts";
import type { ReplayMemory } from "./memory.ts";
import { judgeNonce, nonceAt } from "./nonce.ts";
import { readProof, type UnverifiedProof } from "./proof.ts";
import { matchesTarget, type Target } from "./target.ts";
import type { Remembered } from "./used-proofs.ts";

/** What a proof is held against. */
export interface ProofDemand {
	/** RFC 7638 thumbprint that the token is bound to. */
	readonly key: string;
	/** SHA-256 of the token, base64url. */
	readonly tokenHash: string;
	readonly request: Target & { readonly method: string };
	/** See {@link matchesTarget}. */
	readonly origins: readonly string[];
	/** Whether it has to have a nonce of ours. */
	readonly nonce: boolean;
	/** False: whether it was used before is not asked, and it stays unused. */
	readonly remember: boolean;
	/** Whose turn it takes to verify it. */
	readonly source: string;
}

/** A proof that holds. */
export interface Proven {
	readonly kind: "proven";
	/** The nonce for the caller's next proof, when that of this one will not be good for long. */
	readonly nonce: string | null;
}

interface KnownKey extends PublicKey {
	/** The header's `jwk` that it was read from. */
	readonly text: string;
	readonly source: PublicJwk;
}

const PROVEN: Proven = Object.freeze({ kind: "proven", nonce: null });

export class ProofJudge {
	readonly #memory: ReplayMemory;
	readonly #turns: Turns;
	/** Keys that tokens are bound to, by thumbprint. */
	readonly #keys: LRUCache<string, KnownKey>;

	/** @param keys kept ready at most, 1 or more; default LIMITS.proofKeys. */
	constructor(memory: ReplayMemory, turns: Turns, keys: number = LIMITS.proofKeys) {
		this.#memory = memory;
		this.#turns = turns;
		this.#keys = new LRUCache({ max: keys });
	}

	/** Keys that are kept ready at this moment. */
	get keys(): number {
		return this.#keys.size;
	}

	/** At once, but for a turn to wait for and a memory that others share. Neither throws nor rejects. */
	judge(text: string, demand: ProofDemand, now: number): Proven | Refusal | Promise<Proven | Refusal> {
		const proof = readProof(text);
		if (typeof proof === "string") return wrong(proof);
		const key = this.#keyOf(proof, demand.key);
		if ("kind" in key) return key;
		const fault = judgeClaims(proof, demand, now);
		if (fault) return wrong(fault);
		const nonce = demand.nonce ? this.#judgeNonce(proof.nonce, now) : PROVEN;
		if (nonce.kind === "refused") return nonce;
		const id = hash("sha256", `${demand.key} ${proof.id}`, "base64url");
		if (demand.remember && this.#memory.has(id)) return refuse("proof_replayed", "used");
		const verdict = this.#turns.take(demand.source, () => isSignedBy(text, proof.alg, key));
		return after(verdict, (genuine) => {
			if (!genuine) return wrong("signature");
			if (!demand.remember) return nonce;
			const used = { id, key: demand.key, issuedAt: proof.issuedAt * 1000, until: endOf(proof) };
			return after(this.#memory.add(used, now), (remembered) => {
				return remembered === "new" ? nonce : refusalOf(remembered);
			});
		});
	}

	/** The proof's key, if it is the one that is wanted. Reading the same key again costs a comparison. */
	#keyOf({ jwk, alg }: UnverifiedProof, wanted: string): KnownKey | Refusal {
		const text = JSON.stringify(jwk) ?? "";
		let known = this.#keys.get(wanted);
		if (known?.text !== text) {
			const source = readPublicJwk(jwk);
			if (source === null || typeof source === "string" || tooLong(source)) return wrong("key");
			if (thumbprintOf(source.jwk) !== wanted) return refuse("binding_mismatch", "proof_key");
			const key = importPublicKey(source);
			if (key === null) return wrong("key");
			known = { ...key, text, source };
			this.#keys.set(wanted, known);
		}
		return fitsAlgorithm(known.source, alg) ? known : wrong("key");
	}

	#judgeNonce(nonce: string | null, now: number): Proven | Refusal {
		const { secret } = this.#memory;
		if (secret === null) return refuse("replay_store_down", "unreachable");
		const worth = nonce === null ? null : judgeNonce(nonce, secret, now);
		if (worth === "fresh") return PROVEN;
		const next = nonceAt(secret, now);
		if (worth === "aging") return { kind: "proven", nonce: next };
		return { ...refuse("proof_nonce", nonce === null ? "absent" : "stale"), nonce: next };
	}
}

/** Against the request, the token and the clock (milliseconds since the epoch). */
function judgeClaims(proof: UnverifiedProof, demand: ProofDemand, now: number): ProofFault | null {
	const { request, origins, tokenHash } = demand;
	if (proof.method !== request.method) return "method";
	if (!matchesTarget(proof.target, request, origins)) return "target";
	if (proof.tokenHash !== tokenHash) return "token_hash";
	if (now >= endOf(proof)) return "time";
	const begins = Math.max(proof.issuedAt, proof.notBefore ?? 0);
	return begins * 1000 > now + LIMITS.clockSkewSeconds * 1000 ? "time" : null;
}

/** Milliseconds since the epoch from which a proof is too old, or over by its own `exp`. */
function endOf({ issuedAt, expiresAt }: UnverifiedProof): number {
	const end = Math.min(issuedAt + LIMITS.proofSeconds, expiresAt ?? Number.POSITIVE_INFINITY);
	return (end + LIMITS.clockSkewSeconds) * 1000;
}

/** base64url has six bits a character. */
function tooLong({ jwk: { n = "" } }: PublicJwk): boolean {
	return n.length > Math.ceil(LIMITS.proofRsaBits / 6);
}

function refusalOf(remembered: Exclude<Remembered, "new">): Refusal {
	if (remembered === "used") return refuse("proof_replayed", "used");
	return remembered === "forgotten" ? wrong("forgotten") : refuse("replay_store_down", remembered);
}

const wrong = (fault: ProofFault) => refuse("proof_invalid", fault);
