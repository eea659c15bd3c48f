/** `firebreak migrate`: policies as SQL files, applied all together or not at all. One file of migrate/ a subcommand. */
import type { Io } from "./io.ts";
import * as fresh from "./migrate/new.ts";
import * as status from "./migrate/status.ts";
import * as undo from "./migrate/undo.ts";
import * as up from "./migrate/up.ts";
import * as verify from "./migrate/verify.ts";
import { exampleHelp, type Program } from "./program.ts";

/** Adds `migrate` and its subcommands. */
export function register(program: Program, io: Io): void {
	const migrate = program
		.command("migrate")
		.description("apply policies that are written as SQL migrations, and see which were applied")
		.addHelpText(
			"after",
			exampleHelp("firebreak migrate up --wait", "firebreak migrate new orders_read_payments --owner payments"),
		);
	for (const subcommand of [up, status, verify, fresh, undo]) subcommand.register(migrate, io);
}
