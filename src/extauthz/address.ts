/** Addresses of peers. */
import { isIP } from "node:net";

/**
 * The one spelling of an IP address, so that it can be counted and compared: IPv4 as it is, IPv6 compressed (RFC 5952) and
 * without a zone, IPv4-mapped IPv6 as IPv4. Null for anything else.
 */
export function canonicalAddress(text: string): string | null {
	const version = isIP(text);
	if (version === 4) return text;
	if (version !== 6) return null;
	const zone = text.indexOf("%");
	const address = zone === -1 ? text : text.slice(0, zone);
	const compressed = URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? null;
	return compressed?.startsWith(MAPPED) ? mappedAddress(compressed) : compressed;
}

const MAPPED = "::ffff:";

/** `::ffff:a00:7` to `10.0.0.7`. */
function mappedAddress(compressed: string): string {
	const groups = compressed.slice(MAPPED.length).split(":");
	if (groups.length !== 2) return compressed;
	const [high = 0, low = 0] = groups.map((group) => Number.parseInt(group, 16));
	return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}
