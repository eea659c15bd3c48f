/**
 * JSON from strangers, read strictly: what two parsers could read in two ways is refused.
 *
 * JSON.parse decides about grammar. It keeps the last of two equal members, lone surrogates, and numbers that overflow
 * to Infinity, so the text is walked for those first, which also spares it the deepest ones. (npm's parsers that refuse duplicates assign `__proto__`,
 * so that a member of that name becomes the claims' prototype.)
 */
export type JsonFault = "malformed" | "duplicate_member" | "depth";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a JSON object from bytes. Refused: invalid UTF-8, a byte order mark, duplicate members at any level, nesting
 * above `maxDepth`, NUL, lone surrogates, numbers beyond a double's range, a member named `__proto__`, and anything but
 * an object at the top. The result is deeply frozen.
 */
export function parseJsonObject(bytes: Uint8Array, maxDepth: number): Readonly<Record<string, unknown>> | JsonFault {
	try {
		const text = UTF8.decode(bytes);
		const fault = scan(text, maxDepth);
		if (fault !== null) return fault;
		const value: unknown = JSON.parse(text);
		return isObject(value) && seal(value) ? value : "malformed";
	} catch {
		return "malformed";
	}
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN = { object: 0x7b, array: 0x5b };
const CLOSE = { object: 0x7d, array: 0x5d };

/** Looks at strings and brackets alone; what it finds in a text that is no JSON does not matter. */
function scan(text: string, maxDepth: number): JsonFault | null {
	/** The names seen in each open object; null in an array, and before the first. */
	const open: (Set<string> | null)[] = [];
	for (let at = 0; at < text.length; at++) {
		const code = text.charCodeAt(at);
		if (code === QUOTE) {
			const end = endOfString(text, at);
			const string = decode(text.slice(at, end + 1));
			if (string === null) return "malformed";
			at = end;
			if (isFollowedByColon(text, end + 1)) {
				const fault = addName(open, string);
				if (fault !== null) return fault;
			}
		} else if (code === OPEN.object || code === OPEN.array) {
			if (open.length === maxDepth) return "depth";
			open.push(null);
		} else if (code === CLOSE.object || code === CLOSE.array) open.pop();
	}
	return null;
}

function addName(open: (Set<string> | null)[], name: string): JsonFault | null {
	const names = open.at(-1) ?? new Set<string>();
	if (names.has(name)) return "duplicate_member";
	if (name === "__proto__") return "malformed";
	open[open.length - 1] = names.add(name);
	return null;
}

/** Index of the quote that closes the string whose opening quote stands at `start`; the text's end when none does. */
function endOfString(text: string, start: number): number {
	let at = start + 1;
	while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
	return at;
}

/** Only escapes can make NUL or a lone surrogate: raw control characters and bad UTF-8 were refused before. */
function decode(quoted: string): string | null {
	if (!quoted.includes("\\")) return quoted.slice(1, -1);
	const string: string = JSON.parse(quoted);
	return string.includes("\0") || !string.isWellFormed() ? null : string;
}

function isFollowedByColon(text: string, from: number): boolean {
	let at = from;
	while (isSpace(text.charCodeAt(at))) at++;
	return text.charCodeAt(at) === COLON;
}

const isSpace = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Freezes a value and everything inside it; false when a number is not finite. */
function seal(value: unknown): boolean {
	if (typeof value === "number") return Number.isFinite(value);
	if (typeof value !== "object" || value === null) return true;
	for (const member of Object.values(value)) if (!seal(member)) return false;
	Object.freeze(value);
	return true;
}
