/** Request methods. Source: RFC 9110 (5.6.2, 9.1), CVE-2023-27491, CVE-2025-64763. */
import { LIMITS } from "../limits.ts";

/** Why a method was refused: stable words for operators. */
export type MethodDetail =
	| "method_empty"
	| "method_too_long"
	| "method_not_token"
	/** CONNECT opens a tunnel that nobody can judge the inside of. */
	| "method_connect";

/**
 * What a method is refused for, or null. Case is kept and told apart: `get` is not GET.
 *
 * @param extended whether `:protocol` came with it: an extended CONNECT (RFC 8441) is an upgrade, which a policy may name.
 */
export function methodDetail(method: string, extended: boolean): MethodDetail | null {
	if (method === "") return "method_empty";
	if (method.length > LIMITS.methodBytes) return "method_too_long";
	if (!isToken(method)) return "method_not_token";
	return method === "CONNECT" && !extended ? "method_connect" : null;
}

const LOWER = 1;
const UPPER = 2;
const TOKEN = new Uint8Array(128);
const mark = (characters: string, kind: number) => {
	for (const character of characters) TOKEN[character.charCodeAt(0)] = kind;
};
mark("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz", LOWER);
mark("ABCDEFGHIJKLMNOPQRSTUVWXYZ", UPPER);

/** Whether the text from `start` on is a token of RFC 9110, 5.6.2; the empty text is none. */
export function isToken(text: string, start = 0): boolean {
	for (let index = start; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if (code >= 0x80 || TOKEN[code] === 0) return false;
	}
	return text.length > start;
}

/** Whether the text is a token without capital letters. */
export function isLowerCaseToken(text: string): boolean {
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if (code >= 0x80 || TOKEN[code] !== LOWER) return false;
	}
	return text.length > 0;
}
