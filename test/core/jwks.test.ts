import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { checkJwksUri, fitsAlgorithm, lintJwks, readJwks } from "../../src/core/jwks.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { Profile } from "../../src/core/model.ts";

type Jwk = Record<string, unknown>;

const pairs = {
	rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
	p256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
	p384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
	ed: generateKeyPairSync("ed25519"),
};
const rsa: Jwk = pairs.rsa.publicKey.export({ format: "jwk" });
const p256: Jwk = pairs.p256.publicKey.export({ format: "jwk" });
const p384: Jwk = pairs.p384.publicKey.export({ format: "jwk" });
const ed: Jwk = pairs.ed.publicKey.export({ format: "jwk" });

/** A number as base64url of its shortest big-endian bytes. */
function encode(number: bigint): string {
	const hex = number.toString(16);
	return Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex").toString("base64url");
}

/** A modulus that is a power of 65537 modulo every prime of the fingerprint, as those of CVE-2017-15361 are. */
function rocaModulus(): bigint {
	const primes = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101];
	const more = [103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167];
	const product = [2, ...primes, ...more].reduce((all, prime) => all * BigInt(prime), 1n);
	let power = 1n;
	for (let i = 0; i < 12_345; i++) power = (power * 65_537n) % product;
	const start = (1n << 2047n) + product - ((1n << 2047n) % product);
	return start + power;
}

const only = (key: Jwk) => ({ keys: [key] });
const messages = (set: unknown, profile: Profile = "rfc9068") => lintJwks(set, profile).map(({ message }) => message);

describe("a JWK Set that may be used", () => {
	test.each<[string, Jwk]>([
		["RSA", rsa],
		["RSA with an algorithm", { ...rsa, alg: "PS384", use: "sig", key_ops: ["verify"], kid: "1" }],
		["P-256", { ...p256, alg: "ES256" }],
		["P-384", p384],
		["Ed25519", ed],
		["Ed25519 by its new name", { ...ed, alg: "Ed25519" }],
		["members that mean nothing to us", { ...ed, x5c: ["AAAA"], x5t: "BBBB", exp: 1 }],
	])("%s", (_, key) => {
		expect(readJwks(only(key), "rfc9068")).toMatchObject({ keys: [{ kid: key.kid ?? null }], problems: [] });
	});

	test("keeps nothing of a key but its numbers", () => {
		const { keys } = readJwks(
			only({ ...p256, kid: "a", use: "sig", alg: "ES256", x5u: "https://example.org" }),
			"oidc",
		);
		expect(keys).toEqual([{ kid: "a", alg: "ES256", jwk: { kty: "EC", crv: "P-256", x: p256.x, y: p256.y } }]);
	});

	test("calls Ed25519 EdDSA", () => {
		const [key] = readJwks(only({ ...ed, alg: "Ed25519" }), "rfc9068").keys;
		expect(key?.alg).toBe("EdDSA");
		expect(fitsAlgorithm(key!, "EdDSA") && fitsAlgorithm(key!, "Ed25519")).toBe(true);
	});

	test.each<[string, Jwk, Profile]>([
		["an encryption key", { ...rsa, use: "enc", alg: "RSA-OAEP" }, "oidc"],
		["an encryption algorithm", { ...rsa, alg: "RSA-OAEP-256" }, "oidc"],
		["a curve for key agreement", { kty: "OKP", crv: "X25519", x: ed.x }, "oidc"],
		["a curve we do not verify", { kty: "EC", crv: "secp256k1", x: p256.x, y: p256.y }, "oidc"],
		["a type we do not know", { kty: "AKP", alg: "ML-DSA-44", pub: "AAAA" }, "oidc"],
		["an X.509-SVID authority", { ...p256, use: "x509-svid" }, "jwt_svid"],
		["a JWT-SVID authority, elsewhere", { ...p256, use: "jwt-svid" }, "rfc9068"],
	])("sets %s aside", (_, key, profile) => {
		const use = profile === "jwt_svid" ? "jwt-svid" : "sig";
		const { keys, problems } = readJwks({ keys: [key, { ...ed, use, kid: "mine" }] }, profile);
		expect(problems).toEqual([]);
		expect(keys.map(({ kid }) => kid)).toEqual(["mine"]);
		expect(messages(only(key), profile)).toEqual(["it holds no key that can verify a signature"]);
	});

	test("a SPIFFE bundle: only keys marked for JWT-SVIDs", () => {
		const set = {
			spiffe_sequence: 1,
			keys: [
				{ ...p256, use: "jwt-svid", kid: "a" },
				{ ...p384, kid: "b" },
			],
		};
		expect(readJwks(set, "jwt_svid").keys.map(({ kid }) => kid)).toEqual(["a"]);
	});

	test("a plain set of an issuer of JWT-SVIDs", () => {
		expect(readJwks(only({ ...p256, kid: "a" }), "jwt_svid").keys).toHaveLength(1);
	});
});

describe("a JWK Set that is refused whole", () => {
	test.each<[string, Jwk, RegExp]>([
		["a symmetric key", { kty: "oct", k: "c2VjcmV0" }, /symmetric/],
		["a private EC key", pairs.p256.privateKey.export({ format: "jwk" }), /private/],
		["a private RSA key", pairs.rsa.privateKey.export({ format: "jwk" }), /private/],
		["a private encryption key", { ...pairs.rsa.privateKey.export({ format: "jwk" }), use: "enc" }, /private/],
		["RSA below 2048 bits", { ...rsa, n: encode((1n << 2046n) + 1n) }, /shorter than 2048/],
		["RSA above the limit", { ...rsa, n: encode((1n << BigInt(LIMITS.rsaBits)) + 1n) }, /longer than/],
		["an even RSA modulus", { ...rsa, n: encode(1n << 2047n) }, /even/],
		["e = 1", { ...rsa, e: "AQ" }, /exponent/],
		["e = 3", { ...rsa, e: "Aw" }, /exponent/],
		["an even e", { ...rsa, e: encode(65_538n) }, /exponent/],
		["a giant e", { ...rsa, e: encode((1n << 64n) + 1n) }, /exponent/],
		["a ROCA key", { ...rsa, n: encode(rocaModulus()) }, /CVE-2017-15361/],
		["RSA without n", { kty: "RSA", e: "AQAB" }, /base64url/],
		["padded n", { ...rsa, n: `${rsa.n}==` }, /base64url/],
		["key_ops of another purpose", { ...p256, key_ops: ["encrypt"] }, /key_ops/],
		["key_ops of a private key", { ...p256, key_ops: ["verify", "sign"] }, /key_ops/],
		["key_ops that are no array", { ...p256, key_ops: "verify" }, /key_ops/],
		["use that is no text", { ...p256, use: 1 }, /use/],
		["alg of another type", { ...p256, alg: "RS256" }, /alg/],
		["alg of another curve", { ...p256, alg: "ES384" }, /alg/],
		["alg that is no text", { ...p256, alg: ["ES256"] }, /alg/],
		["a curve of another type", { ...p256, kty: "OKP" }, /crv/],
		["a short coordinate", { ...p256, x: String(p256.x).slice(0, -2) }, /x has not/],
		["a missing coordinate", { kty: "EC", crv: "P-256", x: p256.x }, /y has not/],
		["a kid that is no text", { ...p256, kid: 1 }, /kid/],
		["an endless kid", { ...p256, kid: "k".repeat(LIMITS.kidLength + 1) }, /kid/],
		["no kty", { crv: "P-256" }, /kty/],
	])("%s", (_, key, cause) => {
		expect(messages({ keys: [{ ...ed, kid: "good" }, key] })).toEqual([expect.stringMatching(cause)]);
	});

	test.each([
		["null", null],
		["a text", "{}"],
		["an array", []],
		["no keys", {}],
		["keys that are no array", { keys: {} }],
		["keys that are no objects", { keys: [null] }],
		["an empty set", { keys: [] }],
	])("%s", (_, set) => {
		expect(lintJwks(set)).toHaveLength(1);
	});

	test("a doubled kid", () => {
		expect(
			messages({
				keys: [
					{ ...p256, kid: "a" },
					{ ...ed, kid: "a" },
				],
			}),
		).toEqual(["two keys share one kid"]);
	});

	test("more keys than its limit", () => {
		const keys = Array.from({ length: LIMITS.jwksKeys + 1 }, (_, i) => ({ ...ed, kid: String(i) }));
		expect(messages({ keys })).toEqual([expect.stringContaining("more than")]);
		expect(messages({ keys: keys.slice(1) })).toEqual([]);
	});

	test("no text of a key stands in a problem", () => {
		const secret = pairs.p256.privateKey.export({ format: "jwk" });
		expect(JSON.stringify(lintJwks(only({ ...secret, kid: "k1" })))).not.toContain(String(secret.d));
	});
});

describe("checkJwksUri", () => {
	test.each([
		"https://issuer.example.org/jwks",
		"https://issuer.example.org:8443/a?b=c",
		"http://localhost:1/jwks",
		"http://127.0.0.1:8080/jwks",
		"http://127.1.2.3/jwks",
		"http://[::1]:80/jwks",
	])("takes %s", (uri) => {
		expect(checkJwksUri(uri)).toBeNull();
	});
	test.each([
		"",
		"issuer.example.org/jwks",
		"http://issuer.example.org/jwks",
		"http://localhost.example.org/jwks",
		"http://127.0.0.1.example.org/jwks",
		"http://10.0.0.1/jwks",
		"https://user:pw@issuer.example.org/jwks",
		"https://issuer.example.org/jwks#a",
		"file:///etc/passwd",
		"data:application/json,{}",
		"ftp://issuer.example.org/jwks",
	])("refuses %p", (uri) => {
		expect(checkJwksUri(uri)).toMatchObject({ field: "jwks_uri" });
	});
});
