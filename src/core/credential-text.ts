/**
 * Finds credentials that somebody pasted where they do not belong: in a reason, in the place of an id or a name, in a path.
 * The schema's holds_credential finds the same: test/cases/credential-texts.ts is tried against both.
 */

/** How a JSON object begins in base64url. */
const JSON_BEGIN = /eyJ|eyAi|ewogI|ew0KI/;
/** What a compact JWS or JWE is within. Looked for word by word: one expression for all of it took quadratic time. */
const WORD = /[A-Za-z0-9_.-]+/g;
/** Least characters of a part that is more than a mark. */
const PART_CHARS = 8;
/** A whole API key after anything; one that was cut, or mistyped, as a word of its own: ids in base64url may hold `fbk_`. */
const API_KEY = "fbk_[0-9A-Za-z]{43}_[0-9A-Za-z]*|(?<![0-9A-Za-z_-])fbk_[0-9A-Za-z]{16,}[0-9A-Za-z_]*";
const PEM_BEGIN = "-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY";
const PEM_END = "-----END [A-Z0-9 ]{0,32}PRIVATE KEY[A-Z -]*";
/** How the body of one begins without its first line: PKCS #8 (RFC 5958), PKCS #1 (RFC 8017) and SEC 1 (RFC 5915) in base64. */
const KEY_BODY =
	"M(?:[A-Za-z0-9+/]{2}CAQ(?:Aw|EEI)|I[GH][A-Za-z0-9+/]Ag(?:EAM|EBB[DE])|II[A-Za-z0-9+/]{3}IBA(?:DA|AKC))[A-Za-z0-9+/=]{16,}";
/** The private member of a JWK, also within a text of JSON. */
const JWK_NAME = '(?<!\\\\)\\\\*"[dk]\\\\*"\\s*:\\s*\\\\*"';
const JWK_VALUE = "[A-Za-z0-9_-]{16,}";
/** What is hidden already, by asterisks, is none; nor is a subject behind its issuer's URL (foreign-subject.ts), or its port. */
const PASSWORD =
	'://[^\\s/?#@:"|]*:(?!\\d{1,5}\\|)[^\\s/?#"*][^\\s/?#"]*@|[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd]=[^\\s&#\'"*]';

const ANY = new RegExp([API_KEY, PEM_BEGIN, KEY_BODY, JWK_NAME + JWK_VALUE, PASSWORD].join("|"));
// A PEM without its end goes on to the end of the text, or of the JSON string that holds it.
const TEXTS = new RegExp(`${PEM_BEGIN}(?:[^"]*?${PEM_END}|[^"]*)|${API_KEY}|${KEY_BODY}`, "g");
const JWK_MEMBERS = new RegExp(`(${JWK_NAME})${JWK_VALUE}`, "g");

/** Stands where a credential stood. */
export const REDACTED = "[credential]";

/** Whether a text is or holds a token, an API key, a private key, or a password in a URL. */
export function holdsCredential(text: string): boolean {
	return ANY.test(text) || (JSON_BEGIN.test(text) && (text.match(WORD) ?? []).some((word) => startOfJwt(word) !== -1));
}

/** The text with `[credential]` in place of each token, API key and private key. JSON stays JSON. For URLs: redact.ts. */
export function redactCredentials(text: string): string {
	const rest = JSON_BEGIN.test(text) ? text.replace(WORD, withoutJwt) : text;
	return rest.replace(TEXTS, REDACTED).replace(JWK_MEMBERS, `$1${REDACTED}`);
}

function withoutJwt(word: string): string {
	const start = startOfJwt(word);
	return start === -1 ? word : word.slice(0, start) + REDACTED;
}

/**
 * Where a JWS or JWE begins in a word: its header, or its payload, since everybody knows the header; then what is with it makes
 * the token. -1: nowhere.
 */
function startOfJwt(word: string): number {
	const parts = word.split(".");
	let offset = 0;
	for (const [index, part] of parts.entries()) {
		const begin = JSON_BEGIN.exec(part);
		const next = parts[index + 1];
		if (
			begin !== null &&
			next !== undefined &&
			part.length - begin.index - begin[0].length >= PART_CHARS &&
			(next.length >= PART_CHARS || index + 2 < parts.length)
		)
			return offset + begin.index;
		offset += part.length + 1;
	}
	return -1;
}
