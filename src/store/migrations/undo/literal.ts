/** JSON values as SQL literals, for files that people read. */

/** A text, on as many lines as it has. Backslashes and control characters are escaped, whatever the session's settings are. */
export function textLiteral(text: string): string {
	const quoted = text.replaceAll("'", "''");
	if (!ESCAPED.test(text)) return `'${quoted}'`;
	const escaped = quoted.replaceAll("\\", "\\\\").replace(CONTROL, (character) => {
		const named = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
		return named ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
	});
	return `E'${escaped}'`;
}

/** A `text[]`: on one line when it fits, else one element a line, behind `indent`. */
export function textsLiteral(texts: readonly string[], indent: string): string {
	if (texts.length === 0) return "'{}'";
	const elements = texts.map(textLiteral);
	const line = `array[${elements.join(", ")}]`;
	if (line.length <= LINE_CHARS && !line.includes("\n")) return line;
	return `array[\n${elements.map((element) => `${indent}\t${element}`).join(",\n")}\n${indent}]`;
}

/** Seconds, in the largest unit that holds them whole. */
export function intervalLiteral(seconds: unknown): string {
	const number = typeof seconds === "number" ? seconds : Number.NaN;
	for (const [unit, size] of UNITS) {
		if (number % size === 0) return `'${number / size} ${unit}${number === size ? "" : "s"}'`;
	}
	return `'${JSON.stringify(seconds)} seconds'`;
}

/** Of two instants as the schema writes them; null is an open end. */
export function rangeLiteral(from: unknown, until: unknown): string {
	const end = (instant: unknown) => (instant === null ? "null" : textLiteral(String(instant)));
	return `tstzrange(${end(from)}, ${end(until)})`;
}

/** For comments: nothing in it ends the line, or shows it in another order. */
export function oneLine(text: string): string {
	return text.replace(CONTROL, "\ufffd");
}

// Line feeds may stand in a literal as they are, but only while nothing else has to be escaped.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ESCAPED = /[\\\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const LINE_CHARS = 100;
const UNITS = [
	["day", 86_400],
	["hour", 3_600],
	["minute", 60],
] as const;
