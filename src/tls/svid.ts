/** X.509-SVIDs: which workload a certificate names. */
import { X509Certificate } from "node:crypto";
import { parseSpiffeId } from "../core/spiffe.ts";

/**
 * The SPIFFE ID of a certificate that TLS has verified, DER; null unless it has exactly one URI name and that is one
 * (X.509-SVID, section 2).
 */
export function spiffeIdOf(der: Uint8Array): string | null {
	const names = new X509Certificate(der).subjectAltName;
	// Node quotes every name that could be taken for several (CVE-2021-44532), and no SPIFFE ID needs quotes.
	if (names === undefined || names.includes('"')) return null;
	const uris = names.split(", ").filter((name) => name.startsWith("URI:"));
	const id = uris.length === 1 ? (uris[0] as string).slice("URI:".length) : "";
	return parseSpiffeId(id) === null ? null : id;
}
