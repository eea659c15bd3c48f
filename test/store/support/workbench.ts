/** A folder of migrations and an empty database of its own, for one test file. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ClientBase } from "pg";
import { compilePolicySet } from "../../../src/core/compile/compile.ts";
import { FirebreakError } from "../../../src/core/errors.ts";
import { readSchemaFiles, SCHEMA_DIRECTORY } from "../../../src/store/migrations/files.ts";
import { type MigrationFolders, migrateUp, type UpOptions, type UpOutcome } from "../../../src/store/migrations/up.ts";
import { type Database, openDatabase } from "../../../src/store/pool.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";

export interface Workbench {
	readonly test: TestDatabase;
	readonly database: Database;
	/** Writes `<owner>/<utc>_<slug>.sql` into a folder of migrations, which begins empty. */
	put(path: string, text: string): void;
	/** Leaves the files behind and starts with an empty folder; what was applied stays applied. */
	emptyFolder(): void;
	folders(): MigrationFolders;
	up(options?: Partial<UpOptions>): Promise<UpOutcome>;
	/** A statement that runs until the gate is opened; whoever comes to it later passes. */
	gate(): Promise<Gate>;
	/** Puts one file of owner `platform` at the next free time, and applies it. */
	apply(text: string): Promise<UpOutcome>;
	close(): Promise<void>;
}

/** Holds a run as long as a test wants, where a pause would hold it too short on a slow machine. */
export interface Gate {
	readonly sql: string;
	open(): Promise<void>;
}

/** The database is without the schema: the first `up` applies it. */
export async function openWorkbench(): Promise<Workbench> {
	const test = await createTestDatabase({ schema: false });
	const database = openDatabase(test.url, { applicationName: "firebreak test" });
	const root = mkdtempSync(join(tmpdir(), "firebreak-store-"));
	let folder = 0;
	let minute = 0;
	let gates = 0;
	const policy = () => join(root, String(folder));
	const bench: Workbench = {
		test,
		database,
		put(path, text) {
			const file = join(policy(), path);
			mkdirSync(dirname(file), { recursive: true });
			writeFileSync(file, text);
		},
		emptyFolder() {
			folder++;
		},
		folders: () => ({ schema: SCHEMA_DIRECTORY, policy: policy() }),
		up: (options = {}) =>
			migrateUp(database, { folders: bench.folders(), compile: compilePolicySet, clock: Date.now, ...options }),
		async gate() {
			const table = `public.gate_${++gates}`;
			await database.withClient((client) =>
				client.query(`create table ${table} (opened boolean); grant select on ${table} to public`),
			);
			return {
				sql: `do $$ begin while not exists (select from ${table}) loop perform pg_sleep(0.02); end loop; end $$;`,
				open: () =>
					database.withClient(async (client) => {
						await client.query(`insert into ${table} values (true)`);
					}),
			};
		},
		apply(text) {
			const time = new Date(Date.UTC(2030, 0, 1, 0, minute++)).toISOString().replace(/\D/g, "").slice(0, 14);
			bench.put(`platform/${time}_step.sql`, text);
			return bench.up();
		},
		async close() {
			await database.end();
			await test.drop();
			rmSync(root, { recursive: true, force: true });
		},
	};
	return bench;
}

/** An owner, a domain and two segments: `orders` and `payments`, all of them `platform`'s. */
export const COMPANY = `
select firebreak.owner('platform');
select firebreak.domain('internal', 'platform', flow => 'mtls');
select firebreak.segment('orders', 'internal', 'prod', 'platform', array['spiffe://prod.example.org/orders']);
select firebreak.segment('payments', 'internal', 'prod', 'platform', array['spiffe://prod.example.org/payments']);
`;

/** SQL that lets orders GET these paths of payments. */
export function allow(name: string, ...paths: string[]): string {
	const list = paths.map((path) => `'${path}'`).join(", ");
	return `select firebreak.allow(name => '${name}', source => 'orders', destination => 'payments', owner => 'platform',
	methods => array['GET'], paths => array[${list}]);\n`;
}

/** The FirebreakError that it ends with. */
export async function refusal(promise: Promise<unknown>): Promise<FirebreakError> {
	const outcome = await promise.then(
		() => "it was not refused",
		(error: unknown) => error,
	);
	if (outcome instanceof FirebreakError) return outcome;
	throw outcome instanceof Error ? outcome : new Error(String(outcome));
}

/** Applies the files of migrations/schema before the one whose name begins with `before`, and records them as a run does. */
export async function installOlderSchema(client: ClientBase, before: string): Promise<void> {
	for (const { name, checksum, text } of await readSchemaFiles(SCHEMA_DIRECTORY)) {
		if (name >= `schema/${before}`) return;
		await client.query(`begin; ${text}; commit`);
		await client.query("insert into firebreak.migration (name, checksum) values ($1, $2)", [name, checksum]);
	}
}
