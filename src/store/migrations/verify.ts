/** `migrate verify`: whether the applied files, the schema, and what the database keeps of all changes are what they were. */
import type { ClientBase } from "pg";
import { FirebreakError, type Problem } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Head } from "../head.ts";
import type { Database } from "../pool.ts";
import { storeError } from "../store-error.ts";
import { editedFiles, missingFiles, refuseNewerSchema } from "./applied.ts";
import { compareCatalogs, isSameWording } from "./catalog/compare.ts";
import { readCatalogFile } from "./catalog/file.ts";
import { readCatalog } from "./catalog/read.ts";
import { type Proofs, readProofs } from "./proofs.ts";
import { type Holders, readHolders } from "./roles.ts";
import { gather } from "./status.ts";
import type { MigrationFolders } from "./up.ts";

export interface VerifyOutcome {
	/** Applied migrations that are as their files say, and those that wait. */
	readonly verified: number;
	readonly pending: number;
	/** Null for a database without the schema. */
	readonly head: Head | null;
	/** Null, too, while files of the schema wait: this version cannot say what the schema should be before they are applied. */
	readonly schema: SchemaOutcome | null;
	/** Null when the schema is, like what follows. */
	readonly history: Proofs["history"] | null;
	readonly lane: Proofs["lane"] | null;
	readonly records: Proofs["records"] | null;
	/** Who may alter something: nothing here proves that they should. */
	readonly holders: Holders | null;
}

export interface SchemaOutcome {
	readonly objects: number;
	/**
	 * `expressions_aside`: another major version of Postgres words them otherwise than the one that described the schema.
	 */
	readonly compared: "everything" | "expressions_aside";
}

/**
 * Changes nothing. What proves the rest are functions of the schema, so it is proven only when the schema is as it should be.
 * @param catalog where the description of the schema lies
 * @throws FirebreakError migration_drift naming every file, object, revision, revocation and role that is not as it
 * should be; migration_invalid, dependency_unreachable, store_unsuitable.
 */
export async function migrateVerify(
	database: Database,
	folders: MigrationFolders,
	catalog: string,
): Promise<VerifyOutcome> {
	const { shipped, policies, applied, head } = await gather(database, folders);
	refuseNewerSchema(shipped, applied);
	const problems = [...editedFiles([...shipped, ...policies], applied), ...missingFiles(policies, applied)];
	const names = new Set(applied.map(({ name }) => name));
	const waiting = shipped.filter(({ name }) => !names.has(name)).length;
	const pending = waiting + policies.filter(({ name }) => !names.has(name)).length;
	if (!head || waiting > 0) {
		refuse(problems);
		return { verified: applied.length, pending, head, ...UNPROVEN };
	}
	return inOneLongInstant(database, async (client) => {
		const schema = await verifySchema(client, catalog, problems);
		refuse(problems);
		const proofs = await readProofs(client, problems);
		const holders = await readHolders(client, problems);
		refuse(problems);
		return { verified: applied.length, pending, head, schema, ...proofs, holders };
	});
}

async function verifySchema(client: ClientBase, path: string, problems: Problem[]): Promise<SchemaOutcome> {
	const expected = await readCatalogFile(path);
	const actual = await readCatalog(client);
	problems.push(...compareCatalogs(expected, actual));
	const compared = isSameWording(expected, actual) ? "everything" : "expressions_aside";
	return { objects: expected.objects.size, compared };
}

function refuse(problems: readonly Problem[]): void {
	if (problems.length === 0) return;
	throw new FirebreakError("migration_drift", "the database is not what its migrations made of it", { problems });
}

/** One snapshot of the database on a connection whose statements may take as long as a migration's. */
async function inOneLongInstant<T>(database: Database, work: (client: ClientBase) => Promise<T>): Promise<T> {
	const client = await database.connect({ statement_timeout: LIMITS.migrationStatementMs });
	try {
		await client.query("begin isolation level repeatable read read only");
		return await work(client);
	} catch (error) {
		throw storeError(error, database.name);
	} finally {
		await client.end().catch(() => undefined);
	}
}

const UNPROVEN = { schema: null, history: null, lane: null, records: null, holders: null };
