/** API keys: opaque, shown once, kept nowhere but as a digest. */
import { createHash, randomBytes } from "node:crypto";
import { formatApiKey } from "../core/api-key.ts";

export interface NewApiKey {
	/** A secret: for its bearer's eyes alone. */
	readonly key: string;
	readonly digest: string;
}

export function newApiKey(): NewApiKey {
	const key = formatApiKey(randomBytes(32));
	return { key, digest: digestOfApiKey(key) };
}

/** base64url(SHA-256): what the database and servers know a key by. Its 256 random bits need no salt and no slow hash. */
export function digestOfApiKey(key: string): string {
	return createHash("sha256").update(key).digest("base64url");
}
