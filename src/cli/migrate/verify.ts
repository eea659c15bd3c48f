/** `firebreak migrate verify`. */
import { CATALOG_FILE } from "../../store/migrations/catalog/file.ts";
import { migrateVerify, type VerifyOutcome } from "../../store/migrations/verify.ts";
import { withDatabase } from "../database.ts";
import type { Io } from "../io.ts";
import { createOutput, type Output } from "../output.ts";
import { exampleHelp, type Subcommands } from "../program.ts";
import { DIRECTORY, folders } from "./folders.ts";

export function register(migrate: Subcommands, io: Io): void {
	migrate
		.command("verify")
		.description(
			"prove that nothing drifted: applied files are as they were, the schema is what its files make, no revision of the\n" +
				"policy set, no revocation and no record of an applied file was altered since it was written, and no owner's role\n" +
				"got out of what binds it. Exit 5 naming whatever is not so. Lists who may alter something",
		)
		.option("--dir <folder>", "the owners' folders", DIRECTORY)
		.addHelpText("after", exampleHelp("firebreak migrate verify", "firebreak migrate verify --json"))
		.action(async (_options, command) => {
			const { dir, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const verified = await withDatabase(io, "migrate", options.databaseUrl, (database) =>
				migrateVerify(database, folders(dir), CATALOG_FILE),
			);
			output.answer(verified, () => showVerified(output, verified));
		});
}

function showVerified(output: Output, outcome: VerifyOutcome): void {
	const { verified, pending, head, schema, history, lane, records, holders } = outcome;
	output.line(`files: ${verified} applied migrations are as their files say; ${pending} pending`);
	if (!schema) {
		output.line(
			head ? "schema and history: not proven while files of migrations/schema wait" : "the database has no schema yet",
		);
	}
	if (schema) output.line(`schema: ${SCHEMA[schema.compared](schema.objects)}`);
	if (history) output.line(`history: ${history.revisions} revisions are as they were written${newest(history)}`);
	if (lane) output.line(`revocations: ${lane.revocations} are as they were written${newest(lane)}`);
	if (records)
		output.line(`records of applied files: ${records.migrations} are as they were written${newest(records)}`);
	if (holders) {
		const lists = Object.entries(holders).filter(([, roles]) => roles.length > 0);
		output.line(`who may alter it: ${lists.map(([power, roles]) => `${power} ${roles.join(", ")}`).join("; ")}`);
	}
}

const newest = ({ digest }: { readonly digest: string | null }): string =>
	digest === null ? "" : `; the newest digest is ${digest}`;

const SCHEMA = {
	everything: (objects: number) => `${objects} objects are what migrations/schema makes`,
	expressions_aside: (objects: number) =>
		`${objects} objects are what migrations/schema makes, as far as this version of Postgres describes them alike: expressions were not compared`,
};
