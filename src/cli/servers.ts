/** `firebreak servers`: which servers run, and what each of them enforces. */
import { formatDuration } from "../core/duration.ts";
import { LIMITS } from "../core/limits.ts";
import { type ListedServer, listServers } from "../store/servers/list.ts";
import { withDatabase } from "./database.ts";
import type { Io } from "./io.ts";
import { type Cell, createOutput } from "./output.ts";
import { exampleHelp, type Program } from "./program.ts";
import { ageOf, refusalOf } from "./waiting.ts";

/** Adds `servers`. */
export function register(program: Program, io: Io): void {
	program
		.command("servers")
		.description(
			"list the servers of this database: what each enforces, how far it is behind, and when it was last heard of.\n" +
				`A server that was not heard of for ${formatDuration(LIMITS.serverLiveMs)} is silent: it ended without a word, or cannot reach the database`,
		)
		.addHelpText("after", exampleHelp("firebreak servers", "firebreak servers --json"))
		.action(async (_options, command) => {
			const options = command.optsWithGlobals();
			const output = createOutput(io, options);
			const { head, servers } = await withDatabase(io, "servers", options.databaseUrl, listServers);
			output.answer({ head, servers: servers.map(viewOf) }, () => {
				if (servers.length === 0) {
					output.line("no server has reported: none runs on this database, or none can write to it");
				} else {
					output.table(COLUMNS, servers.map(rowOf));
				}
				output.line({ text: `head: revision ${head.revision}, seq ${head.seq}, epoch ${head.epoch}`, style: "dim" });
			});
		});
}

function viewOf({ ageMs, ...server }: ListedServer) {
	return { ...server, ageSeconds: ageMs / 1_000 };
}

function rowOf(server: ListedServer): Cell[] {
	const { id, live, revision, seq, behind, version } = server;
	return [
		id,
		live ? { text: "live", style: "green" } : { text: "silent", style: "yellow" },
		String(revision),
		lag(behind?.revisions),
		String(seq),
		lag(behind?.revocations),
		ageOf(server),
		version ?? "",
		server.refused === null ? "" : { text: refusalOf(server), style: "red" },
	];
}

function lag(missing: number | undefined): Cell {
	if (missing === 0) return "0";
	return { text: missing === undefined ? "other epoch" : String(missing), style: "yellow" };
}

const COLUMNS = [
	{ head: "SERVER" },
	{ head: "STATE" },
	{ head: "REVISION", align: "right" },
	{ head: "BEHIND", align: "right" },
	{ head: "SEQ", align: "right" },
	{ head: "BEHIND", align: "right" },
	{ head: "HEARTBEAT", align: "right" },
	{ head: "VERSION" },
	{ head: "" },
] as const;
