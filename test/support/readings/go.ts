/** Go: net/url, path.Clean and net/http's ServeMux. */
import { cleaned, decodeStrictly, holdsControl, pipe, type Reading, untilQuery } from "./bytes.ts";

/** url.ParseRequestURI: refuses control bytes and broken escapes; `#` and `//host` are parts of the path. */
const parseRequestUri = (target: string): string | null => {
	if (holdsControl(target) || !target.startsWith("/")) return null;
	return untilQuery(target);
};

/** `request.URL.Path`. */
const urlPath: Reading = pipe(parseRequestUri, decodeStrictly);

/** ServeMux before 1.22, and FileServer: the decoded path, cleaned, to which it also redirects. */
const serveMux: Reading = pipe(urlPath, cleaned);

/** ServeMux since 1.22: cleaned as written, then decoded segment by segment. */
const serveMuxSegments: Reading = pipe(parseRequestUri, cleaned, decodeStrictly);

export const GO: Readonly<Record<string, Reading>> = { urlPath, serveMux, serveMuxSegments };
