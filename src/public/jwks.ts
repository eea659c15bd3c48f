/** The published keys of every domain, for whoever verifies our tokens. */
import { createHash } from "node:crypto";
import type { Lane } from "../core/lane/lane.ts";

export interface JwksDocument {
	readonly body: string;
	/** Strong (RFC 9110, 8.8.1). */
	readonly etag: string;
}

/**
 * Every key that verifies at `now` (milliseconds since the epoch), announced ones too, so that both are there while two
 * overlap; none that is in quarantine.
 * @param only of this domain; null: of every one. A set says nothing of whose key is whose, so that whoever verifies one
 * domain's tokens with the keys of all would take what another domain's key signed.
 */
export function jwksDocument(
	lane: Pick<Lane, "domainKeys" | "quarantinedKey">,
	now: number,
	only: string | null,
): JwksDocument {
	const keys = (only === null ? [...lane.domainKeys.domains()] : [only])
		.flatMap((domain) => lane.domainKeys.of(domain, now))
		.filter(({ jwk }) => !lane.quarantinedKey(thumbprintOf(jwk), now))
		.toSorted((a, b) => (a.kid < b.kid ? -1 : 1))
		.map(({ jwk }) => jwk);
	const body = `${JSON.stringify({ keys })}\n`;
	return { body, etag: `"${sha256(body)}"` };
}

/** RFC 7638, 3: the members that a key needs, in the order of their names. */
function thumbprintOf(jwk: Readonly<Record<string, unknown>>): string {
	const needed = Object.entries(jwk)
		.filter(([name]) => NEEDED.includes(name))
		.toSorted(([a], [b]) => (a < b ? -1 : 1));
	return sha256(JSON.stringify(Object.fromEntries(needed)));
}

const NEEDED = ["crv", "e", "kty", "n", "x", "y"];
const sha256 = (text: string): string => createHash("sha256").update(text).digest("base64url");
