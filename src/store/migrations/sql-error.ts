/** An error of Postgres while a migration runs, as a problem with the line, the object and the cure. */
import type { DatabaseError } from "pg";
import type { Problem } from "../../core/errors.ts";
import type { MigrationFile } from "./files.ts";
import { lineAt, type Statement } from "./statements.ts";

/** `statement` is the one that failed. */
export function sqlProblem(error: DatabaseError, file: MigrationFile, statement: Statement): Problem {
	return { ...describeSqlError(error, `migration ${file.name}`), file: file.path, line: lineOf(error, statement) };
}

/** `object, argument: cause` and the hint, as the schema's functions raise them; anything else is about `object`. */
export function describeSqlError(error: DatabaseError, object: string): Problem {
	const { message, column, detail } = error;
	const cure = error.hint ?? CURES[error.code ?? ""] ?? "correct the statement";
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

/** By SQLSTATE, where Postgres gives no hint. */
const CURES: Readonly<Record<string, string>> = {
	"0A000": "leave it out: a migration cannot do this",
	"2D000": "leave COMMIT and ROLLBACK out: all files of a run are one transaction",
	"25001": "leave it out: all files of a run are one transaction",
	"42501": "leave it to a role that may, or let the owner's role be granted it",
	"42601": "correct the SQL",
	"42725": "name the arguments, and cast the ones that are ambiguous",
	"42883": "compare the names and types of the arguments with docs/reference/sql.md",
	"57014": "split the file, or find out what it waits for",
};
