/** PostgreSQL's text form of arrays (manual, 8.15.6), for the columns that are read by the million. */

/**
 * The one-dimensional `text[]` that starts at `from`: `{a,"b c"}`. Elements are never null: the schema forbids it.
 * @returns the elements, and where the text goes on.
 */
export function parseTextArray(text: string, from = 0): { readonly items: readonly string[]; readonly end: number } {
	const items: string[] = [];
	let at = from + 1;
	if (text[from] !== "{") throw new SyntaxError("not an array");
	if (text[at] === "}") return { items: EMPTY, end: at + 1 };
	for (;;) {
		ELEMENT.lastIndex = at;
		const match = ELEMENT.exec(text);
		if (!match) throw new SyntaxError("not an array");
		const [, quoted, plain] = match;
		items.push(quoted === undefined ? plain! : quoted.replace(ESCAPE, "$1"));
		at = ELEMENT.lastIndex;
		if (text[at] === "}") return { items: Object.freeze(items), end: at + 1 };
		at++;
	}
}

const EMPTY: readonly string[] = Object.freeze([]);
const ELEMENT = /(?:"((?:[^"\\]|\\[\s\S])*)"|([^",{}\\]+))(?=[,}])/y;
const ESCAPE = /\\([\s\S])/g;
