/**
 * Texts of a request as records and spans keep them: bounded, without a query and credentials, harmless to whoever stores or
 * shows them.
 */
import { redactCredentials } from "./credential-text.ts";
import { LIMITS } from "./limits.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
const CONTROLS = /[\u0000-\u001f\u007f]/g;
/** Tokens and API keys have one of these: most texts need no closer look. */
const SUSPECT = /eyJ|fbk_/;

/**
 * At most `LIMITS.recordedTextChars` characters, each control character and lone surrogate as U+FFFD (Postgres stores
 * neither), each token and API key as `[credential]`. Makes a copy when it cuts, so that a short record does not keep a long request in memory.
 */
export function recordedText(text: string): string {
	const short = text.length > LIMITS.recordedTextChars ? copy(text.slice(0, LIMITS.recordedTextChars)) : text;
	const printable = CONTROL.test(short) ? short.replace(CONTROLS, "\ufffd") : short;
	return (SUSPECT.test(printable) ? redactCredentials(printable) : printable).toWellFormed();
}

/** A path without query and fragment, which hold secrets too often. */
export function recordedPath(path: string): string {
	const end = path.search(/[?#]/);
	return recordedText(end === -1 ? path : copy(path.slice(0, end)));
}

/** V8 keeps the whole string alive behind a slice of it; a string made anew holds only itself. */
function copy(text: string): string {
	return Buffer.from(text).toString();
}
