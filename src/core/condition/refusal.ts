/** Why a condition does not compile; thrown inside this folder, a plain result outside. */
export class ConditionRefusal extends Error {
	readonly cure: string;
	readonly range: SourceRange | null;

	constructor(message: string, cure: string, range: SourceRange | null = null) {
		super(message);
		this.cure = cure;
		this.range = range;
	}
}

/** Offsets into the condition's text, the end exclusive. */
export interface SourceRange {
	readonly start: number;
	readonly end: number;
}

const EXCERPT = 40;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they would break the line, or a terminal
const CONTROL = /[\u0000-\u001f\u007f]+/g;

/** `unknown field metod, at line 1, column 9, near request.metod`. The text is the author's own. */
export function locate(message: string, text: string, range: SourceRange | null): string {
	const cause = message.replace(CONTROL, " ").trim();
	if (range === null) return cause;
	const lines = text.slice(0, range.start).split("\n");
	const place = `${cause}, at line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
	const near = text.slice(range.start, range.end).replace(CONTROL, " ").trim();
	if (near === "") return place;
	return `${place}, near ${near.length > EXCERPT ? `${near.slice(0, EXCERPT)}...` : near}`;
}
