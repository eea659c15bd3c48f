import { compactVerify } from "jose";
import type { VerificationKey } from "./keys/keyset.ts";

/**
 * Whether a compact JWS was signed with a key. `alg` is the token's own, already known to fit the key; jose reads the
 * header again and has to find the same.
 *
 * Whatever jose throws means no: besides its own errors there are TypeError and DOMException (unfit keys), and a
 * failure that we did not foresee must not pass either. Nothing of the error is kept, since it may quote the token.
 */
export async function isSignedBy(token: string, alg: string, key: VerificationKey): Promise<boolean> {
	try {
		await compactVerify(token, key.jwk, { algorithms: [alg] });
		return true;
	} catch {
		return false;
	}
}
