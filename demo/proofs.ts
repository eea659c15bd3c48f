/**
 * What a client does that holds a key of its own: proofs of possession (RFC 9449) and the thumbprints that tokens are
 * bound to. For the demo and for tests only, apart from the code that verifies them.
 */
import { hash, randomUUID } from "node:crypto";
import { type SigningKey, signToken } from "./tokens.ts";

export interface ProofOptions {
	readonly method: string;
	/** Without query and fragment. */
	readonly uri: string;
	/** The access token that it goes with. */
	readonly token: string;
	/** Seconds since the epoch. */
	readonly now: number;
	/** A nonce that the server gave out. */
	readonly nonce?: string;
	/** Further claims, or other ones; undefined removes. */
	readonly claims?: Readonly<Record<string, unknown>>;
	/** The same for the header. */
	readonly header?: Readonly<Record<string, unknown>>;
}

/** A proof for one request, with a fresh `jti`. */
export function dpopProof(key: SigningKey, options: ProofOptions): string {
	const { method, uri, token, now, nonce, claims, header } = options;
	return signToken(
		key,
		{
			jti: randomUUID(),
			htm: method,
			htu: uri,
			iat: Math.floor(now),
			ath: hash("sha256", token, "base64url"),
			...(nonce === undefined ? {} : { nonce }),
			...claims,
		},
		{ typ: "dpop+jwt", kid: undefined, jwk: barePublicKey(key), ...header },
	);
}

/** The RFC 7638 thumbprint of a key, as `cnf.jkt` names it. */
export function jwkThumbprint(key: SigningKey): string {
	return hash("sha256", JSON.stringify(barePublicKey(key)), "base64url");
}

/** The members that a thumbprint is made of, in its order. */
function barePublicKey({ jwk }: SigningKey): Readonly<Record<string, unknown>> {
	const { crv, e, kty, n, x, y } = jwk;
	return kty === "RSA" ? { e, kty, n } : { crv, kty, x, ...(y === undefined ? {} : { y }) };
}
