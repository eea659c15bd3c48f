/** `firebreak token list`: the tokens that are known, by whose they are, where they lead and whether they are used. */
import { LIMITS } from "../../core/limits.ts";
import { listPassports, type PassportRow } from "../../store/tokens/passports.ts";
import { withDatabase } from "../database.ts";
import type { Io } from "../io.ts";
import { type Cell, createOutput } from "../output.ts";
import { durationArgument, exampleHelp, type Subcommands } from "../program.ts";
import { stateOf, viewOf } from "./row.ts";

/** Adds `list` to `token`. */
export function register(token: Subcommands, io: Io): void {
	token
		.command("list")
		.description(`list the tokens that are known, the first to expire first; at most ${LIMITS.adminRows}`)
		.option("--owner <name>", "of this owner")
		.option("--segment <name>", "that name this segment, or a workload of it, as source, or the segment as destination")
		.option("--subject <name>", "that speak for this subject")
		.option("--issuer <url>", "of this issuer")
		.option("--expires-within <duration>", "that end so soon", durationArgument)
		.option("--unused-since <duration>", "that were neither made nor used nor exchanged for so long", durationArgument)
		.option("--all", "those that are over or revoked, too")
		.addHelpText(
			"after",
			exampleHelp(
				"firebreak token list --owner orders --expires-within 7d",
				"firebreak token list --unused-since 30d --json",
			),
		)
		.action(async (_options, command) => {
			const { owner, segment, subject, issuer, expiresWithin, unusedSince, all, ...options } =
				command.optsWithGlobals();
			const output = createOutput(io, options);
			const now = io.clock();
			const filter = {
				owner: owner ?? null,
				segment: segment ?? null,
				subject: subject ?? null,
				issuer: issuer ?? null,
				expiresBefore: expiresWithin === undefined ? null : new Date(now + expiresWithin),
				unusedSince: unusedSince === undefined ? null : new Date(now - unusedSince),
				all: all === true,
			};
			const rows = await withDatabase(io, "token", options.databaseUrl, (database) =>
				database.withClient((client) => listPassports(client, filter)),
			);
			output.answer({ tokens: rows.map((row) => viewOf(row, now)) }, () => {
				if (rows.length === 0) output.line("no such token is known");
				else
					output.table(
						COLUMNS,
						rows.map((row) => cellsOf(row, now)),
					);
			});
		});
}

function cellsOf(row: PassportRow, now: number): Cell[] {
	const { passport } = row;
	const state = stateOf(row, now);
	return [
		row.tokenId,
		passport.owner,
		row.subject ?? "",
		row.scopes.join(" "),
		(passport.destinations ?? []).join(" "),
		row.expires.toISOString(),
		row.lastSeen?.toISOString() ?? "never",
		String(row.uses),
		{ text: state, style: state === "live" ? "green" : "yellow" },
		passport.purpose,
		row.issuer,
	];
}

const COLUMNS = [
	{ head: "ID" },
	{ head: "OWNER" },
	{ head: "SUBJECT" },
	{ head: "SCOPES" },
	{ head: "DESTINATIONS" },
	{ head: "EXPIRES" },
	{ head: "LAST SEEN" },
	{ head: "USES", align: "right" },
	{ head: "STATE" },
	{ head: "PURPOSE" },
	{ head: "ISSUER" },
] as const;
