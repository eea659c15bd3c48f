import { calculateJwkThumbprint, importJWK, type JWK } from "jose";
import { canonicalAlgorithm, fitsAlgorithm, type KeyProblem, type PublicJwk, readJwks } from "../../core/jwks.ts";
import type { Profile } from "../../core/model.ts";

/** One public key of an issuer. The same key keeps its identity from one fetch to the next. */
export interface VerificationKey {
	readonly kid: string | null;
	/** RFC 7638, SHA-256, base64url. */
	readonly thumbprint: string;
	/** Frozen, so that jose imports it once. Holds the key's numbers only. */
	readonly jwk: JWK;
	readonly source: PublicJwk;
	/** Set for good once the issuer no longer publishes it: what it signed counts no more, cached or not. */
	withdrawn: boolean;
}

/** The keys that an issuer published together. */
export class KeySet {
	readonly keys: readonly VerificationKey[];
	readonly #byKid: ReadonlyMap<string, VerificationKey>;

	constructor(keys: readonly VerificationKey[]) {
		this.keys = keys;
		this.#byKid = new Map(keys.flatMap((key) => (key.kid === null ? [] : [[key.kid, key]])));
	}

	/**
	 * The key that a token names. Without a `kid` it must be beyond doubt: exactly one key may have signed with this
	 * algorithm. `allowed` are the issuer's algorithms, see {@link algorithmOf}.
	 */
	find(kid: string | null, alg: string, allowed: readonly string[]): VerificationKey | null {
		if (kid !== null) return this.#byKid.get(kid) ?? null;
		const name = canonicalAlgorithm(alg);
		const fitting = this.keys.filter((key) => algorithmOf(key, allowed) === name);
		return fitting.length === 1 ? fitting[0]! : null;
	}
}

/**
 * The one algorithm that a key is good for (RFC 8725, 3.1: one key, one algorithm): its `alg`, the one of its curve,
 * or, for an RSA key that names none, the first of the issuer's algorithms that fits. Null when none is allowed.
 */
export function algorithmOf(key: VerificationKey, allowed: readonly string[]): string | null {
	return allowed.find((alg) => fitsAlgorithm(key.source, alg)) ?? null;
}

/**
 * Reads a parsed JWK Set into keys that work. Keys that `previous` had keep their identity; none of `previous` is
 * touched, see {@link withdrawAbsent}.
 */
export async function importKeySet(
	json: unknown,
	profile: Profile,
	previous: KeySet | null,
): Promise<KeySet | readonly KeyProblem[]> {
	const { keys, problems } = readJwks(json, profile);
	if (problems.length > 0) return problems;
	const imported = await Promise.all(keys.map((key) => importKey(key, previous)));
	const failed = imported.indexOf(null);
	return failed === -1 ? new KeySet(imported.filter((key) => key !== null)) : [unsound(keys[failed]!)];
}

/** Marks the keys of `previous` that `next` no longer has. */
export function withdrawAbsent(previous: KeySet | null, next: KeySet): void {
	const kept = new Set(next.keys);
	for (const key of previous?.keys ?? []) key.withdrawn = !kept.has(key);
}

/** Null when the key's numbers are no key: a point off its curve, say. */
async function importKey(source: PublicJwk, previous: KeySet | null): Promise<VerificationKey | null> {
	const jwk = Object.freeze({ ...source.jwk }) as JWK;
	try {
		const thumbprint = await calculateJwkThumbprint(jwk);
		const same = previous?.keys.find(
			(key) => key.thumbprint === thumbprint && key.kid === source.kid && key.source.alg === source.alg,
		);
		if (same) return same;
		await importJWK(jwk, source.alg ?? ANY_ALGORITHM[source.jwk.crv ?? "RSA"]);
		return { kid: source.kid, thumbprint, jwk, source, withdrawn: false };
	} catch {
		return null;
	}
}

/** To try a key that names no algorithm of its own. */
const ANY_ALGORITHM: Readonly<Record<string, string>> = {
	RSA: "RS256",
	"P-256": "ES256",
	"P-384": "ES384",
	"P-521": "ES512",
	Ed25519: "EdDSA",
};

function unsound({ kid }: PublicJwk): KeyProblem {
	return {
		field: "jwks",
		message: `key ${kid ?? "without kid"}: its numbers are no key`,
		cure: "have the issuer publish a sound public key",
	};
}
