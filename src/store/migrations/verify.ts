/** `migrate verify`: whether the applied files, the schema and the history of the policy set are what they were. */
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
	readonly history: HistoryOutcome | null;
}

export interface SchemaOutcome {
	readonly objects: number;
	/**
	 * `expressions_aside`: another major version of Postgres words them otherwise than the one that described the schema.
	 */
	readonly compared: "everything" | "expressions_aside";
}

export interface HistoryOutcome {
	/** Proven by their digests, each chained to the one before. */
	readonly revisions: number;
	/** Of the newest revision, in hex; who keeps it elsewhere can tell a history that was written anew as a whole. */
	readonly digest: string | null;
}

/**
 * Changes nothing. What proves the history are functions of the schema, so it is proven only when the schema is as it should be.
 * @param catalog where the description of the schema lies
 * @throws FirebreakError migration_drift naming every file, object and revision that is not as it was; migration_invalid,
 * dependency_unreachable, store_unsuitable.
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
		return { verified: applied.length, pending, head, schema: null, history: null };
	}
	return inOneLongInstant(database, async (client) => {
		const schema = await verifySchema(client, catalog, problems);
		refuse(problems);
		const history = await verifyHistory(client, problems);
		refuse(problems);
		return { verified: applied.length, pending, head, schema, history };
	});
}

async function verifySchema(client: ClientBase, path: string, problems: Problem[]): Promise<SchemaOutcome> {
	const expected = await readCatalogFile(path);
	const actual = await readCatalog(client);
	problems.push(...compareCatalogs(expected, actual));
	const compared = isSameWording(expected, actual) ? "everything" : "expressions_aside";
	return { objects: expected.objects.size, compared };
}

async function verifyHistory(client: ClientBase, problems: Problem[]): Promise<HistoryOutcome> {
	const { rows } = await client.query<{ revision: string; problem: string }>(ALTERED, [LIMITS.alteredRevisions]);
	problems.push(
		...rows.map(({ revision, problem }) => ({ object: `revision ${revision}`, message: problem, cure: RESTORE })),
	);
	const newest = await client.query<{ revision: string; digest: string | null }>(NEWEST);
	const { revision, digest } = newest.rows[0]!;
	return { revisions: Number(revision), digest };
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

/** Revisions are counted from 1 to the head; a digest covers those alone. */
const ALTERED = `
	with head as (select h.revision from firebreak.head h)
	select v.revision, v.problem from firebreak.verify_history() v
	union all
	select r.number, 'the revision is not one of those that the head counts'
	from firebreak.revision r, head where r.number not between 1 and head.revision
	union all
	select h.from_revision, format('%s %s has a state that no revision made', h.kind, h.name)
	from firebreak.history h, head
	where h.from_revision not between 1 and head.revision or h.to_revision > head.revision
	order by 1 limit $1`;
const NEWEST = `
	select h.revision, encode(r.digest, 'hex') as digest
	from firebreak.head h left join firebreak.revision r on r.number = h.revision`;

const RESTORE = "find out who could write the schema's tables, and restore the database from a copy that verifies";
