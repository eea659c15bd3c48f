import { constants, type VerifyKeyObjectInput, verify } from "node:crypto";
import type { PublicKey } from "./keys/public-key.ts";

type Method = { readonly digest: string | null; readonly options: Omit<VerifyKeyObjectInput, "key"> };

const pkcs1 = (digest: string): Method => ({ digest, options: { padding: constants.RSA_PKCS1_PADDING } });
const pss = (digest: string): Method => ({
	digest,
	options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
});
const ecdsa = (digest: string): Method => ({ digest, options: { dsaEncoding: "ieee-p1363" } });
const eddsa: Method = { digest: null, options: {} };

/** RFC 7518, section 3, RFC 8037, section 3.1, and RFC 9864. */
const METHODS: Readonly<Record<string, Method>> = {
	RS256: pkcs1("sha256"),
	RS384: pkcs1("sha384"),
	RS512: pkcs1("sha512"),
	PS256: pss("sha256"),
	PS384: pss("sha384"),
	PS512: pss("sha512"),
	ES256: ecdsa("sha256"),
	ES384: ecdsa("sha384"),
	ES512: ecdsa("sha512"),
	EdDSA: eddsa,
	Ed25519: eddsa,
};

/**
 * Whether a compact JWS was signed with a key. `alg` is the JWS's own, already known to fit the key.
 *
 * At once, but for slow keys: handing a signature to another thread and back costs about as much as checking one with
 * ES256 here (test/bench/authn.ts), and much more than with RSA. Whatever is thrown means no: a failure that we did not
 * foresee must not pass. Nothing of the error is kept.
 */
export function isSignedBy(jws: string, alg: string, { key, slow }: PublicKey): boolean | Promise<boolean> {
	const method = METHODS[alg];
	if (method === undefined) return false;
	const end = jws.lastIndexOf(".");
	const input = Buffer.from(jws.slice(0, end), "latin1");
	const signature = Buffer.from(jws.slice(end + 1), "base64url");
	const keyed = { key, ...method.options };
	if (slow) {
		return new Promise((resolve) => {
			verify(method.digest, input, keyed, signature, (error, genuine) => resolve(error === null && genuine === true));
		});
	}
	try {
		return verify(method.digest, input, keyed, signature);
	} catch {
		return false;
	}
}
