/** Texts and lists of texts, as passports hold them. */
import { LIMITS } from "../limits.ts";

/** A text that is not empty and not longer than `max` characters, without control characters. */
export function isText(value: unknown, max: number): value is string {
	return typeof value === "string" && value !== "" && value.length <= max && !CONTROL.test(value);
}

/** At most LIMITS.listItems texts, each as long as a SPIFFE ID may be. */
export function isTextList(value: unknown): value is readonly string[] {
	return (
		Array.isArray(value) &&
		value.length <= LIMITS.listItems &&
		value.every((item) => isText(item, LIMITS.spiffeIdBytes))
	);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
