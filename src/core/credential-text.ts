/** Telling credentials from the names of credentials, where somebody may take one for the other. */
import { API_KEY_PREFIX } from "./api-key.ts";

/** A header that is a JSON object in base64url begins so. */
const COMPACT = /^eyJ[\w-]*\.[\w-]*\.[\w-]*/;

/** Whether a text is a token or an API key, or was meant as one, rather than the id of one. */
export function looksLikeCredential(text: string): boolean {
	return COMPACT.test(text) || text.startsWith(API_KEY_PREFIX);
}
