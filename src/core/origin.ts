/** Origins: scheme, host and port of a URI. */
import { canonicalHost } from "./canonical/host.ts";

/** What callers may know a destination by: http or https, a host, a port. User information is none of it. */
const ORIGIN = /^(https?):\/\/(.+)$/i;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: ":80", https: ":443" };

/**
 * The one form of an origin (RFC 3986, 6.2.2.1 and 6.2.3): scheme and host in lower case, no default port and no empty one,
 * no path, not even `/`. Null for anything that is no origin.
 */
export function parseOrigin(text: string): string | null {
	const [, scheme = "", authority = ""] = ORIGIN.exec(text) ?? [];
	const name = scheme.toLowerCase();
	const host = canonicalHost(authority.endsWith(":") ? authority.slice(0, -1) : authority);
	if (!host.ok) return null;
	const port = DEFAULT_PORTS[name]!;
	const { authority: canonical } = host;
	return `${name}://${canonical.endsWith(port) ? canonical.slice(0, -port.length) : canonical}`;
}
