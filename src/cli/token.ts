/** `firebreak token`: the control plane of tokens. One file of token/ a subcommand. */
import type { Io } from "./io.ts";
import { exampleHelp, type Program } from "./program.ts";
import * as issue from "./token/issue.ts";
import * as list from "./token/list.ts";
import * as revoke from "./token/revoke.ts";
import * as rotate from "./token/rotate.ts";
import * as show from "./token/show.ts";
import * as suggest from "./token/suggest.ts";

/** Adds `token` and its subcommands. */
export function register(program: Program, io: Io): void {
	const token = program
		.command("token")
		.description("issue tokens that are cut small, see whose they are, replace and revoke them")
		.addHelpText("after", exampleHelp(issue.EXAMPLE, "firebreak token list --owner orders"));
	for (const subcommand of [issue, show, list, rotate, revoke, suggest]) subcommand.register(token, io);
}
