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
	const elements = readElements(header);
	if (elements === null) return NOTHING;
	const hops: string[] = [];
	for (const fields of elements) {
		const [uri, ...others] = fields.filter(({ key }) => key === "uri");
		if (uri === undefined || others.length > 0 || parseSpiffeId(uri.value) === null) return NOTHING;
		hops.push(uri.value);
	}
	return hops.reverse();
}

/** What is known of a caller and of the proxy that met it, apart from the header. */
export interface Met {
	readonly principal: string | null;
	/** base64url(SHA-256(DER)) of the caller's certificate. */
	readonly certificateHash: string | null;
	/** The proxy's own. */
	readonly by: string | null;
}

/**
 * Whether the last element says what is known of the caller, and nothing besides: then it does not matter whether the
 * proxy that met the caller wrote it, or the caller itself.
 */
export function tellsWhatIsKnown(header: string, { principal, certificateHash, by }: Met): boolean {
	const fields = readElements(header)?.at(-1);
	if (!fields || principal === null || !fields.some(({ key }) => key === "uri")) return false;
	return fields.every(({ key, value }) => {
		if (key === "uri") return value === principal;
		if (key === "hash")
			return certificateHash !== null && value === Buffer.from(certificateHash, "base64url").toString("hex");
		// Istio has it told, and SVIDs have none.
		if (key === "subject") return value === "";
		return key === "by" && value === by;
	});
}

interface Field {
	/** In lower case. */
	readonly key: string;
	readonly value: string;
}

/** The fields of each element, as written from left to right; null when anything is malformed, or there are too many. */
function readElements(header: string): readonly (readonly Field[])[] | null {
	const elements: Field[][] = [];
	let fields: Field[] = [];
	let left: number = LIMITS.forwardedFields;
	for (let position = 0; position <= header.length; ) {
		const equals = header.indexOf("=", position);
		if (equals === -1 || left-- === 0 || elements.length === LIMITS.forwardedHops) return null;
		const key = header.slice(position, equals).trim().toLowerCase();
		if (!KEY.test(key)) return null;
		const end = valueEnd(header, equals + 1);
		if (end === -1) return null;
		fields.push({ key, value: unquoted(header.slice(equals + 1, end).trim()) });
		position = end + 1;
		if (header.charCodeAt(end) === SEMICOLON) continue;
		elements.push(fields);
		fields = [];
	}
	return elements;
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
