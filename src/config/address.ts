/** Where a listener stands: `host:port`, `[ipv6]:port` or `unix:PATH`. */
import { isIP, isIPv4 } from "node:net";

export type Address =
	| { readonly kind: "tcp"; readonly host: string; readonly port: number }
	| { readonly kind: "unix"; readonly path: string };

/** Bytes of a socket's path that Linux takes, the ending NUL not counted (unix(7)). */
const UNIX_PATH_BYTES = 107;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
const HOST_PORT = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/;

/** Reads an address. Port 0 lets the system choose. The text instead of an address says what is wrong with it. */
export function parseAddress(text: string): Address | string {
	if (text.startsWith("unix:")) {
		const path = text.slice("unix:".length);
		if (!path.startsWith("/") || path.startsWith("//")) return "a socket's path is absolute and has one leading slash";
		if (path.includes("\0") || Buffer.byteLength(path) > UNIX_PATH_BYTES) {
			return `a socket's path has at most ${UNIX_PATH_BYTES} bytes, and no NUL`;
		}
		return { kind: "unix", path };
	}
	const [, bracketed, plain, digits] = HOST_PORT.exec(text) ?? [];
	if (digits === undefined) return "it is neither host:port nor unix:PATH";
	const host = bracketed ?? plain!;
	const port = Number(digits);
	if (port > 65_535) return "a port is at most 65535";
	if (host === "") return "it names no host";
	if (bracketed !== undefined ? isIP(host) !== 6 : !isIPv4(host) && !HOST_NAME.test(host)) {
		return "its host is no IP address and no host name";
	}
	return { kind: "tcp", host, port };
}

export function formatAddress(address: Address): string {
	if (address.kind === "unix") return `unix:${address.path}`;
	return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * Whether only processes on this machine can connect: a socket, or a loopback address. Of names only `localhost`
 * counts (RFC 6761, 6.3), since any other may resolve to anything.
 */
export function isLocal(address: Address): boolean {
	if (address.kind === "unix") return true;
	const host = address.host.toLowerCase();
	return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** Whether two listeners would want the same place; port 0 never collides. */
export function collide(a: Address, b: Address): boolean {
	if (a.kind === "tcp" && a.port === 0) return false;
	return formatAddress(a).toLowerCase() === formatAddress(b).toLowerCase();
}
