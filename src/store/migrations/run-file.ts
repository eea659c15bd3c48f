/** Runs the text of one migration inside the transaction of the run: the one place where a file meets Postgres. */
import { type ClientBase, DatabaseError } from "pg";
import { FirebreakError, type Problem } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { MigrationFile } from "./files.ts";
import { sqlProblem } from "./sql-error.ts";
import { type Statement, splitStatements } from "./statements.ts";

/**
 * A user's text runs inside a SECURITY DEFINER function: there Postgres refuses COMMIT, ROLLBACK, SET ROLE and RESET
 * ROLE, so that no file can leave the transaction or the role of the run. INFO always reaches the client, and tells it
 * which statement failed.
 */
const FENCE = `
create function pg_temp.firebreak_run(statements text[]) returns void language plpgsql security definer as $$
declare
	current integer;
begin
	for i in 1 .. cardinality(statements) loop
		current := i;
		execute statements[i];
	end loop;
exception when others or query_canceled or assert_failure then
	raise info 'firebreak statement %', current;
	raise;
end
$$`;

/** Once for each run, before its first file of users. */
export async function raiseFence(client: ClientBase): Promise<void> {
	await client.query(FENCE);
}

/**
 * Runs every statement of the file; settings that an earlier file left are reset first.
 * @throws FirebreakError migration_invalid with file, line, object and cure; errors of the connection as they came.
 */
export async function runFile(
	client: ClientBase,
	file: MigrationFile,
	progress: (done: number, total: number) => void,
): Promise<void> {
	const statements = splitStatements(file.text);
	refuseTransactionControl(file, statements);
	await client.query("reset all");
	await client.query("select set_config('firebreak.migration', $1, true)", [file.name]);
	let done = 0;
	for (const batch of file.owner === null ? statements.map((statement) => [statement]) : batches(statements)) {
		if (file.owner === null) await runPlainly(client, file, batch[0]!);
		else await runFenced(client, file, batch);
		done += batch.length;
		progress(done, statements.length);
	}
}

/** Our own schema files change roles and are trusted to change them back. */
async function runPlainly(client: ClientBase, file: MigrationFile, statement: Statement): Promise<void> {
	try {
		await client.query(statement.text);
	} catch (error) {
		throw failure(error, file, statement);
	}
}

async function runFenced(client: ClientBase, file: MigrationFile, batch: readonly Statement[]): Promise<void> {
	let failed = 1;
	const onNotice = ({ message }: { message?: string | undefined }) => {
		failed = Number(/^firebreak statement (\d+)$/.exec(message ?? "")?.[1] ?? failed);
	};
	client.on("notice", onNotice);
	try {
		await client.query("select pg_temp.firebreak_run($1::text[])", [batch.map(({ text }) => text)]);
	} catch (error) {
		throw failure(error, file, batch[failed - 1] ?? batch[0]!);
	} finally {
		client.off("notice", onNotice);
	}
}

function failure(error: unknown, file: MigrationFile, statement: Statement): unknown {
	if (!(error instanceof DatabaseError) || LOST.test(error.code ?? "")) return error;
	return new FirebreakError("migration_invalid", `the migration ${file.name} failed; nothing was applied`, {
		problems: [sqlProblem(error, file, statement)],
	});
}

/** Said before anything runs, and with the line; the fence refuses it in any case. */
function refuseTransactionControl(file: MigrationFile, statements: readonly Statement[]): void {
	const problems = statements.filter(isTransactionControl).map(
		({ words, line }): Problem => ({
			object: `migration ${file.name}`,
			message: `${words[0]} would end or change the transaction of the run`,
			cure: "leave it out: all files of a run are one transaction",
			file: file.path,
			line,
		}),
	);
	if (problems.length === 0) return;
	throw new FirebreakError("migration_invalid", `the migration ${file.name} controls transactions`, { problems });
}

function isTransactionControl({ words: [first, second] }: Statement): boolean {
	if (first === "PREPARE" || first === "START") return second === "TRANSACTION";
	return TRANSACTION_WORDS.has(first ?? "");
}

function* batches(statements: readonly Statement[]): Generator<readonly Statement[], void> {
	let batch: Statement[] = [];
	let size = 0;
	for (const statement of statements) {
		const full =
			batch.length >= LIMITS.migrationBatchStatements || size + statement.text.length > LIMITS.migrationBatchChars;
		if (full && batch.length > 0) {
			yield batch;
			batch = [];
			size = 0;
		}
		batch.push(statement);
		size += statement.text.length;
	}
	if (batch.length > 0) yield batch;
}

const TRANSACTION_WORDS = new Set(["BEGIN", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"]);
/** The server went away: not the file's fault. */
const LOST = /^(08|57P)/;
