/** An RFC 6749 scope-token, section 3.3: printable ASCII but space, `"` and `\`. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

const NONE: readonly string[] = Object.freeze([]);

/**
 * Reads a scope claim: texts parted by single U+0020, or where `array` says so an array of them. Absent and empty
 * mean no scopes.
 *
 * @returns null when it is malformed: another white space, a doubled, leading or trailing space, another type.
 */
export function readScopes(claim: unknown, array: boolean): readonly string[] | null {
	if (claim === undefined || claim === "") return NONE;
	if (typeof claim === "string") {
		const scopes = claim.split(" ");
		return scopes.every(isScope) ? Object.freeze(scopes) : null;
	}
	return array && Array.isArray(claim) && claim.every(isScope) ? Object.freeze(claim.slice()) : null;
}

function isScope(value: unknown): value is string {
	return typeof value === "string" && SCOPE.test(value);
}
