/** `migrate status`: what was applied, what waits, and what is not as it was. */
import { type Head, readHead } from "../head.ts";
import type { Database } from "../pool.ts";
import { type AppliedMigration, editedFiles, missingFiles, readApplied } from "./applied.ts";
import { type MigrationFile, readPolicyFiles, readSchemaFiles } from "./files.ts";
import { orderPending } from "./order.ts";
import type { MigrationFolders } from "./up.ts";

export interface MigrationStatus {
	readonly name: string;
	readonly owner: string | null;
	/** `edited`: the file is not what was applied; `missing`: applied, but no file; `unknown`: of a newer schema. */
	readonly state: "applied" | "pending" | "edited" | "missing" | "unknown";
	readonly appliedAt: Date | null;
	readonly appliedBy: string | null;
	readonly revision: number | null;
	readonly seconds: number | null;
}

export interface StatusOutcome {
	/** Null for a database without the schema. */
	readonly head: Head | null;
	/** Applied ones in the order they were applied, then pending ones in the order they would be. */
	readonly migrations: readonly MigrationStatus[];
}

/** @throws FirebreakError migration_invalid, dependency_unreachable */
export async function migrateStatus(database: Database, folders: MigrationFolders): Promise<StatusOutcome> {
	const { shipped, policies, applied, head } = await gather(database, folders);
	const states = new Map<string, MigrationStatus["state"]>();
	const known = new Set(shipped.map(({ name }) => name));
	for (const { name, owner } of applied) if (owner === null && !known.has(name)) states.set(name, "unknown");
	for (const { object } of missingFiles(policies, applied)) states.set(nameOf(object), "missing");
	for (const { object } of editedFiles([...shipped, ...policies], applied)) states.set(nameOf(object), "edited");
	const names = new Set(applied.map(({ name }) => name));
	const pending = [...shipped.filter(({ name }) => !names.has(name)), ...orderPending(policies, names)];
	return {
		head,
		migrations: [
			...applied.map(({ checksum: _, ...row }) => ({ ...row, state: states.get(row.name) ?? ("applied" as const) })),
			...pending.map(({ name, owner }) => ({ name, owner, state: "pending" as const, ...NEVER })),
		],
	};
}

/** What lies on disk, and what the database says was applied. */
export interface Gathered {
	readonly shipped: readonly MigrationFile[];
	readonly policies: readonly MigrationFile[];
	readonly applied: readonly AppliedMigration[];
	readonly head: Head | null;
}

/** @throws FirebreakError migration_invalid, dependency_unreachable */
export async function gather(database: Database, folders: MigrationFolders): Promise<Gathered> {
	const shipped = await readSchemaFiles(folders.schema);
	const policies = await readPolicyFiles(folders.policy);
	return database.withClient(async (client) => {
		const applied = await readApplied(client);
		const head = applied.length > 0 ? await readHead(client) : null;
		return { shipped, policies, applied, head };
	});
}

const nameOf = (object: string): string => object.slice("migration ".length);
const NEVER = { appliedAt: null, appliedBy: null, revision: null, seconds: null };
