/**
 * Texts of tokens that name something: bounded, and no credentials themselves, so that whatever is accepted can be revoked,
 * recorded whole and counted.
 */
import { holdsCredential } from "../core/credential-text.ts";
import { LIMITS } from "../core/limits.ts";

/** Not empty, and without the control characters that would travel into headers. */
export function isText(value: unknown): value is string {
	return typeof value === "string" && value !== "" && !CONTROL.test(value);
}

/** The id of a token, `jti` as a rule. */
export function isTokenId(value: unknown): value is string {
	return isText(value) && Buffer.byteLength(value) <= LIMITS.tokenIdBytes && !holdsCredential(value);
}

/** Whom a token speaks for. */
export function isSubject(value: unknown): value is string {
	return isText(value) && Buffer.byteLength(value) <= LIMITS.subjectBytes && !holdsCredential(value);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
