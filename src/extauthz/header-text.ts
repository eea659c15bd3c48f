/** Text that came from outside, as a header value that cannot break out of its header nor pass for a list. */

/**
 * Printable ASCII as it is, but `%` and `,`; everything else, spaces too, as percent-escapes of its UTF-8 bytes. Decoding
 * the escapes gives the text back. Lone surrogates become U+FFFD.
 */
export function headerText(text: string): string {
	for (let index = 0; index < text.length; index++) {
		if (!isPlain(text.charCodeAt(index))) return escaped(text);
	}
	return text;
}

function isPlain(code: number): boolean {
	return code > 0x20 && code < 0x7f && code !== 0x25 && code !== 0x2c;
}

function escaped(text: string): string {
	let result = "";
	for (const byte of Buffer.from(text, "utf8")) {
		result += isPlain(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
	}
	return result;
}
