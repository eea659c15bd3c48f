/**
 * The URI that a proof is for, held against the request. Both are brought to one form first, as RFC 9449, 4.3 asks: by the
 * syntax-based and scheme-based normalization of RFC 3986, 6.2.2 and 6.2.3, and nothing beyond it. WHATWG's URL parser
 * does more: it reads `http:\\host`, `0x7f.1` and line breaks.
 */
import { parseOrigin } from "../../core/origin.ts";
import type { Request } from "../../core/request.ts";

/**
 * The parts of RFC 3986, appendix B, for http and https alone. The path has the characters of RFC 3986, 3.3, and those that
 * WHATWG's URLs leave as they are.
 */
const URI =
	/^(https?:\/\/[^/?#]*)((?:\/(?:[A-Za-z0-9._~!$&'()*+,;=:@/[\]^|-]|%[0-9A-Fa-f]{2})*)?)(?:\?[^#]*)?(?:#.*)?$/i;

export type Target = Pick<Request, "scheme" | "authority" | "rawPath">;

/**
 * Whether `htu` names the request's URI, query and fragment aside. `origins`, when there are any, stand in the place of the
 * request's own scheme and authority: those that callers know the destination by, in the form of {@link parseOrigin}.
 */
export function matchesTarget(
	htu: string,
	{ scheme, authority, rawPath }: Target,
	origins: readonly string[],
): boolean {
	const [, start = "", path = ""] = URI.exec(htu) ?? [];
	const origin = parseOrigin(start);
	if (origin === null || normalPath(path) !== normalPath(rawPath)) return false;
	return origins.length > 0 ? origins.includes(origin) : origin === parseOrigin(`${scheme}://${authority}`);
}

/** RFC 3986, 6.2.2 and 6.2.3; characters outside ASCII as the escapes that a URI has to write them with. */
function normalPath(path: string): string {
	const escaped = path.replace(ESCAPE, normalEscape).replace(OUTSIDE_ASCII, encodeURIComponent);
	return removeDotSegments(escaped === "" ? "/" : escaped);
}

const ESCAPE = /%[0-9A-Fa-f]{2}/g;
const OUTSIDE_ASCII = /[^\0-\x7f]+/g;
const UNRESERVED = /[A-Za-z0-9._~-]/;

function normalEscape(octet: string): string {
	const character = String.fromCharCode(Number.parseInt(octet.slice(1), 16));
	return UNRESERVED.test(character) ? character : octet.toUpperCase();
}

/** RFC 3986, 5.2.4, of an absolute path. */
function removeDotSegments(path: string): string {
	if (!path.includes("/.")) return path;
	const output: string[] = [];
	const segments = path.split("/").slice(1);
	for (const [index, segment] of segments.entries()) {
		const last = index === segments.length - 1;
		if (segment === "..") output.pop();
		else if (segment !== ".") output.push(segment);
		if (last && (segment === "." || segment === "..")) output.push("");
	}
	return `/${output.join("/")}`;
}
