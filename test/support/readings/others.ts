/** Proxies' own normalization, and further servers. */
import { backslashes, cleaned, decode, mergeSlashes, pipe, type Reading, untilFragment, untilQuery } from "./bytes.ts";

/** Decodes unreserved characters only (RFC 3986, 6.2.2.2). */
const decodeUnreserved = (path: string) =>
	path.replace(/%([0-9A-Fa-f]{2})/g, (escaped, hex) => {
		const character = String.fromCharCode(Number.parseInt(hex, 16));
		return /[\w.~-]/.test(character) ? character : escaped;
	});
const decodeSlashes = (path: string) => path.replace(/%2f/gi, "/").replace(/%5c/gi, "\\");

/** Envoy's normalize_path with merge_slashes, in front of a server that decodes. */
const envoy: Reading = pipe(untilQuery, backslashes, decodeUnreserved, cleaned, decode);

/** Envoy's UNESCAPE_AND_FORWARD before it. */
const envoyUnescaping: Reading = pipe(untilQuery, decodeSlashes, backslashes, decodeUnreserved, cleaned, decode);

/** Python's urlsplit, which drops tabs and line breaks, trims control bytes and takes `//x` for an authority; then unquote. */
const python: Reading = (target) => {
	const trimmed = target.replace(/^[\0-\x20]+/, "").replace(/[\t\r\n]/g, "");
	const path = untilQuery(untilFragment(trimmed));
	return decode(path.startsWith("//") ? path.replace(/^\/\/[^/]*/, "") || "/" : path);
};

/** CGI and C: decoded, and at its end at NUL. */
const cgi: Reading = (target) => (decode(untilQuery(target)) as string).split("\0", 1)[0] as string;

/** IIS: escapes of UTF-16 too, backslashes, dots. */
const iis: Reading = pipe(
	untilQuery,
	(path) => path.replace(/%u00([0-9A-Fa-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
	decode,
	backslashes,
	cleaned,
);

/** White space around it is no part of it to some. */
const trimming: Reading = (target) => decode(untilQuery(target.trim()));

/** Decoders that take overlong forms of UTF-8 for what they spell. */
const overlong: Reading = pipe(
	untilQuery,
	decode,
	(path) =>
		path.replace(/[\xc0\xc1]([\x80-\xbf])/g, (pair, last) =>
			String.fromCharCode(((pair.charCodeAt(0) & 0x1f) << 6) | (last.charCodeAt(0) & 0x3f)),
		),
	mergeSlashes,
	cleaned,
);

export const OTHERS: Readonly<Record<string, Reading>> = {
	envoy,
	envoyUnescaping,
	python,
	cgi,
	iis,
	trimming,
	overlong,
};
