/** `firebreak migrate status`. */
import { type MigrationStatus, migrateStatus, type StatusOutcome } from "../../store/migrations/status.ts";
import { withDatabase } from "../database.ts";
import type { Io } from "../io.ts";
import { createOutput, type Output, type Style } from "../output.ts";
import { exampleHelp, type Subcommands } from "../program.ts";
import { DIRECTORY, folders } from "./folders.ts";

export function register(migrate: Subcommands, io: Io): void {
	migrate
		.command("status")
		.description("list the migrations that were applied and those that wait")
		.option("--dir <folder>", "the owners' folders", DIRECTORY)
		.addHelpText("after", exampleHelp("firebreak migrate status --json"))
		.action(async (_options, command) => {
			const { dir, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const status = await withDatabase(io, "migrate", options.databaseUrl, (database) =>
				migrateStatus(database, folders(dir)),
			);
			output.answer(status, () => showStatus(output, status));
		});
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

const STYLES: Readonly<Record<MigrationStatus["state"], Style>> = {
	applied: "green",
	pending: "cyan",
	edited: "red",
	missing: "yellow",
	unknown: "red",
};
