/**
 * The fence around a user's file: its text runs inside a SECURITY DEFINER function that belongs to the role of its
 * owner. There Postgres refuses COMMIT, ROLLBACK, SET ROLE, RESET ROLE and SET SESSION AUTHORIZATION, so that no file
 * leaves the transaction of the run, or its role. What a file could leave behind, to be run later by the run itself or
 * by the next file, is taken away, or refused.
 */
import { type ClientBase, escapeIdentifier } from "pg";
import { FirebreakError, type Problem } from "../../core/errors.ts";
import type { MigrationFile } from "./files.ts";

/** Of one run: each batch has a fence of its own, since a file may change a function that belongs to its role. */
export interface Fence {
	/** Runs the statements as `role`. Tells `failed` which one it was, from 0, before an error of it is thrown. */
	run(role: string, statements: readonly string[], failed: (index: number) => void): Promise<void>;
}

export function createFence(client: ClientBase): Fence {
	let raised = 0;
	return {
		async run(role, statements, failed) {
			const name = `pg_temp.firebreak_run_${++raised}`;
			const onNotice = ({ message }: { message?: string | undefined }) => {
				const index = /^firebreak statement (\d+)$/.exec(message ?? "")?.[1];
				if (index !== undefined) failed(Number(index) - 1);
			};
			// Not CREATE OR REPLACE: of a function that a file made beforehand, the file's role would stay the owner.
			await client.query(`create function ${name}${BODY}`);
			await client.query(`grant execute on function ${name}(pg_catalog.text[]) to public`);
			await client.query(`alter function ${name}(pg_catalog.text[]) owner to ${escapeIdentifier(role)}`);
			client.on("notice", onNotice);
			try {
				await client.query(`select ${name}($1::pg_catalog.text[])`, [statements]);
			} finally {
				client.off("notice", onNotice);
			}
		},
	};
}

/**
 * INFO always reaches the client, and tells it which statement failed. Types are qualified: the file may have set a
 * search_path in the batch before.
 */
const BODY = `(statements pg_catalog.text[]) returns pg_catalog.void language plpgsql security definer as $$
declare
	current pg_catalog.int4;
begin
	for i in 1 .. pg_catalog.cardinality(statements) loop
		current := i;
		execute statements[i];
	end loop;
exception when others or query_canceled or assert_failure then
	raise info 'firebreak statement %', current;
	raise;
end
$$`;

/**
 * Settings as the connection began with them, but for the search_path: the same for every file and for the run itself,
 * and without a schema that others may write.
 */
export async function resetSettings(client: ClientBase): Promise<void> {
	await client.query("reset all");
	await client.query("set search_path = pg_catalog, pg_temp");
}

/**
 * After each file. Cursors WITH HOLD and deferred triggers are evaluated at COMMIT, outside of any fence; temporary
 * objects would shadow what the next file names.
 * @throws FirebreakError migration_invalid when the file left what cannot be taken away.
 */
export async function clearAway(client: ClientBase, file: MigrationFile): Promise<void> {
	await client.query("close all");
	await resetSettings(client);
	const { rows } = await client.query<{ deferring: string | null }>(LEFT);
	const deferring = rows[0]!.deferring;
	if (deferring !== null) {
		const problem: Problem = {
			object: `migration ${file.name}`,
			message: `it writes table ${deferring}, whose deferred triggers would run when the run ends`,
			cure: "leave that table out: migrations write policy alone",
			file: file.path,
			line: 1,
		};
		throw new FirebreakError("migration_invalid", `the migration ${file.name} failed; nothing was applied`, {
			problems: [problem],
		});
	}
	await client.query("discard temp");
	await client.query("set constraints all deferred");
}

/** Locks are held until the transaction ends, so they tell which tables it wrote. */
const LEFT = `
select min(format('%I.%I', n.nspname, c.relname)) as deferring
from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
where l.locktype = 'relation' and l.pid = pg_backend_pid() and l.mode <> 'AccessShareLock'
	and l.database = (select d.oid from pg_database d where d.datname = current_database())
	and n.nspname <> 'firebreak'
	and exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgdeferrable)`;
