/** `firebreak migrate undo`. */
import { migrateUndo } from "../../store/migrations/undo/undo.ts";
import { withDatabase } from "../database.ts";
import type { Io } from "../io.ts";
import { createOutput } from "../output.ts";
import { exampleHelp, revisionArgument, type Subcommands } from "../program.ts";
import { DIRECTORY } from "./folders.ts";

export function register(migrate: Subcommands, io: Io): void {
	migrate
		.command("undo")
		.description(
			"write migrations that put the policy set back as it was at a revision, and apply nothing: read them, then\n" +
				"firebreak migrate up. Only what differs is in them, each owner's in its own folder",
		)
		.requiredOption("--to-revision <n>", "the revision that comes back; 0 is the empty set", revisionArgument)
		.option("--owner <owner>", "only what belongs to this owner; the rest stays as it is")
		.option("--name <name>", "of the files (default: undo_to_revision_N)")
		.option("--dir <folder>", "the owners' folders", DIRECTORY)
		.addHelpText(
			"after",
			exampleHelp(
				"firebreak migrate undo --to-revision 41 --owner payments",
				"firebreak migrate undo --to-revision 41",
			),
		)
		.action(async (_options, command) => {
			const { dir, toRevision, owner, name, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const outcome = await withDatabase(io, "migrate", options.databaseUrl, (database) =>
				migrateUndo(database, {
					directory: dir,
					toRevision,
					owner: owner ?? null,
					name: name ?? null,
					clock: io.clock,
				}),
			);
			output.answer(outcome, () => {
				const { files, head, left } = outcome;
				if (files.length === 0) {
					const part = owner === undefined ? "the policy set" : `what belongs to ${owner}`;
					output.line(`nothing to put back: ${part} is at revision ${head.revision} as it was at ${toRevision}`);
				}
				for (const object of left) {
					output.progress(
						`left as it is: ${object.kind} ${object.name}, which has gone between ${owner} and ${object.owner}; undo without --owner puts it back`,
					);
				}
				for (const { path, statements } of files) {
					output.line(`${path}: ${statements === 1 ? "1 statement" : `${statements} statements`}`);
				}
			});
		});
}
