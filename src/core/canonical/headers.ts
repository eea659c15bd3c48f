/**
 * Header fields gathered into one map, with what may come only once, or not at all, refused on the way.
 *
 * Sources: RFC 9110 (5.1, 5.5, 8.6), CVE-2019-9900, CVE-2019-18802, CVE-2020-25017, CVE-2021-32777, CVE-2023-27488.
 */
import { LIMITS } from "../limits.ts";
import { isLowerCaseToken, isToken } from "./method.ts";

/** Why a header was refused: stable words for operators. */
export type HeaderDetail =
	| "header_count"
	| "header_too_long"
	| "headers_too_long"
	/** No token of RFC 9110. */
	| "header_name"
	/** A control byte but TAB in a value. */
	| "header_control"
	/** A security header with bytes outside ASCII, as they came or as a proxy replaced them. */
	| "header_altered"
	| "duplicate_header"
	/** A header that makes some upstreams read another method. */
	| "method_override"
	/** A header that makes some upstreams read another path. */
	| "path_override"
	/** No plain number. */
	| "content_length";

const KIND = { PSEUDO: 1, AUTHORIZATION: 2, DPOP: 3, SINGLE: 4, ASCII: 5, LENGTH: 6, METHOD: 7, PATH: 8 } as const;

/** The headers that decisions rest on. All others are joined and handed on. */
const KINDS: ReadonlyMap<string, number> = new Map([
	[":method", KIND.PSEUDO],
	[":path", KIND.PSEUDO],
	[":authority", KIND.PSEUDO],
	[":scheme", KIND.PSEUDO],
	[":protocol", KIND.PSEUDO],
	["authorization", KIND.AUTHORIZATION],
	["dpop", KIND.DPOP],
	["host", KIND.SINGLE],
	["txn-token", KIND.SINGLE],
	["workload-identity-token", KIND.SINGLE],
	["workload-proof-token", KIND.SINGLE],
	// A list by its nature: proxies append to it.
	["x-forwarded-client-cert", KIND.ASCII],
	["x-forwarded-for", KIND.ASCII],
	["upgrade", KIND.ASCII],
	["content-length", KIND.LENGTH],
	["x-http-method", KIND.METHOD],
	["x-http-method-override", KIND.METHOD],
	["x-method-override", KIND.METHOD],
	["x-original-url", KIND.PATH],
	["x-rewrite-url", KIND.PATH],
]);

/** One request's headers, added one by one. */
export class HeaderCollector {
	/** Names in lower case, values trimmed and joined with `,`; no pseudo-headers. */
	readonly headers: Record<string, string> = Object.create(null);
	/** Every Authorization value, one each; a joined pair stays one value with its comma. */
	readonly authorization: string[] = [];
	/** Every DPoP value. */
	readonly dpop: string[] = [];
	/** `:method` and its kind, for comparison with what the proxy says of them; null when none came. */
	pseudo: Record<string, string> | null = null;
	#count = 0;
	#size = 0;

	/** Adds one header line; what it is refused for, or null. After a refusal the collector is of no use. */
	add(name: string, value: string): HeaderDetail | null {
		if (++this.#count > LIMITS.headerCount) return "header_count";
		if (name.length + value.length > LIMITS.headerValueBytes && !isCredential(name)) return "header_too_long";
		this.#size += name.length + value.length;
		if (this.#size > LIMITS.headersBytes) return "headers_too_long";
		const text = trimmed(value);
		const ascii = !NOT_PLAIN.test(text);
		if (!ascii && holdsControl(text)) return "header_control";
		let key = name;
		let kind = KINDS.get(key);
		if (kind === undefined && !isLowerCaseToken(name)) {
			if (!isToken(name)) return "header_name";
			key = name.toLowerCase();
			kind = KINDS.get(key);
		}
		if (kind !== undefined) return this.#addKnown(key, text, kind, ascii);
		if (key.includes("_")) {
			const detail = overrideDetail(KINDS.get(key.replaceAll("_", "-")));
			if (detail !== null) return detail;
		}
		this.#join(key, text);
		return null;
	}

	#join(key: string, text: string): void {
		const before = this.headers[key];
		this.headers[key] = before === undefined ? text : `${before},${text}`;
	}

	#addKnown(key: string, text: string, kind: number, ascii: boolean): HeaderDetail | null {
		const override = overrideDetail(kind);
		if (override !== null) return override;
		if (!ascii && kind !== KIND.PSEUDO) return "header_altered";
		switch (kind) {
			case KIND.PSEUDO:
				this.pseudo ??= Object.create(null) as Record<string, string>;
				if (this.pseudo[key] !== undefined) return "duplicate_header";
				this.pseudo[key] = text;
				return null;
			case KIND.AUTHORIZATION:
				this.authorization.push(text);
				break;
			case KIND.DPOP:
				this.dpop.push(text);
				break;
			case KIND.LENGTH:
				if (this.headers[key] !== undefined) return "duplicate_header";
				if (!isNumber(text)) return "content_length";
				break;
			case KIND.SINGLE:
				// No value of theirs holds a comma, so one is the seam of two values.
				if (this.headers[key] !== undefined || text.includes(",")) return "duplicate_header";
				break;
		}
		this.#join(key, text);
		return null;
	}
}

/** A token or a proof has a limit of its own, and is then refused as what it is. */
function isCredential(name: string): boolean {
	const kind = KINDS.get(name.toLowerCase());
	return kind === KIND.AUTHORIZATION || kind === KIND.DPOP;
}

/** Names with `_` for `-` count too: CGI and what follows it take both for one. */
function overrideDetail(kind: number | undefined): HeaderDetail | null {
	if (kind === KIND.METHOD) return "method_override";
	return kind === KIND.PATH ? "path_override" : null;
}

/** Without the white space around it, which is no part of a value (RFC 9110, 5.5). */
function trimmed(value: string): string {
	let start = 0;
	let end = value.length;
	while (start < end && isBlank(value.charCodeAt(start))) start++;
	while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
	return end - start === value.length ? value : value.slice(start, end);
}

function isBlank(code: number): boolean {
	return code === 0x20 || code === 0x09;
}

/** V8 scans a long value faster by this than a loop does. */
const NOT_PLAIN = /[^\x20-\x7e]/;

/** TAB may stand inside a value (RFC 9110, 5.5). */
function holdsControl(text: string): boolean {
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if ((code < 0x20 && code !== 0x09) || code === 0x7f) return true;
	}
	return false;
}

/** At most 15 digits, so that every reader gets the same number. */
function isNumber(text: string): boolean {
	if (text.length === 0 || text.length > 15) return false;
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if (code < 0x30 || code > 0x39) return false;
	}
	return true;
}
