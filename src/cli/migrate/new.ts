/** `firebreak migrate new`. */
import { migrateNew } from "../../store/migrations/new.ts";
import type { Io } from "../io.ts";
import { createOutput } from "../output.ts";
import { exampleHelp, type Subcommands } from "../program.ts";
import { DIRECTORY } from "./folders.ts";

export function register(migrate: Subcommands, io: Io): void {
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
