/**
 * x-forwarded-client-cert, in which proxies tell whom they met on the way: elements apart by commas, each a list of
 * `key=value` apart by `;`, values quoted when they hold one of `,;=`.
 *
 * Sources: Envoy's documentation of the header, CVE-2023-27493.
 */
import { LIMITS } from "../limits.ts";
import { parseSpiffeId } from "../spiffe.ts";

const NOTHING: readonly string[] = [];

/**
 * The SPIFFE IDs of all hops, nearest (rightmost) first. Empty when anything in the header is malformed, or a hop has
 * no URI, or two, or one that is no SPIFFE ID: a hop that were left out would lend its place to another.
 */
export function parseForwardedClientCert(header: string): readonly string[] {
	const hops: string[] = [];
	let uri: string | null = null;
	let position = 0;
	while (position <= header.length) {
		const equals = header.indexOf("=", position);
		if (equals === -1) return NOTHING;
		const key = header.slice(position, equals).trim().toLowerCase();
		if (!KEY.test(key)) return NOTHING;
		const end = valueEnd(header, equals + 1);
		if (end === -1) return NOTHING;
		if (key === "uri") {
			const value = unquoted(header.slice(equals + 1, end).trim());
			if (uri !== null || parseSpiffeId(value) === null) return NOTHING;
			uri = value;
		}
		position = end + 1;
		if (header.charCodeAt(end) === SEMICOLON) continue;
		if (uri === null || hops.length === LIMITS.forwardedHops) return NOTHING;
		hops.push(uri);
		uri = null;
	}
	return hops.reverse();
}

/** The last `count` elements of a header that {@link parseForwardedClientCert} can read; all of it when it has no more. */
export function lastHops(header: string, count: number): string {
	const starts = [0];
	let quoted = false;
	for (let index = 0; index < header.length; index++) {
		const code = header.charCodeAt(index);
		if (quoted && code === BACKSLASH) index++;
		else if (code === QUOTE) quoted = !quoted;
		else if (code === COMMA && !quoted) starts.push(index + 1);
	}
	return starts.length <= count ? header : header.slice(starts.at(-count)).trimStart();
}

/**
 * base64url SHA-256 of the certificate that the first element tells of (`Hash`, hexadecimal there), in a header that
 * {@link parseForwardedClientCert} can read; null when it tells of none, of two, or of what is no such hash.
 */
export function leafHash(header: string): string | null {
	let hash: string | null = null;
	for (let position = 0; position <= header.length; ) {
		const equals = header.indexOf("=", position);
		const end = equals === -1 ? -1 : valueEnd(header, equals + 1);
		if (end === -1) return null;
		if (header.slice(position, equals).trim().toLowerCase() === "hash") {
			const value = unquoted(header.slice(equals + 1, end).trim());
			if (hash !== null || !SHA256_HEX.test(value)) return null;
			hash = Buffer.from(value, "hex").toString("base64url");
		}
		if (header.charCodeAt(end) !== SEMICOLON) return hash;
		position = end + 1;
	}
	return hash;
}

const SHA256_HEX = /^[0-9A-Fa-f]{64}$/;
const KEY = /^[a-z]+$/;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SEMICOLON = 0x3b;
const COMMA = 0x2c;

/** Where the value that begins at `start` ends: at `;`, `,` or the header's end; -1 when its quotes are out of order. */
function valueEnd(header: string, start: number): number {
	let index = start;
	while (header.charCodeAt(index) === 0x20) index++;
	if (header.charCodeAt(index) === QUOTE) {
		for (index++; header.charCodeAt(index) !== QUOTE; index++) {
			if (header.charCodeAt(index) === BACKSLASH) index++;
			if (index >= header.length) return -1;
		}
		index++;
		while (header.charCodeAt(index) === 0x20) index++;
		const code = header.charCodeAt(index);
		return index === header.length || code === SEMICOLON || code === COMMA ? index : -1;
	}
	for (; index < header.length; index++) {
		const code = header.charCodeAt(index);
		if (code === SEMICOLON || code === COMMA) return index;
		if (code === QUOTE) return -1;
	}
	return index;
}

function unquoted(value: string): string {
	return value.charCodeAt(0) === QUOTE ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
}
