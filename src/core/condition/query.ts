/**
 * The query as conditions read it: one reading or none. Servers disagree about repeated names, `a[]`, `+`, `;`, names
 * that differ in case and bytes that are no text; whatever two servers could read differently is not readable here, so
 * that a condition fails (an allow does not match, a deny does) where it would otherwise be smuggled past.
 */
import { LIMITS } from "../limits.ts";

/**
 * Splits at `&` and the first `=`, percent-decodes each side once; `a` is the same as `a=`. A value that may be read in
 * two ways is present without a value: repeated, in brackets, holding `+`, control characters, bytes outside ASCII that
 * are not escaped, or escapes that are broken or not UTF-8. Null when the names themselves are in doubt: a `;`, any of
 * the above in a name, or more than {@link LIMITS.queryParameters} of them.
 */
export function parseQuery(query: string): ReadonlyMap<string, string | undefined> | null {
	const parameters = new Map<string, string | undefined>();
	if (query === "") return parameters;
	if (query.includes(";")) return null;
	const pairs = query.split("&");
	if (pairs.length > LIMITS.queryParameters) return null;
	/** Names by what lax servers take them for: case ignored, brackets cut off. */
	const seen = new Map<string, string>();
	for (const pair of pairs) {
		if (pair === "") continue;
		const equals = pair.indexOf("=");
		const name = decode(equals === -1 ? pair : pair.slice(0, equals));
		if (name === undefined) return null;
		const bracket = name.indexOf("[");
		const base = bracket === -1 ? name : name.slice(0, bracket);
		const other = seen.get(base.toLowerCase());
		seen.set(base.toLowerCase(), base);
		if (other === undefined && bracket === -1) {
			parameters.set(name, equals === -1 ? "" : decode(pair.slice(equals + 1)));
			continue;
		}
		for (const doubtful of [name, base, other]) if (doubtful !== undefined) parameters.set(doubtful, undefined);
	}
	return parameters;
}

const DOUBTFUL_RAW = /[^!-~]|\+/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

function decode(raw: string): string | undefined {
	if (DOUBTFUL_RAW.test(raw)) return undefined;
	if (!raw.includes("%")) return raw;
	try {
		const text = decodeURIComponent(raw);
		return CONTROL.test(text) ? undefined : text;
	} catch {
		return undefined;
	}
}
