/** Addresses of peers. */

/**
 * The one spelling of an IP address, so that it can be counted and compared: IPv4 as it is, IPv6 compressed (RFC 5952) and
 * without a zone, IPv4-mapped IPv6 as IPv4. Null for anything else.
 */
export function canonicalAddress(text: string): string | null {
	if (isIPv4(text)) return text;
	if (!IPV6.test(text)) return null;
	const zone = text.indexOf("%");
	const address = zone === -1 ? text : text.slice(0, zone);
	const compressed = URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? null;
	return compressed?.startsWith(MAPPED) ? mappedAddress(compressed) : compressed;
}

/** What could be one: the URL parser says whether it is. Its zone, a name of this machine's, is anything. */
const IPV6 = /^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?:%[0-9A-Za-z.:-]+)?$/;
const OCTET = /^(?:0|[1-9]\d{0,2})$/;

function isIPv4(text: string): boolean {
	if (text.length > 15) return false;
	const octets = text.split(".");
	return octets.length === 4 && octets.every((octet) => OCTET.test(octet) && Number(octet) <= 255);
}

const MAPPED = "::ffff:";

/** `::ffff:a00:7` to `10.0.0.7`. */
function mappedAddress(compressed: string): string {
	const groups = compressed.slice(MAPPED.length).split(":");
	if (groups.length !== 2) return compressed;
	const [high = 0, low = 0] = groups.map((group) => Number.parseInt(group, 16));
	return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}
