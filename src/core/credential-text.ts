/**
 * Finds credentials that somebody pasted where they do not belong: in a reason, in the place of an id or a name, in a path.
 * The schema's holds_credential finds the same: test/cases/credential-texts.ts is tried against both.
 */

/**
 * From the beginning of a JSON object in base64url to the end of a compact JWS or JWE. A header may be missing: it is known
 * to everybody, so that payload and signature are the token. No part that servers read is longer than the bound.
 */
const JWT = "(?:eyJ|eyAi|ewogI|ew0KI)[A-Za-z0-9_-]{8,8192}(?:[.][A-Za-z0-9_-]{8,}|[.][A-Za-z0-9_-]*[.])[A-Za-z0-9_.-]*";
/** A whole API key after anything; one that was cut, or mistyped, as a word of its own: ids in base64url may hold `fbk_`. */
const API_KEY = "fbk_[0-9A-Za-z]{43}_[0-9A-Za-z]*|(?<![0-9A-Za-z_-])fbk_[0-9A-Za-z]{16,}[0-9A-Za-z_]*";
const PEM_BEGIN = "-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY";
const PEM_END = "-----END [A-Z0-9 ]{0,32}PRIVATE KEY[A-Z -]*";
/** How the body of one begins without its first line: PKCS #8 (RFC 5958), PKCS #1 (RFC 8017) and SEC 1 (RFC 5915) in base64. */
const KEY_BODY =
	"M(?:[A-Za-z0-9+/]{2}CAQ(?:Aw|EEI)|I[GH][A-Za-z0-9+/]Ag(?:EAM|EBB[DE])|II[A-Za-z0-9+/]{3}IBA(?:DA|AKC))[A-Za-z0-9+/=]{16,}";
/** The private member of a JWK, also within a text of JSON. */
const JWK_NAME = '\\\\*"[dk]\\\\*"\\s*:\\s*\\\\*"';
const JWK_VALUE = "[A-Za-z0-9_-]{16,}";
/** What is hidden already, by asterisks, is none. */
const PASSWORD = '://[^\\s/?#@:"]*:[^\\s/?#"*][^\\s/?#"]*@|[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd]=[^\\s&#\'"*]';

const ANY = new RegExp([JWT, API_KEY, PEM_BEGIN, KEY_BODY, JWK_NAME + JWK_VALUE, PASSWORD].join("|"));
// A PEM without its end goes on to the end of the text, or of the JSON string that holds it.
const TEXTS = new RegExp(`${PEM_BEGIN}(?:[^"]*?${PEM_END}|[^"]*)|${JWT}|${API_KEY}|${KEY_BODY}`, "g");
const JWK_MEMBERS = new RegExp(`(${JWK_NAME})${JWK_VALUE}`, "g");

/** Stands where a credential stood. */
export const REDACTED = "[credential]";

/** Whether a text is or holds a token, an API key, a private key, or a password in a URL. */
export function holdsCredential(text: string): boolean {
	return ANY.test(text);
}

/** The text with `[credential]` in place of each token, API key and private key. JSON stays JSON. For URLs: redact.ts. */
export function redactCredentials(text: string): string {
	return text.replace(TEXTS, REDACTED).replace(JWK_MEMBERS, `$1${REDACTED}`);
}
