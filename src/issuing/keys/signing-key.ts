/** Keys that domains sign their own tokens with. What is public of one is a value of its own, so that nothing else leaves. */
import { generateKeyPair, type JsonWebKey, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { calculateJwkThumbprint, type JWK } from "jose";

/** What a domain may sign with; the first is the default. */
export const KEY_ALGORITHMS = ["ES256", "EdDSA", "RS256"] as const;
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/** The public half, as the database, the lane and the JWKS hold it. */
export interface PublicKey {
	readonly kid: string;
	readonly alg: KeyAlgorithm;
	/** A public JWK with `kid`, `alg` and `use: "sig"`. */
	readonly jwk: Readonly<Record<string, unknown>>;
}

/** A whole key. `jwk` is a secret: it belongs into its file and nowhere else. */
export interface SigningKey {
	readonly kid: string;
	readonly alg: KeyAlgorithm;
	readonly jwk: Readonly<JsonWebKey & JWK>;
}

const generate = promisify(generateKeyPair);

/** 3072 bits: 128 bits of strength (NIST SP 800-57 part 1, table 2). */
const RSA_BITS = 3_072;

/** Makes a key. Its `kid` is its RFC 7638 thumbprint, by which a leaked key is quarantined. */
export async function generateSigningKey(alg: KeyAlgorithm): Promise<SigningKey> {
	const privateKey = await generatePrivateKey(alg);
	const numbers = privateKey.export({ format: "jwk" }) as JsonWebKey & JWK;
	const kid = await calculateJwkThumbprint(numbers);
	return { kid, alg, jwk: { ...numbers, kid, alg, use: "sig" } };
}

async function generatePrivateKey(alg: KeyAlgorithm): Promise<KeyObject> {
	switch (alg) {
		case "ES256":
			return (await generate("ec", { namedCurve: "P-256" })).privateKey;
		case "EdDSA":
			return (await generate("ed25519")).privateKey;
		case "RS256":
			return (await generate("rsa", { modulusLength: RSA_BITS })).privateKey;
	}
}

/** Members of a JWK that everybody may see (RFC 7517, 4; RFC 7518, 6.2.1 and 6.3.1; RFC 8037, 2). */
const PUBLIC_MEMBERS = ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"];

export function publicHalf({ kid, alg, jwk }: SigningKey): PublicKey {
	const members = Object.entries(jwk).filter(([name]) => PUBLIC_MEMBERS.includes(name));
	return { kid, alg, jwk: Object.fromEntries(members) };
}
