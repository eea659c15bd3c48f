/**
 * SPIFFE IDs, strictly: what two parsers could read in two ways is no ID. One spelling names one workload, so IDs are
 * compared byte for byte and nothing is ever brought to another case.
 *
 * Source: The SPIFFE Identity and Verifiable Identity Document, sections 2.1 to 2.3.
 */
import { LIMITS } from "./limits.ts";

export interface SpiffeId {
	/** Lower case letters, digits, `.`, `-` and `_`; never empty. */
	readonly trustDomain: string;
	/** `/` and one or more segments; "" when the ID names the trust domain itself. */
	readonly path: string;
}

const SCHEME = "spiffe://";
const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
/** No `%`, no port, no userinfo, no query can get past these alphabets; dot segments are looked at apart. */
const PATH = /^(?:\/[A-Za-z0-9._-]+)+$/;
const DOT_SEGMENT = /\/\.\.?(?:\/|$)/;

/**
 * Reads a SPIFFE ID of at most `LIMITS.spiffeIdBytes` bytes. Null when the text is anything else: another case of the
 * scheme or the trust domain, an empty, `.` or `..` segment, a trailing slash, an escape, port, userinfo, query or fragment.
 *
 * An ID without a path is valid and names the trust domain; a workload's ID always has one (X.509-SVID section 2).
 */
export function parseSpiffeId(text: string): SpiffeId | null {
	if (text.length > LIMITS.spiffeIdBytes || !text.startsWith(SCHEME)) return null;
	const slash = text.indexOf("/", SCHEME.length);
	const trustDomain = slash === -1 ? text.slice(SCHEME.length) : text.slice(SCHEME.length, slash);
	if (trustDomain.length > LIMITS.trustDomainBytes || !TRUST_DOMAIN.test(trustDomain)) return null;
	const path = slash === -1 ? "" : text.slice(slash);
	if (path !== "" && (!PATH.test(path) || DOT_SEGMENT.test(path))) return null;
	return { trustDomain, path };
}
