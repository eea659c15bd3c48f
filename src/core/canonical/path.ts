/**
 * The path of a request in one canonical form, or a refusal. Whatever two programs on the way could read as two paths is
 * refused, never repaired: what was judged must be what the upstream serves.
 *
 * Sources: RFC 3986 (2.2 to 3.3), RFC 9112 (3.2), and the requests that got past others: CVE-2019-9901, CVE-2021-29492,
 * CVE-2021-31920, CVE-2021-32779, CVE-2026-26205, CVE-2026-32811, CVE-2026-33186, CVE-2026-33494, CVE-2026-73551.
 */
import { LIMITS } from "../limits.ts";
import type { PathException } from "../model.ts";
import { canonicalSpelling, PATH_BYTE, PATH_BYTES } from "./spelling.ts";

/** Why a path was refused: stable words for operators. */
export type PathDetail =
	| "path_empty"
	/** Does not start with `/`: `*`, `Service/Method`, `http://host/`. */
	| "path_not_absolute"
	| "path_too_long"
	| "path_too_deep"
	| "query_too_long"
	/** `//` anywhere. */
	| "double_slash"
	| "encoded_slash"
	| "backslash"
	| "encoded_backslash"
	/** A segment `.` or `..`, also before `;`. */
	| "dot_segment"
	| "encoded_dot"
	| "semicolon"
	| "encoded_semicolon"
	/** `#`, in the path or in the query. */
	| "fragment"
	/** A byte below 0x20, 0x7F, or a space, in the path or in the query. */
	| "control_byte"
	| "encoded_control"
	/** `%` without two hex digits. */
	| "broken_escape"
	/** `%25`, with which a path has another meaning after each decoding. */
	| "encoded_percent"
	| "encoded_unreserved"
	/** Escapes that are no UTF-8, overlong ones included. */
	| "escape_not_utf8"
	/** A character outside ASCII that is not escaped, or one that stands for bytes which were no UTF-8. */
	| "non_ascii";

export interface CanonicalPath {
	readonly ok: true;
	/** As sent, without the query. */
	readonly rawPath: string;
	/** The canonical spelling; see {@link canonicalSpelling}. */
	readonly path: string;
	/** `path` split at `/`, without the leading empty part. */
	readonly segments: readonly string[];
	/** As sent, without `?`; "" when there is none. */
	readonly query: string;
}

export interface PathRefusal {
	readonly ok: false;
	readonly detail: PathDetail;
}

const NO_EXCEPTIONS: readonly PathException[] = [];
const REPLACEMENT = 0xfffd;

/**
 * Reads a request target in origin form. The query is split off at the first `?` and takes no part in the rest.
 *
 * @param exceptions what the destination segment permits (`path_exceptions`), each in one reading:
 *   `encoded_slash`: `%2F` is an ordinary character inside its segment, it never separates and is never decoded before
 *   matching. What would be a dot segment or a doubled slash if it did separate stays refused.
 *   `semicolon`: `;` is an ordinary character, nothing is stripped after it. `%3B`, a segment that starts with `;`, and dot
 *   segments followed by `;` stay refused.
 *   `utf8`: characters outside ASCII are read as their UTF-8 bytes, percent-encoded. Bytes that are no UTF-8 stay refused.
 */
export function canonicalPath(
	raw: string,
	exceptions: readonly PathException[] = NO_EXCEPTIONS,
): CanonicalPath | PathRefusal {
	const mark = raw.indexOf("?");
	const rawPath = mark === -1 ? raw : raw.slice(0, mark);
	const query = mark === -1 ? "" : raw.slice(mark + 1);
	if (rawPath.length > LIMITS.pathBytes) return refuse("path_too_long");
	if (query.length > LIMITS.queryBytes) return refuse("query_too_long");
	if (rawPath === "") return refuse("path_empty");
	if (rawPath.charCodeAt(0) !== 0x2f) return refuse("path_not_absolute");

	let respell = false;
	let multibyte = false;
	for (let index = 0; index < rawPath.length; index++) {
		const code = rawPath.charCodeAt(index);
		const kind = code < 0x80 ? PATH_BYTES[code] : PATH_BYTE.REFUSED;
		if (kind === PATH_BYTE.UNRESERVED || kind === PATH_BYTE.DELIMITER || code === 0x2f) continue;
		if (code === 0x25) {
			const byte = hexByte(rawPath, index + 1);
			const detail = escapeDetail(byte, exceptions);
			if (detail !== null) return refuse(detail);
			if (byte >= 0x80) multibyte = true;
			respell = true;
			index += 2;
			continue;
		}
		if (kind === PATH_BYTE.ESCAPED || (code >= 0x80 && code !== REPLACEMENT && exceptions.includes("utf8"))) {
			respell = true;
			continue;
		}
		if (code === 0x3b && exceptions.includes("semicolon")) continue;
		return refuse(plainDetail(code));
	}
	const queryDetail = checkQuery(query);
	if (queryDetail !== null) return refuse(queryDetail);
	if (multibyte && !isUtf8(rawPath)) return refuse("escape_not_utf8");
	if (respell && !rawPath.isWellFormed()) return refuse("non_ascii");

	const path = respell ? canonicalSpelling(rawPath) : rawPath;
	const segments = path.slice(1).split("/");
	const detail = checkSegments(segments) ?? (exceptions.includes("encoded_slash") ? checkEncodedSlashes(path) : null);
	return detail === null ? { ok: true, rawPath, path, segments, query } : refuse(detail);
}

function refuse(detail: PathDetail): PathRefusal {
	return { ok: false, detail };
}

/** What a character that is neither legal nor an escape is refused for. */
function plainDetail(code: number): PathDetail {
	if (code === 0x5c) return "backslash";
	if (code === 0x3b) return "semicolon";
	if (code === 0x23) return "fragment";
	return code >= 0x80 ? "non_ascii" : "control_byte";
}

/** The byte that two hex digits name, or -1. */
function hexByte(text: string, index: number): number {
	const high = hexDigit(text.charCodeAt(index));
	const low = hexDigit(text.charCodeAt(index + 1));
	return high === -1 || low === -1 ? -1 : high * 16 + low;
}

/** -1 for anything else, also for the NaN that charCodeAt gives past the end. */
function hexDigit(code: number): number {
	if (code >= 0x30 && code <= 0x39) return code - 0x30;
	const lower = code | 0x20;
	return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** What an escaped byte is refused for, or null. */
function escapeDetail(byte: number, exceptions: readonly PathException[]): PathDetail | null {
	if (byte >= 0x80) return null;
	if (byte === -1) return "broken_escape";
	if (byte < 0x20 || byte === 0x7f) return "encoded_control";
	switch (byte) {
		case 0x25:
			return "encoded_percent";
		case 0x2e:
			return "encoded_dot";
		case 0x2f:
			return exceptions.includes("encoded_slash") ? null : "encoded_slash";
		case 0x3b:
			return "encoded_semicolon";
		case 0x5c:
			return "encoded_backslash";
		default:
			return PATH_BYTES[byte] === PATH_BYTE.UNRESERVED ? "encoded_unreserved" : null;
	}
}

function checkQuery(query: string): PathDetail | null {
	for (let index = 0; index < query.length; index++) {
		const code = query.charCodeAt(index);
		if (code === 0x23) return "fragment";
		if (code <= 0x20 || code === 0x7f) return "control_byte";
	}
	return null;
}

/** Empty segments but the last, and dot segments, also those that a `;` makes (`..;x`). */
function checkSegments(segments: readonly string[]): PathDetail | null {
	const last = segments.length - 1;
	if (last >= LIMITS.pathSegments) return "path_too_deep";
	for (let index = 0; index <= last; index++) {
		const segment = segments[index] as string;
		if (segment === "") {
			if (index < last) return "double_slash";
			continue;
		}
		const first = segment.charCodeAt(0);
		if (first === 0x3b) return "semicolon";
		if (first === 0x2e && isDotSegment(segment)) return "dot_segment";
	}
	return null;
}

function isDotSegment(segment: string): boolean {
	const next = segment.charCodeAt(1) === 0x2e ? 2 : 1;
	return segment.length === next || segment.charCodeAt(next) === 0x3b;
}

/** Holds the path to the same rules when its `%2F` are read as slashes. */
function checkEncodedSlashes(path: string): PathDetail | null {
	return path.includes("%2F") ? checkSegments(path.slice(1).split(/\/|%2F/)) : null;
}

/** Whether the escapes decode to UTF-8; decodeURIComponent refuses overlong forms and surrogates too (ECMA-262, 19.2.6.5). */
function isUtf8(path: string): boolean {
	try {
		decodeURIComponent(path);
		return true;
	} catch {
		return false;
	}
}
