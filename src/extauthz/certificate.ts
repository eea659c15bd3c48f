/** The peer's certificate as the proxy passes it on. */
import { createHash, X509Certificate } from "node:crypto";
import { LRUCache } from "lru-cache";
import { LIMITS } from "../core/limits.ts";

const UNREADABLE = "";
const hashes = new LRUCache<string, string>({
	maxSize: LIMITS.certificateCacheBytes,
	sizeCalculation: (_hash, text) => text.length,
});

/**
 * base64url(SHA-256(DER)) of a certificate (RFC 8705, 3.1) that is given as URL-encoded PEM; null when there is none, or
 * it cannot be read. Remembered by its text: the same few peers come back with every request.
 */
export function certificateHash(text: string): string | null {
	if (text === "" || text.length > LIMITS.certificateBytes) return null;
	let hash = hashes.get(text);
	if (hash === undefined) {
		hash = readHash(text);
		hashes.set(text, hash);
	}
	return hash === UNREADABLE ? null : hash;
}

function readHash(text: string): string {
	try {
		const certificate = new X509Certificate(decodeURIComponent(text));
		return createHash("sha256").update(certificate.raw).digest("base64url");
	} catch {
		return UNREADABLE;
	}
}
