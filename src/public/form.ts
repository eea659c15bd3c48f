/** Form-encoded bodies, read strictly: what two parsers could read in two ways is refused. */

/** Null: the body is no form, has a parameter twice (RFC 6749, 3.2), or too many. */
export function readForm(contentType: string | undefined, body: Buffer): ReadonlyMap<string, string> | null {
	if (!FORM.test(contentType ?? "")) return null;
	const fields = new Map<string, string>();
	const text = body.toString("latin1");
	if (text === "") return fields;
	for (const part of text.split("&")) {
		const equals = part.indexOf("=");
		if (equals < 1) return null;
		const name = decode(part.slice(0, equals));
		const value = decode(part.slice(equals + 1));
		if (name === null || value === null || fields.has(name) || fields.size === MOST) return null;
		fields.set(name, value);
	}
	return fields;
}

const FORM = /^application\/x-www-form-urlencoded *(?:; *charset=utf-8 *)?$/i;
/** Of parameters; those that are not known are ignored, as RFC 6749 has it. */
const MOST = 32;

/** Null when an escape is broken, or is no UTF-8, or stands for a control character. */
function decode(text: string): string | null {
	if (!ENCODED.test(text)) return null;
	try {
		const decoded = decodeURIComponent(text.replaceAll("+", " "));
		return CONTROL.test(decoded) ? null : decoded;
	} catch {
		return null;
	}
}

/** Visible ASCII; everything else comes as escapes. */
const ENCODED = /^[\x21-\x7e]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
