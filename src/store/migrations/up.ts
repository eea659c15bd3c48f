/** `migrate up`: every pending file in one transaction, compiled before it is committed. */

import { sql as raw } from "kysely";
import type { Client, ClientBase } from "pg";
import { DatabaseError } from "pg";
import type { CompileResult } from "../../core/compile/compile.ts";
import { runToEnd } from "../../core/compile/generator.ts";
import { FirebreakError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { PolicySet } from "../../core/model.ts";
import type { Clock } from "../../core/time.ts";
import { type Head, readHead } from "../head.ts";
import { readPolicySet } from "../load.ts";
import type { Database } from "../pool.ts";
import { rowsOf, sql } from "../queries.ts";
import { describeCause, isUnreachable, storeError } from "../store-error.ts";
import { missingFiles, readApplied, refuseEdited, refuseNewerSchema } from "./applied.ts";
import { type Blocker, watchBlockers } from "./blockers.ts";
import { connectToMigrate, hasEnded } from "./connect.ts";
import { type MigrationFile, readPolicyFiles, readSchemaFiles } from "./files.ts";
import { locate } from "./locate.ts";
import { limitTo, orderPending } from "./order.ts";
import { type Plan, readPlan } from "./plan.ts";
import { createFileRunner } from "./run-file.ts";
import { describeSqlError } from "./sql-error.ts";

export interface MigrationFolders {
	readonly schema: string;
	readonly policy: string;
}

export interface UpOptions {
	readonly folders: MigrationFolders;
	readonly compile: (set: PolicySet) => Generator<void, CompileResult>;
	readonly clock: Clock;
	/** Stop behind this time or migration; see limitTo. */
	readonly to?: string | undefined;
	/** Do everything, then roll it back. */
	readonly dryRun?: boolean | undefined;
	readonly report?: (event: UpEvent) => void;
}

export type UpEvent =
	| { readonly kind: "waiting" }
	/** The folder has no migrations, though so many were applied from files: it may be another than the one that was meant. */
	| { readonly kind: "empty"; readonly folder: string; readonly applied: number }
	/** Others' open transactions hold locks that the run waits for. */
	| { readonly kind: "blocked"; readonly by: readonly Blocker[] }
	| { readonly kind: "running"; readonly file: MigrationFile; readonly done: number; readonly total: number }
	| { readonly kind: "compiling"; readonly policies: number }
	/** What a file raised at level NOTICE or WARNING. */
	| { readonly kind: "notice"; readonly text: string };

export interface UpOutcome {
	readonly applied: readonly { readonly name: string; readonly owner: string | null; readonly seconds: number }[];
	/** The head afterwards; of a dry run, what it would have been. */
	readonly head: Head;
	/** Whether the policy set changed. */
	readonly changed: boolean;
	/** Of a dry run, what it would change; null otherwise. */
	readonly plan: Plan | null;
}

/**
 * Applies what is pending, or nothing at all. Runs at the same time wait for each other.
 * @throws FirebreakError migration_drift, migration_invalid, policy_invalid (with file and line where they are known),
 * usage, timeout, dependency_unreachable, store_unsuitable.
 */
export async function migrateUp(database: Database, options: UpOptions): Promise<UpOutcome> {
	const shipped = await readSchemaFiles(options.folders.schema);
	const policies = await readPolicyFiles(options.folders.policy);
	const client = await connectToMigrate(database);
	let unwatch = async () => {};
	try {
		await client.query("begin");
		await lock(client, options);
		unwatch = await watchBlockers(database, client, (by) => options.report?.({ kind: "blocked", by }));
		const applied = await readApplied(client);
		refuseNewerSchema(shipped, applied);
		refuseEdited([...shipped, ...policies], applied);
		const missing = missingFiles(policies, applied).length;
		if (policies.length === 0 && missing > 0) {
			options.report?.({ kind: "empty", folder: options.folders.policy, applied: missing });
		}
		const names = new Set(applied.map(({ name }) => name));
		const pending = orderPending(policies, names);
		const files = [
			...shipped.filter(({ name }) => !names.has(name)),
			...(options.to === undefined ? pending : limitTo(pending, options.to)),
		];
		const outcome = await apply(client, files, applied.length > 0, options);
		if (options.dryRun) await client.query("rollback");
		else await commit(client);
		return outcome;
	} catch (error) {
		// The server rolls back by itself when the connection ends.
		throw storeError(error, database.name);
	} finally {
		await unwatch();
		await client.end().catch(() => undefined);
	}
}

/** The one moment at which a lost connection leaves it open what became of the run. */
async function commit(client: ClientBase): Promise<void> {
	try {
		await client.query("commit");
	} catch (error) {
		if (!isUnreachable(error)) throw error;
		const message = "the connection was lost while the run was committed: all of it is applied, or nothing";
		throw new FirebreakError("dependency_unreachable", message, {
			problems: [
				{
					object: "migrate up",
					message: describeCause(error),
					cure: "run it again: it goes on from whatever was applied; firebreak migrate status tells what that is",
				},
			],
			cause: error,
		});
	}
}

/** Held until the transaction ends, however it ends. */
async function lock(client: ClientBase, { report }: UpOptions): Promise<void> {
	const { rows } = await client.query<{ got: boolean }>(`select pg_try_advisory_xact_lock(${LOCK_KEY}) as got`);
	if (rows[0]?.got) return;
	report?.({ kind: "waiting" });
	try {
		await client.query(`select pg_advisory_xact_lock(${LOCK_KEY})`);
	} catch (error) {
		if (!(error instanceof DatabaseError) || error.code !== QUERY_CANCELED) throw error;
		throw new FirebreakError("timeout", "another migrate up is still running", {
			problems: [
				{
					object: "migrate up",
					message: `another run held its lock for ${LIMITS.migrationStatementMs / 1_000} s`,
					cure: "let it end, or find it in pg_stat_activity as 'firebreak migrate'",
				},
			],
		});
	}
}

async function apply(
	client: Client,
	files: readonly MigrationFile[],
	hasSchema: boolean,
	options: UpOptions,
): Promise<UpOutcome> {
	const before = hasSchema ? await readHead(client) : null;
	if (files.length === 0) {
		return { applied: [], head: before ?? NO_HEAD, changed: false, plan: options.dryRun ? NO_PLAN : null };
	}
	const applied: UpOutcome["applied"][number][] = [];
	const onNotice = ({ severity, message }: { severity?: string | undefined; message?: string | undefined }) => {
		if (severity === "NOTICE" || severity === "WARNING") options.report?.({ kind: "notice", text: `${message}` });
	};
	client.on("notice", onNotice);
	const runner = createFileRunner(client);
	for (const file of files) {
		const started = options.clock();
		await runner.run(file, (done, total) => options.report?.({ kind: "running", file, done, total }));
		const { name, owner, checksum } = file;
		const seconds = Math.max(0, options.clock() - started) / 1_000;
		applied.push({ name, owner, seconds });
		const row = { name, owner, checksum, seconds, applied_at: raw<Date>`clock_timestamp()` };
		await rowsOf(client, sql.insertInto("firebreak.migration").values(row));
	}
	await client.query("delete from firebreak.running where transaction = pg_current_xact_id()");
	await settleConstraints(client, files);
	const head = await readHead(client);
	const changed = head.revision !== (before?.revision ?? 0);
	if (changed) {
		const text = "update firebreak.migration set revision = $1 where name = any($2)";
		await client.query(text, [head.revision, files.map(({ name }) => name)]);
	}
	await client.query("select firebreak.seal_migrations()");
	const set = await compileCandidate(client, files, options);
	// Whatever others committed since the run began lies before its own revision.
	const base = changed ? head.revision - 1 : head.revision;
	const plan = options.dryRun ? await readPlan(client, base, set, options.clock()) : null;
	return { applied, head, changed, plan };
}

/** What waits for the end of the transaction happens now, where its error can still be traced to a file. */
async function settleConstraints(client: ClientBase, files: readonly MigrationFile[]): Promise<void> {
	try {
		await client.query("set constraints all immediate");
	} catch (error) {
		if (!(error instanceof DatabaseError) || (isUnreachable(error) && (await hasEnded(client)))) throw error;
		throw new FirebreakError("migration_invalid", "the migrations contradict each other; nothing was applied", {
			problems: locate([describeSqlError(error, "migrate up")], files),
			cause: error,
		});
	}
}

async function compileCandidate(
	client: ClientBase,
	files: readonly MigrationFile[],
	options: UpOptions,
): Promise<PolicySet> {
	const set = await readPolicySet(client, {
		progress: (policies) => options.report?.({ kind: "compiling", policies }),
	});
	const result = runToEnd(options.compile(set));
	if (result.ok) return set;
	throw new FirebreakError("policy_invalid", "the policy set would not compile; nothing was applied", {
		problems: locate(result.problems, files),
	});
}

/** Any two numbers that no other program takes: "FIRE", "BREK" in ASCII. */
const LOCK_KEY = "1179210309, 1112687947";
const QUERY_CANCELED = "57014";
const NO_PLAN: Plan = { objects: [], edges: { opened: [], closed: [], monitor: { begun: [], ended: [] } } };
const NO_HEAD: Head = { epoch: "", revision: 0, seq: 0 };
