/** `firebreak migrate up | status | verify | new`: policies as SQL files, applied all together or not at all. */
import { readDatabaseUrl } from "../config.ts";
import { compilePolicySet } from "../core/compile/compile.ts";
import { SCHEMA_DIRECTORY } from "../store/migrations/files.ts";
import { migrateNew } from "../store/migrations/new.ts";
import { type MigrationStatus, migrateStatus, migrateVerify, type StatusOutcome } from "../store/migrations/status.ts";
import { type MigrationFolders, migrateUp, type UpEvent, type UpOutcome } from "../store/migrations/up.ts";
import { type Database, openDatabase } from "../store/pool.ts";
import type { Io } from "./io.ts";
import { createOutput, type Output, type Style } from "./output.ts";
import { exampleHelp, type Program } from "./program.ts";

/** Adds `migrate` and its subcommands. */
export function register(program: Program, io: Io): void {
	const migrate = program
		.command("migrate")
		.description("apply policies that are written as SQL migrations, and see which were applied")
		.addHelpText(
			"after",
			exampleHelp("firebreak migrate up", "firebreak migrate new orders_read_payments --owner payments"),
		);

	migrate
		.command("up")
		.description("apply everything that is pending in one transaction, or nothing when it does not compile (exit 3)")
		.option("--dir <folder>", "the owners' folders", DIRECTORY)
		.option("--to <time or migration>", "stop behind 20260114093000, or behind <owner>/<utc>_<slug>")
		.option("--dry-run", "do everything, then roll it back")
		.addHelpText("after", exampleHelp("firebreak migrate up --dry-run", "firebreak migrate up --to 20260131"))
		.action(async (_options, command) => {
			const { dir, to, dryRun, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const outcome = await withDatabase(io, options.databaseUrl, (database) =>
				migrateUp(database, {
					folders: folders(dir),
					compile: compilePolicySet,
					clock: io.clock,
					to,
					dryRun,
					report: (event) => showProgress(output, event),
				}),
			);
			const { applied, head, changed } = outcome;
			output.answer({ applied, dryRun: dryRun === true, changed, ...head }, () =>
				showOutcome(output, outcome, dryRun === true),
			);
		});

	migrate
		.command("status")
		.description("list the migrations that were applied and those that wait")
		.option("--dir <folder>", "the owners' folders", DIRECTORY)
		.addHelpText("after", exampleHelp("firebreak migrate status --json"))
		.action(async (_options, command) => {
			const { dir, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const status = await withDatabase(io, options.databaseUrl, (database) => migrateStatus(database, folders(dir)));
			output.answer(status, () => showStatus(output, status));
		});

	migrate
		.command("verify")
		.description("hold every applied migration against its file; exit 5 when one was edited or is missing")
		.option("--dir <folder>", "the owners' folders", DIRECTORY)
		.addHelpText("after", exampleHelp("firebreak migrate verify"))
		.action(async (_options, command) => {
			const { dir, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const verified = await withDatabase(io, options.databaseUrl, (database) => migrateVerify(database, folders(dir)));
			output.answer(verified, () =>
				output.line(`${verified.verified} applied migrations are as their files say; ${verified.pending} pending`),
			);
		});

	migrate
		.command("new")
		.description("write an empty migration with the right name")
		.argument("<name>", "what it does, such as orders_read_payments")
		.requiredOption("--owner <owner>", "whose folder it goes to")
		.option("--dir <folder>", "the owners' folders", DIRECTORY)
		.addHelpText("after", exampleHelp("firebreak migrate new orders_read_payments --owner payments"))
		.action(async (name, _options, command) => {
			const { dir, owner, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const path = await migrateNew({ directory: dir, owner, name, clock: io.clock });
			output.answer({ path }, () => output.line(path));
		});
}

async function withDatabase<T>(io: Io, url: string | undefined, work: (database: Database) => Promise<T>): Promise<T> {
	const database = openDatabase(readDatabaseUrl(io.env, url), { applicationName: "firebreak migrate", connections: 1 });
	try {
		return await work(database);
	} finally {
		await database.end();
	}
}

/** The folder stays as it was given: messages name its files the same way. */
const folders = (dir: string): MigrationFolders => ({ schema: SCHEMA_DIRECTORY, policy: dir });

function showProgress(output: Output, event: UpEvent): void {
	switch (event.kind) {
		case "waiting":
			output.progress("another migrate up is running; waiting for it to end");
			return;
		case "running":
			// Short files pass in silence.
			if (event.total > LONG_FILE) output.progress(`${event.file.name}: ${event.done} of ${event.total} statements`);
			return;
		case "compiling":
			if (event.policies > LONG_SET) output.progress(`compiling: ${event.policies} policies read`);
			return;
		case "notice":
			output.progress(`notice: ${event.text}`);
	}
}

function showOutcome(output: Output, { applied, head, changed }: UpOutcome, dryRun: boolean): void {
	if (applied.length === 0) {
		output.line(`nothing to apply; revision ${head.revision}`);
		return;
	}
	output.table(
		[{ head: dryRun ? "WOULD APPLY" : "APPLIED" }, { head: "OWNER" }, { head: "SECONDS", align: "right" }],
		applied.map(({ name, owner, seconds }) => [name, owner ?? "(schema)", seconds.toFixed(3)]),
	);
	const files = applied.length === 1 ? "1 migration" : `${applied.length} migrations`;
	const revision = changed ? `revision ${head.revision}` : `revision ${head.revision} as before`;
	output.line(dryRun ? `${files} would be applied: ${revision}; rolled back` : `${files} applied: ${revision}`);
}

function showStatus(output: Output, { head, migrations }: StatusOutcome): void {
	output.table(
		[
			{ head: "STATE" },
			{ head: "MIGRATION" },
			{ head: "REVISION", align: "right" },
			{ head: "APPLIED" },
			{ head: "BY" },
		],
		migrations.map(({ state, name, revision, appliedAt, appliedBy }) => [
			{ text: state, style: STYLES[state] },
			name,
			revision === null ? "" : String(revision),
			appliedAt?.toISOString() ?? "",
			appliedBy ?? "",
		]),
	);
	output.line(head === null ? "the database has no schema yet" : `revision ${head.revision}, epoch ${head.epoch}`);
}

const DIRECTORY = "migrations/policy";
const LONG_FILE = 500;
const LONG_SET = 9_999;
const STYLES: Readonly<Record<MigrationStatus["state"], Style>> = {
	applied: "green",
	pending: "cyan",
	edited: "red",
	missing: "yellow",
	unknown: "red",
};
