/** From a grant to the token itself: the key is chosen and read, and the token signed. Nothing is written anywhere. */
import { FirebreakError } from "../core/errors.ts";
import type { DomainKey } from "../core/lane/domain-keys.ts";
import type { TokenClaims } from "./claims.ts";
import { chooseSigningKey } from "./keys/choose.ts";
import type { KeyFolder } from "./keys/folder.ts";
import { signToken } from "./sign.ts";

export interface Signers {
	/** Published keys of a domain. */
	readonly keys: readonly DomainKey[];
	/** Whether a key, by its thumbprint, is in quarantine: nothing is to be signed with it. */
	readonly isQuarantined: (thumbprint: string) => boolean;
	readonly folder: Pick<KeyFolder, "list" | "read">;
}

/**
 * Signs with the key of a domain that is to sign at `now` (milliseconds since the epoch).
 * @throws FirebreakError not_found when no key can; config_invalid when its file may not be used.
 */
export async function signFor(domain: string, signers: Signers, claims: TokenClaims, now: number): Promise<string> {
	const { keys, isQuarantined, folder } = signers;
	const here = await folder.list(domain);
	// A key that is over before the token is would take the token with it.
	const isAtHand = ({ kid, until }: DomainKey) => here.has(kid) && !isQuarantined(kid) && until >= claims.exp * 1_000;
	const { kid } = chooseSigningKey(domain, keys, isAtHand, now);
	const key = await folder.read(domain, kid);
	if (key !== null) return signToken(key, claims);
	throw new FirebreakError("not_found", `the private half of the key ${kid} is gone from FIREBREAK_KEYS_DIR`);
}
