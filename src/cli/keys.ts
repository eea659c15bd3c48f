/** `firebreak keys`: the keys that domains sign their own tokens with. */
import type { Io } from "./io.ts";
import * as list from "./keys/list.ts";
import * as rotate from "./keys/rotate.ts";
import { exampleHelp, type Program } from "./program.ts";

/** Adds `keys` and its subcommands. */
export function register(program: Program, io: Io): void {
	const keys = program
		.command("keys")
		.description("make and replace the keys that domains sign their own tokens with")
		.addHelpText("after", exampleHelp("firebreak keys list", rotate.EXAMPLE));
	for (const subcommand of [list, rotate]) subcommand.register(keys, io);
}
