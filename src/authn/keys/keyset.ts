import { canonicalAlgorithm, fitsAlgorithm, type KeyProblem, type PublicJwk, readJwks } from "../../core/jwks.ts";
import type { Profile } from "../../core/model.ts";
import { importPublicKey, type PublicKey } from "./public-key.ts";

/** One public key of an issuer. The same key keeps its identity from one fetch to the next. */
export interface VerificationKey extends PublicKey {
	readonly kid: string | null;
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
export function importKeySet(json: unknown, profile: Profile, previous: KeySet | null): KeySet | readonly KeyProblem[] {
	const { keys, problems } = readJwks(json, profile);
	if (problems.length > 0) return problems;
	const imported = keys.map((key) => importKey(key, previous));
	const failed = imported.indexOf(null);
	return failed === -1 ? new KeySet(imported.filter((key) => key !== null)) : [unsound(keys[failed]!)];
}

/** Marks the keys of `previous` that `next` no longer has. */
export function withdrawAbsent(previous: KeySet | null, next: KeySet): void {
	const kept = new Set(next.keys);
	for (const key of previous?.keys ?? []) key.withdrawn = !kept.has(key);
}

/** The key of `previous` when it is the same one. Null when its numbers are no key. */
export function importKey(source: PublicJwk, previous: KeySet | null): VerificationKey | null {
	const imported = importPublicKey(source);
	if (imported === null) return null;
	const same = previous?.keys.find(
		(key) => key.thumbprint === imported.thumbprint && key.kid === source.kid && key.source.alg === source.alg,
	);
	return same ?? { ...imported, kid: source.kid, source, withdrawn: false };
}

function unsound({ kid }: PublicJwk): KeyProblem {
	return {
		field: "jwks",
		message: `key ${kid ?? "without kid"}: its numbers are no key`,
		cure: "have the issuer publish a sound public key",
	};
}
