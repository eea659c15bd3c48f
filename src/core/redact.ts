/** Last line of defence for texts that other libraries wrote, or that quote what somebody gave: no secret survives in them. */
import { redactCredentials } from "./credential-text.ts";

// The scheme's length is bounded, so that the time to search is linear in the text. Neither goes beyond a string of JSON.
const USERINFO = /(\b[a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/?#"]*@/gi;
const SECRET_PARAMETER = /((?:password|[?&](?:token|access_token|api_key))=)[^\s&#'"]*/gi;

/**
 * The text without credentials: tokens, API keys and private keys become `[credential]`; user names and passwords, and
 * passwords in parameters, of every URL become `***`. What is JSON stays JSON.
 */
export function redactSecrets(text: string): string {
	return redactCredentials(text).replace(USERINFO, "$1***@").replace(SECRET_PARAMETER, "$1***");
}
