/** `firebreak migrate verify`. */
import { migrateVerify } from "../../store/migrations/status.ts";
import { withDatabase } from "../database.ts";
import type { Io } from "../io.ts";
import { createOutput } from "../output.ts";
import { exampleHelp, type Subcommands } from "../program.ts";
import { DIRECTORY, folders } from "./folders.ts";

export function register(migrate: Subcommands, io: Io): void {
	migrate
		.command("verify")
		.description("hold every applied migration against its file; exit 5 when one was edited or is missing")
		.option("--dir <folder>", "the owners' folders", DIRECTORY)
		.addHelpText("after", exampleHelp("firebreak migrate verify"))
		.action(async (_options, command) => {
			const { dir, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const verified = await withDatabase(io, "migrate", options.databaseUrl, (database) =>
				migrateVerify(database, folders(dir)),
			);
			output.answer(verified, () =>
				output.line(`${verified.verified} applied migrations are as their files say; ${verified.pending} pending`),
			);
		});
}
