/**
 * Splits a SQL file into its statements, so that an error can be traced to its line and a file of a hundred thousand
 * calls is never one parse tree. It follows PostgreSQL's lexical rules (manual, 4.1) with standard_conforming_strings
 * on. It is no fence: what it would misread, Postgres still refuses.
 */

export interface Statement {
	/** From its first token up to, and without, its semicolon. */
	readonly text: string;
	/** Where the text starts in the file, from 1. */
	readonly line: number;
	/** Its first words in upper case, comments aside: enough to tell what kind of statement it is. */
	readonly words: readonly string[];
}

/** An unfinished string or comment reaches to the end of the file; Postgres then says what is wrong with it. */
export function splitStatements(file: string): readonly Statement[] {
	const statements: Statement[] = [];
	const token = new RegExp(TOKEN, "g");
	let line = 1;
	let counted = 0;
	let start = -1;
	let words: string[] = [];
	let parentheses = 0;
	let blocks = 0;
	let previous = "";
	const finish = (end: number) => {
		if (start >= 0) {
			line += countLines(file, counted, start);
			counted = start;
			statements.push({ text: file.slice(start, end).trimEnd(), line, words });
		}
		start = -1;
		words = [];
		parentheses = 0;
		blocks = 0;
	};
	for (let match = token.exec(file); match; match = token.exec(file)) {
		const text = match[0];
		if (text.startsWith("--")) continue;
		if (text === "/*") {
			token.lastIndex = endOfComment(file, match.index);
			continue;
		}
		if (text === ";" && parentheses === 0 && blocks === 0) {
			finish(match.index);
			continue;
		}
		if (start < 0) start = match.index;
		if (text === "(") parentheses++;
		else if (text === ")") parentheses = Math.max(0, parentheses - 1);
		else if (text === "'" || text === '"') token.lastIndex = endOfQuoted(file, match.index, text);
		else if (text === "e'" || text === "E'") token.lastIndex = endOfEscaped(file, match.index + 1);
		else if (text.length > 1 && text.startsWith("$")) token.lastIndex = endOfDollars(file, match.index, text);
		else if (IS_WORD.test(text)) {
			const word = text.toUpperCase();
			if (words.length < KEPT_WORDS) words.push(word);
			if (definesRoutine(words)) blocks = nextDepth(blocks, previous, word);
			previous = word;
		}
	}
	finish(file.length);
	return statements;
}

/** Line in the file of a character of a statement: `position` counts code points from 1, as Postgres does. */
export function lineAt(statement: Statement, position: number): number {
	let line = statement.line;
	let passed = 1;
	for (const character of statement.text) {
		if (passed++ >= position) break;
		if (character === "\n") line++;
	}
	return line;
}

/** Bodies of SQL functions in the standard's form, `BEGIN ATOMIC ... END`, hold semicolons of their own. */
function definesRoutine(words: readonly string[]): boolean {
	if (words[0] !== "CREATE") return false;
	const kind = words[1] === "OR" ? words[3] : words[1];
	return kind === "FUNCTION" || kind === "PROCEDURE";
}

function nextDepth(blocks: number, previous: string, word: string): number {
	if (word === "ATOMIC" && previous === "BEGIN") return blocks + 1;
	if (word === "CASE" && blocks > 0) return blocks + 1;
	if (word === "END" && blocks > 0) return blocks - 1;
	return blocks;
}

function endOfComment(file: string, start: number): number {
	const edge = /\/\*|\*\//g;
	edge.lastIndex = start;
	let depth = 0;
	for (let match = edge.exec(file); match; match = edge.exec(file)) {
		depth += match[0] === "/*" ? 1 : -1;
		if (depth === 0) return edge.lastIndex;
	}
	return file.length;
}

/** A doubled quote reads as the end of one text and the start of the next, which comes to the same. */
function endOfQuoted(file: string, start: number, quote: string): number {
	const end = file.indexOf(quote, start + 1);
	return end < 0 ? file.length : end + 1;
}

/** In E'...' a backslash takes the next character's meaning away. */
function endOfEscaped(file: string, start: number): number {
	const edge = /['\\]/g;
	edge.lastIndex = start + 1;
	for (let match = edge.exec(file); match; match = edge.exec(file)) {
		if (match[0] === "'") return edge.lastIndex;
		edge.lastIndex++;
	}
	return file.length;
}

function endOfDollars(file: string, start: number, tag: string): number {
	const end = file.indexOf(tag, start + tag.length);
	return end < 0 ? file.length : end + tag.length;
}

function countLines(file: string, from: number, to: number): number {
	let lines = 0;
	for (let at = file.indexOf("\n", from); at >= 0 && at < to; at = file.indexOf("\n", at + 1)) lines++;
	return lines;
}

/** A comment, a string's start, a word, or any other single character. Words swallow the `$` and digits inside them. */
const TOKEN =
	/--[^\n]*|\/\*|[eE]'|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d[\w.]*|[^\s]/
		.source;
const IS_WORD = /^[A-Za-z_\u0080-\uffff]/;
const KEPT_WORDS = 4;
