/** What the database says was applied, held against the files on disk. */
import type { ClientBase } from "pg";
import { FirebreakError, type Problem } from "../../core/errors.ts";
import { rowsOf, sql } from "../queries.ts";
import type { MigrationFile } from "./files.ts";

export interface AppliedMigration {
	readonly name: string;
	readonly owner: string | null;
	readonly checksum: string;
	readonly appliedAt: Date;
	readonly appliedBy: string;
	/** The revision that its run made; null when the run changed no policy. */
	readonly revision: number | null;
	readonly seconds: number | null;
}

/** In the order they were applied. Empty for a database without the schema. */
export async function readApplied(client: ClientBase): Promise<readonly AppliedMigration[]> {
	const exists = await client.query<{ is: boolean }>("select to_regclass('firebreak.migration') is not null as is");
	if (!exists.rows[0]?.is) return [];
	const rows = await rowsOf(
		client,
		sql.selectFrom("firebreak.migration").select(COLUMNS).orderBy("applied_at").orderBy("name"),
	);
	return rows.map(({ applied_at, applied_by, revision, ...row }) => ({
		...row,
		appliedAt: applied_at,
		appliedBy: applied_by,
		revision: revision === null ? null : Number(revision),
	}));
}

/** Applied files whose text on disk is another one now. */
export function editedFiles(files: readonly MigrationFile[], applied: readonly AppliedMigration[]): readonly Problem[] {
	const checksums = new Map(applied.map(({ name, checksum }) => [name, checksum]));
	return files
		.filter(({ name, checksum }) => checksums.has(name) && checksums.get(name) !== checksum)
		.map(({ name, path }) => ({
			object: `migration ${name}`,
			message: "it was edited after it was applied",
			cure: "restore the file as it was, and put the change into a new migration",
			file: path,
		}));
}

/** Applied policy files that are not on disk. */
export function missingFiles(
	files: readonly MigrationFile[],
	applied: readonly AppliedMigration[],
): readonly Problem[] {
	const known = new Set(files.map(({ name }) => name));
	return applied
		.filter(({ name, owner }) => owner !== null && !known.has(name))
		.map(({ name }) => ({
			object: `migration ${name}`,
			message: "it was applied, but its file is not there",
			cure: "restore the file, or give its folder by --dir",
		}));
}

/** @throws FirebreakError migration_drift when the schema was made by a newer program than this one. */
export function refuseNewerSchema(shipped: readonly MigrationFile[], applied: readonly AppliedMigration[]): void {
	const known = new Set(shipped.map(({ name }) => name));
	const unknown = applied.filter(({ name, owner }) => owner === null && !known.has(name));
	if (unknown.length === 0) return;
	throw new FirebreakError("migration_drift", "the database's schema is newer than this version of Firebreak", {
		problems: unknown.map(({ name }) => ({
			object: `migration ${name}`,
			message: "this version does not know it",
			cure: "use the version of Firebreak that applied it, or a newer one",
		})),
	});
}

/** @throws FirebreakError migration_drift naming every edited file. */
export function refuseEdited(files: readonly MigrationFile[], applied: readonly AppliedMigration[]): void {
	const problems = editedFiles(files, applied);
	if (problems.length === 0) return;
	throw new FirebreakError("migration_drift", "applied migrations were edited", { problems });
}

const COLUMNS = ["name", "owner", "checksum", "applied_at", "applied_by", "revision", "seconds"] as const;
