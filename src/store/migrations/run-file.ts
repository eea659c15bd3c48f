/** Runs the text of one migration inside the transaction of the run: the one place where a file meets Postgres. */
import { type ClientBase, DatabaseError } from "pg";
import { FirebreakError, type Problem } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { isUnreachable } from "../store-error.ts";
import { hasEnded } from "./connect.ts";
import { clearAway, createFence, type Fence, resetSettings } from "./fence.ts";
import { roleOf } from "./file-role.ts";
import type { MigrationFile } from "./files.ts";
import { sqlProblem } from "./sql-error.ts";
import { type Statement, splitStatements } from "./statements.ts";

/** Runs files one behind the other, on one connection inside one transaction. */
export interface FileRunner {
	/**
	 * Runs every statement: of a file of users as the role of its owner, fenced into it; of the schema's own as it stands.
	 * Nothing that an earlier file set or left reaches it.
	 * @throws FirebreakError migration_invalid with file, line, object and cure; errors of the connection as they came.
	 */
	run(file: MigrationFile, progress: (done: number, total: number) => void): Promise<void>;
}

export function createFileRunner(client: ClientBase): FileRunner {
	const fence = createFence(client);
	return {
		async run(file, progress) {
			const statements = splitStatements(file.text);
			refuseTransactionControl(file, statements);
			await resetSettings(client);
			if (file.owner === null) {
				for (const [index, statement] of statements.entries()) {
					await runPlainly(client, file, statement);
					progress(index + 1, statements.length);
				}
				await resetSettings(client);
				return;
			}
			const role = await roleOf(client, file);
			await announce(client, file);
			let done = 0;
			for (const batch of batches(statements)) {
				await runFenced(client, fence, role, file, batch);
				done += batch.length;
				progress(done, statements.length);
			}
			await clearAway(client, file);
		},
	};
}

/** Whose the writes are from here on, for the history. The setting is for messages alone: the file can change it. */
async function announce(client: ClientBase, file: MigrationFile): Promise<void> {
	await client.query("insert into firebreak.running (migration) values ($1)", [file.name]);
	await client.query("select set_config('firebreak.migration', $1, true)", [file.name]);
}

/** Our own schema files change roles and are trusted to change them back. */
async function runPlainly(client: ClientBase, file: MigrationFile, statement: Statement): Promise<void> {
	try {
		await client.query(statement.text);
	} catch (error) {
		throw await failure(client, error, file, statement);
	}
}

async function runFenced(
	client: ClientBase,
	fence: Fence,
	role: string,
	file: MigrationFile,
	batch: readonly Statement[],
): Promise<void> {
	let failed = batch[0]!;
	try {
		await fence.run(
			role,
			batch.map(({ text }) => text),
			(index) => {
				failed = batch[index] ?? failed;
			},
		);
	} catch (error) {
		throw await failure(client, error, file, failed);
	}
}

async function failure(
	client: ClientBase,
	error: unknown,
	file: MigrationFile,
	statement: Statement,
): Promise<unknown> {
	// Who ends a connection says so; whether it is the server is seen by its end.
	if (!(error instanceof DatabaseError) || (isUnreachable(error) && (await hasEnded(client)))) return error;
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
