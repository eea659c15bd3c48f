/** An error of Postgres while a migration runs, as a problem with the line, the object and the cure. */
import type { DatabaseError } from "pg";
import type { Problem } from "../../core/errors.ts";
import type { MigrationFile } from "./files.ts";
import { lineAt, type Statement } from "./statements.ts";

/** `statement` is the one that failed. */
export function sqlProblem(error: DatabaseError, file: MigrationFile, statement: Statement): Problem {
	const problem = describeSqlError(error, `migration ${file.name}`);
	const cure = foreignCure(error) ?? problem.cure;
	return { ...problem, cure, file: file.path, line: lineOf(error, statement) };
}

/** In a file the cure for another owner's object is not another role, as the schema's functions say, but another file. */
function foreignCure({ code, schema, column, message }: DatabaseError): string | null {
	if (code !== "42501" || schema !== "firebreak" || column !== "owner") return null;
	if (message.endsWith(" is no operator")) {
		return "state it in a file of an operators' folder: one whose owner has no role, or a role that is an operator's";
	}
	return /, owner: belongs to /.test(message) ? "state it in a file of that owner's folder" : null;
}

/** `object, argument: cause` and the hint, as the schema's functions raise them; anything else is about `object`. */
export function describeSqlError(error: DatabaseError, object: string): Problem {
	const { message, column, detail } = error;
	const code = error.code ?? "";
	const cure = BETTER_CURES[code] ?? error.hint ?? CURES[code] ?? "correct the statement";
	const mark = error.schema === "firebreak" && column !== undefined ? `, ${column}: ` : null;
	const at = mark === null ? -1 : message.indexOf(mark);
	if (mark === null || at < 0) {
		return { object, message: detail ? `${message}: ${detail}` : message, cure };
	}
	return { object: message.slice(0, at), field: column!, message: message.slice(at + mark.length), cure };
}

/** A position counts only when it lies in the statement itself, not in a function that the statement called. */
function lineOf(error: DatabaseError, statement: Statement): number {
	const inside = error.internalQuery === statement.text ? error.internalPosition : error.position;
	return inside === undefined ? statement.line : lineAt(statement, Number(inside));
}

/** By SQLSTATE, in place of Postgres's hint. */
const BETTER_CURES: Readonly<Record<string, string>> = {
	"42883": "compare the names and types of the arguments with docs/reference/sql.md",
};

/** By SQLSTATE, where Postgres gives no hint. */
const CURES: Readonly<Record<string, string>> = {
	"0A000": "leave it out: a migration cannot do this",
	"2D000": "leave COMMIT and ROLLBACK out: all files of a run are one transaction",
	"25001": "leave it out: all files of a run are one transaction",
	"42501": "leave it to a role that may, or let the owner's role be granted it",
	"42601": "correct the SQL",
	"42725": "name the arguments, and cast the ones that are ambiguous",
	"57014": "split the file, or find out what it waits for",
};
