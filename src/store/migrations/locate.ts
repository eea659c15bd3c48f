/**
 * Finds the line that a problem of the compiled set comes from. Best effort: the last pending statement that states the
 * object by its name. What no pending file states (an earlier migration, or a name put together by SQL) has no place.
 */
import type { Problem } from "../../core/errors.ts";
import type { MigrationFile } from "./files.ts";
import { splitStatements } from "./statements.ts";

export function locate(problems: readonly Problem[], files: readonly MigrationFile[]): readonly Problem[] {
	const newestFirst = [...files]
		.reverse()
		.map((file) => ({ file, statements: [...splitStatements(file.text)].reverse() }));
	return problems.map((problem) => {
		const [kind, name] = divide(problem.object);
		const functions = FUNCTIONS[kind];
		if (!functions) return problem;
		const literal = `'${name.replaceAll("'", "''")}'`;
		const before = kind === "rate_limit" ? BEFORE_SECOND : BEFORE_NAME;
		const call = new RegExp(`\\b(?:${functions})\\s*\\(${before}${escaped(literal)}`, "i");
		for (const { file, statements } of newestFirst) {
			for (const { text, line } of statements) {
				const match = text.includes(literal) ? call.exec(text) : null;
				if (!match) continue;
				const lines = text.slice(0, match.index + match[0].length).split("\n").length;
				return { ...problem, file: file.path, line: line + lines - 1 };
			}
		}
		return problem;
	});
}

/** `policy a` is a kind and a name; a rate limit's name follows its own kind, `rate_limit domain:a`. */
function divide(object: string): readonly [kind: string, name: string] {
	const at = object.indexOf(" ");
	const kind = object.slice(0, at);
	const name = object.slice(at + 1);
	return [kind, kind === "rate_limit" ? name.slice(name.indexOf(":") + 1) : name];
}

/** The SQL functions that state each kind of object. */
const FUNCTIONS: Readonly<Record<string, string>> = {
	owner: "owner",
	domain: "domain",
	issuer: "issuer",
	segment: "segment",
	crossing: "crossing|accept_crossing",
	policy: "allow|deny",
	rate_limit: "rate_limit",
};

/** The name is the first argument, or the one called so; a rate limit's is the second. */
const BEFORE_NAME = String.raw`\s*(?:[^()]*?\b(?:name|url)\s*(?:=>|:=)\s*)?`;
const BEFORE_SECOND = String.raw`\s*(?:'\w+'\s*,\s*|[^()]*?\bname\s*(?:=>|:=)\s*)`;
const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
