/**
 * JWK Sets (RFC 7517) as they come in: which of their keys may verify tokens, and what is wrong with them. No
 * cryptography happens here, so the compiler calls it for inline sets and the key store for fetched ones.
 *
 * One bad key refuses the whole set: a set is either as its issuer meant it, or nobody knows what it is.
 */
import type { Problem } from "./errors.ts";
import { LIMITS } from "./limits.ts";
import type { Profile } from "./model.ts";
import { hasRocaFingerprint } from "./roca.ts";

/** What is wrong with a set; the caller knows whose set it is. */
export type KeyProblem = Omit<Problem, "object">;

/** A public key that may verify signatures, stripped of everything but its own numbers. */
export interface PublicJwk {
	readonly kid: string | null;
	/** The one algorithm that the set pins it to, Ed25519 spelled `EdDSA`; null when it names none. */
	readonly alg: string | null;
	/** `kty` with `n`, `e` or `crv`, `x`, `y`: exactly the members of an RFC 7638 thumbprint. */
	readonly jwk: Readonly<Record<string, string>>;
}

const CURVES: Readonly<Record<string, { readonly kty: string; readonly alg: string; readonly bytes: number }>> = {
	"P-256": { kty: "EC", alg: "ES256", bytes: 32 },
	"P-384": { kty: "EC", alg: "ES384", bytes: 48 },
	"P-521": { kty: "EC", alg: "ES512", bytes: 66 },
	Ed25519: { kty: "OKP", alg: "EdDSA", bytes: 32 },
};
const RSA_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

/** Every signature algorithm that an issuer may be allowed. Never `none`, never a MAC. */
export const SIGNATURE_ALGORITHMS: readonly string[] = [
	...RSA_ALGORITHMS,
	"ES256",
	"ES384",
	"ES512",
	"EdDSA",
	"Ed25519",
];

/** One name for one algorithm: `Ed25519` (RFC 9864) and `EdDSA` (RFC 8037) are the same signature here. */
export function canonicalAlgorithm(alg: string): string {
	return alg === "Ed25519" ? "EdDSA" : alg;
}

/** Whether a key can make signatures of this algorithm: type and curve, and `alg` when the key names one. */
export function fitsAlgorithm(key: PublicJwk, alg: string): boolean {
	const name = canonicalAlgorithm(alg);
	if (key.alg !== null) return key.alg === name;
	return key.jwk.kty === "RSA" ? RSA_ALGORITHMS.includes(name) : CURVES[key.jwk.crv ?? ""]?.alg === name;
}

/**
 * What is wrong with a parsed JWK Set; empty when it may be used. `profile` tells SPIFFE bundles apart, whose keys
 * carry `use: "jwt-svid"`.
 */
export function lintJwks(set: unknown, profile: Profile = "rfc9068"): readonly KeyProblem[] {
	return readJwks(set, profile).problems;
}

/**
 * The signature keys of a parsed JWK Set, and what is wrong with it. The keys count only when there are no problems.
 *
 * Keys for other purposes (`use: "enc"`, an encryption `alg`) and of kinds that we do not verify with are set aside,
 * as RFC 7517 section 5 has it: common providers publish their encryption keys in the same set. Secrets are looked
 * for in those as well.
 */
export function readJwks(
	set: unknown,
	profile: Profile,
): { keys: readonly PublicJwk[]; problems: readonly KeyProblem[] } {
	const members = isObject(set) ? set.keys : undefined;
	if (!Array.isArray(members)) {
		return { keys: [], problems: [problem("it is not a JWK Set", 'give an object with an array "keys"')] };
	}
	if (members.length > LIMITS.jwksKeys) {
		const cause = `it holds ${members.length} keys, more than ${LIMITS.jwksKeys}`;
		return { keys: [], problems: [problem(cause, "withdraw the keys that no longer sign")] };
	}
	const bundle = profile === "jwt_svid" && members.some((key) => isObject(key) && SVID_USES.includes(String(key.use)));
	const keys: PublicJwk[] = [];
	const problems: KeyProblem[] = [];
	for (const [index, member] of members.entries()) {
		const found = readKey(member, bundle);
		if (typeof found === "string") problems.push(problem(`key ${index}: ${found}`, CURE));
		else if (found !== null) keys.push(found);
	}
	const kids = keys.map((key) => key.kid).filter((kid) => kid !== null);
	if (new Set(kids).size !== kids.length) {
		problems.push(problem("two keys share one kid", "give every key of the set its own kid"));
	}
	if (keys.length === 0 && problems.length === 0) {
		problems.push(problem("it holds no key that can verify a signature", "publish the issuer's signature keys"));
	}
	return { keys, problems };
}

/**
 * Why keys may not be fetched from an address, or null: https only, but for http on a loopback address; no user
 * information, no fragment.
 */
export function checkJwksUri(text: string): KeyProblem | null {
	const url = URL.parse(text);
	const loopback = url !== null && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
	const secure = url?.protocol === "https:" || (url?.protocol === "http:" && loopback);
	if (url && secure && url.username === "" && url.password === "" && url.hash === "") return null;
	return {
		field: "jwks_uri",
		message: "keys may not be fetched from this address",
		cure: "give an https address without user information and fragment (http only on a loopback address)",
	};
}

/**
 * One public key that somebody shows to have signed with it, held to the same rules as the keys of a set.
 * @returns null when it is a key for another purpose, or what is wrong with it.
 */
export function readPublicJwk(jwk: unknown): PublicJwk | null | string {
	return readKey(jwk, false);
}

const CURE = "have the issuer publish public signature keys only, each sound and with a kid of its own";
const SVID_USES = ["jwt-svid", "x509-svid"];
const SECRET_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
const BASE64URL = /^[A-Za-z0-9_-]+$/;

/** A key; null when it is for another purpose; or what is wrong with it. */
function readKey(member: unknown, bundle: boolean): PublicJwk | null | string {
	if (!isObject(member)) return "it is not an object";
	const { kty, kid, use, alg, crv, key_ops: operations } = member;
	if (kty === "oct") return "it is a symmetric key";
	if (SECRET_MEMBERS.some((name) => Object.hasOwn(member, name))) return "it holds private members";
	if (use !== undefined && use !== (bundle ? "jwt-svid" : "sig")) {
		return typeof use === "string" && use !== "" ? null : "use is not a string";
	}
	if (bundle && use === undefined) return null;
	if (typeof kty !== "string") return "kty is missing";
	if (alg !== undefined && typeof alg !== "string") return "alg is not a string";
	if (alg !== undefined && !SIGNATURE_ALGORITHMS.includes(alg)) return null;
	if (kty !== "RSA" && (typeof crv !== "string" || CURVES[crv] === undefined)) return null;
	if (kid !== undefined && !isKid(kid)) return "kid is not a short text";
	if (operations !== undefined && !isVerifyOnly(operations)) return 'key_ops is other than ["verify"]';
	const jwk = kty === "RSA" ? readRsa(member) : readCurve(member);
	if (typeof jwk === "string") return jwk;
	const key = { kid: kid ?? null, alg: alg === undefined ? null : canonicalAlgorithm(alg), jwk };
	const fits = alg === undefined || fitsAlgorithm({ ...key, alg: null }, alg);
	return fits ? key : "alg does not fit the key's type";
}

/** RSA: a modulus of 2048 to `LIMITS.rsaBits` bits, not of the ROCA generator; an odd exponent from 65537 to 2^32. */
function readRsa(member: Record<string, unknown>): Readonly<Record<string, string>> | string {
	const n = toNumber(member.n);
	const e = toNumber(member.e);
	if (n === null || e === null) return "n or e is not base64url without padding";
	const bits = n.toString(2).length;
	if (bits < 2048) return "the RSA modulus is shorter than 2048 bits";
	if (bits > LIMITS.rsaBits) return `the RSA modulus is longer than ${LIMITS.rsaBits} bits`;
	if (e < 65_537n || e > 2n ** 32n || e % 2n === 0n) return "the RSA exponent is not an odd number from 65537 to 2^32";
	if (n % 2n === 0n) return "the RSA modulus is even";
	if (hasRocaFingerprint(n)) return "the RSA key comes from a broken generator (CVE-2017-15361)";
	return { e: String(member.e), kty: "RSA", n: String(member.n) };
}

function readCurve(member: Record<string, unknown>): Readonly<Record<string, string>> | string {
	const crv = String(member.crv);
	const curve = CURVES[crv];
	if (curve === undefined || member.kty !== curve.kty) return "crv does not fit kty";
	if (!isCoordinate(member.x, curve.bytes)) return "x has not the curve's length";
	if (curve.kty === "OKP") return { crv, kty: "OKP", x: member.x };
	if (!isCoordinate(member.y, curve.bytes)) return "y has not the curve's length";
	return { crv, kty: "EC", x: member.x, y: member.y };
}

function toNumber(text: unknown): bigint | null {
	if (typeof text !== "string" || !BASE64URL.test(text)) return null;
	const bytes = Buffer.from(text, "base64url");
	return bytes.toString("base64url") === text ? BigInt(`0x${bytes.toString("hex")}`) : null;
}

function isCoordinate(text: unknown, bytes: number): text is string {
	if (typeof text !== "string" || !BASE64URL.test(text)) return false;
	const decoded = Buffer.from(text, "base64url");
	return decoded.length === bytes && decoded.toString("base64url") === text;
}

function isKid(kid: unknown): kid is string {
	return typeof kid === "string" && kid !== "" && kid.length <= LIMITS.kidLength;
}

function isVerifyOnly(operations: unknown): boolean {
	return Array.isArray(operations) && operations.length === 1 && operations[0] === "verify";
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function problem(message: string, cure: string): KeyProblem {
	return { field: "jwks", message, cure };
}
