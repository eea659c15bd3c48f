import { createPublicKey, hash, type KeyObject } from "node:crypto";
import type { PublicJwk } from "../../core/jwks.ts";
import { LIMITS } from "../../core/limits.ts";

/** A public key that works. */
export interface PublicKey {
	readonly key: KeyObject;
	/** RFC 7638, SHA-256, base64url. */
	readonly thumbprint: string;
	/** One verification takes so long that it would hold up other requests: it belongs on another thread. */
	readonly slow: boolean;
}

/** Null when the numbers are no key: a point off its curve, say. */
export function importPublicKey({ jwk }: Pick<PublicJwk, "jwk">): PublicKey | null {
	try {
		const key = createPublicKey({ key: { ...jwk }, format: "jwk" });
		return { key, thumbprint: thumbprintOf(jwk), slow: isSlow(key) };
	} catch {
		return null;
	}
}

/** RFC 7638, 3: of a key's own members in alphabetical order, as {@link PublicJwk} has them. */
export function thumbprintOf(jwk: PublicJwk["jwk"]): string {
	return hash("sha256", JSON.stringify(jwk), "base64url");
}

/** P-384 and P-521 take some 1 and 2 ms; all others up to RSA of 4096 bits take 0.03 to 0.2 ms. */
function isSlow({ asymmetricKeyDetails: { modulusLength, namedCurve } = {} }: KeyObject): boolean {
	if (modulusLength !== undefined) return modulusLength > LIMITS.rsaBitsAtOnce;
	return namedCurve !== undefined && namedCurve !== P_256;
}

/** As OpenSSL calls it. */
const P_256 = "prime256v1";
