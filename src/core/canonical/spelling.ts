/**
 * One spelling for one path text. RFC 3986 lets `@` and `%40`, `"` and `%22` stand for the same bytes, and every common
 * upstream decodes them alike; were they compared as written, `%40` would walk around a deny that says `@`.
 */

/** What a byte of a path may be. */
export const PATH_BYTE = {
	/** Not allowed in any spelling that this table knows about: control bytes, space and everything outside ASCII. */
	REFUSED: 0,
	/** Letters, digits, `-._~` (RFC 3986, 2.3): always written plainly. */
	UNRESERVED: 1,
	/** Sub-delimiters but `;` and `*`, and `:` and `@` (RFC 3986, 3.3): either spelling is legal, the plain one is canonical. */
	DELIMITER: 2,
	/**
	 * Printable, but not legal in a path (`"<>[]^{|}` and the backtick), and `*`, so that no canonical path looks like a
	 * template: the escape is canonical.
	 */
	ESCAPED: 3,
	/** `/ \ % ; # ?`: mean something, so each has a rule of its own. */
	SPECIAL: 4,
} as const;

/** {@link PATH_BYTE} of each ASCII byte. */
export const PATH_BYTES: Uint8Array = new Uint8Array(128);
const mark = (characters: string, kind: number) => {
	for (const character of characters) PATH_BYTES[character.charCodeAt(0)] = kind;
};
mark("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", PATH_BYTE.UNRESERVED);
mark("!$&'()+,=:@", PATH_BYTE.DELIMITER);
mark('"*<>[]^`{|}', PATH_BYTE.ESCAPED);
mark("/\\%;#?", PATH_BYTE.SPECIAL);

const TO_SPELL = /%[0-9A-Fa-f]{2}|["*<>[\]^`{|}]|[^\0-\x7f]+/g;

/**
 * The canonical spelling of text whose escapes are whole and whose characters are well-formed UTF-16: escapes in upper
 * case, but `:@!$&'()+,=` plainly; `"*<>[]^{|}`, the backtick and everything outside ASCII as escapes of UTF-8. Texts that
 * percent-decode to the same bytes get the same spelling, as long as none of them escapes an unreserved character
 * or spells `/`, `;` or `%` both ways, which {@link import("./path.ts").canonicalPath} refuses.
 *
 * @throws URIError on a lone surrogate.
 */
export function canonicalSpelling(text: string): string {
	return text.replace(TO_SPELL, spell);
}

function spell(match: string): string {
	if (match === "*") return "%2A";
	if (match.charCodeAt(0) !== 0x25) return encodeURIComponent(match);
	const byte = Number.parseInt(match.slice(1), 16);
	return PATH_BYTES[byte] === PATH_BYTE.DELIMITER ? String.fromCharCode(byte) : match.toUpperCase();
}
