/**
 * An authorization server in a few functions: makes keys, publishes them, signs tokens. For the demo and for tests
 * only. Signs by node:crypto, so that what verifies the tokens is not what made them.
 */
import { constants, generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID, sign } from "node:crypto";

export interface SigningKey {
	readonly kid: string;
	readonly alg: string;
	readonly privateKey: KeyObject;
	/** The public half, with `kid`, `alg` and `use`. */
	readonly jwk: JsonWebKey;
}

/** Algorithms that {@link makeSigningKey} makes keys for. */
export type SigningAlgorithm = "RS256" | "PS256" | "ES256" | "ES384" | "ES512" | "EdDSA";

const CURVES = { ES256: "P-256", ES384: "P-384", ES512: "P-521" } as const;

/** Makes a key pair. RSA keys have 2048 bits unless `rsaBits` says otherwise. */
export function makeSigningKey(alg: SigningAlgorithm, kid: string, rsaBits = 2048): SigningKey {
	const { privateKey, publicKey } = generate(alg, rsaBits);
	return { kid, alg, privateKey, jwk: { ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" } };
}

function generate(alg: SigningAlgorithm, rsaBits: number) {
	if (alg === "EdDSA") return generateKeyPairSync("ed25519");
	if (alg === "RS256" || alg === "PS256") return generateKeyPairSync("rsa", { modulusLength: rsaBits });
	return generateKeyPairSync("ec", { namedCurve: CURVES[alg] });
}

/** The JWK Set that publishes these keys. */
export function jwksOf(...keys: readonly SigningKey[]): { readonly keys: readonly JsonWebKey[] } {
	return { keys: keys.map(({ jwk }) => jwk) };
}

/** A compact JWS over claims. `header` adds to or replaces `alg`, `typ: at+jwt` and `kid`; undefined removes. */
export function signToken(key: SigningKey, claims: object, header: object = {}): string {
	return signBytes(
		key,
		JSON.stringify({ alg: key.alg, typ: "at+jwt", kid: key.kid, ...header }),
		JSON.stringify(claims),
	);
}

/** A compact JWS over exactly these bytes, whatever they are. */
export function signBytes(key: SigningKey, header: string | Buffer, payload: string | Buffer): string {
	const input = `${encode(header)}.${encode(payload)}`;
	return `${input}.${makeSignature(key, input).toString("base64url")}`;
}

export function makeSignature({ alg, privateKey }: SigningKey, input: string): Buffer {
	const digest = alg === "EdDSA" ? null : `sha${alg.slice(2)}`;
	const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } as const;
	return sign(digest, Buffer.from(input), {
		key: privateKey,
		dsaEncoding: "ieee-p1363",
		...(alg.startsWith("PS") ? pss : {}),
	});
}

export interface AccessTokenOptions {
	readonly issuer: string;
	readonly audience: string | readonly string[];
	readonly subject: string;
	/** Default: the subject itself, as for a client that acts on its own. */
	readonly client?: string;
	/** Parted by spaces. */
	readonly scope?: string;
	/** Seconds since the epoch. */
	readonly now: number;
	/** Seconds; default 300, negative for a token that has expired. */
	readonly lifetime?: number;
	/** Further claims. */
	readonly claims?: Readonly<Record<string, unknown>>;
}

/** Claims of an RFC 9068 access token, with a fresh `jti`. */
export function accessTokenClaims(options: AccessTokenOptions): Record<string, unknown> {
	const { issuer, audience, subject, client = subject, scope, now, lifetime = 300, claims } = options;
	const issuedAt = Math.floor(lifetime > 0 ? now : now + lifetime - 300);
	return {
		iss: issuer,
		aud: audience,
		sub: subject,
		client_id: client,
		iat: issuedAt,
		exp: lifetime > 0 ? issuedAt + lifetime : issuedAt + 300,
		jti: randomUUID(),
		...(scope === undefined ? {} : { scope }),
		...claims,
	};
}

/** An RFC 9068 access token. */
export function accessToken(key: SigningKey, options: AccessTokenOptions): string {
	return signToken(key, accessTokenClaims(options));
}

function encode(part: string | Buffer): string {
	return Buffer.from(part as string).toString("base64url");
}
