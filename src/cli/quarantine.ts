/** `firebreak quarantine add | lift | list`: what is cut off from everything at once, whatever the policies say. */
import { Argument, InvalidArgumentError } from "@commander-js/extra-typings";
import { parseDuration } from "../core/duration.ts";
import { QUARANTINE_KINDS } from "../core/model.ts";
import type { LaneReceipt } from "../store/order.ts";
import type { Database } from "../store/pool.ts";
import { addQuarantine, liftQuarantine, listQuarantines, type QuarantineOrder } from "../store/quarantine.ts";
import { withDatabase } from "./database.ts";
import type { Io } from "./io.ts";
import { type Cell, createOutput, type Output } from "./output.ts";
import { exampleHelp, type Program, timeArgument } from "./program.ts";
import { tellReceipt } from "./receipt.ts";
import { timeoutOption } from "./waiting.ts";

/** Adds `quarantine` and its subcommands. */
export function register(program: Program, io: Io): void {
	const quarantine = program
		.command("quarantine")
		.description(
			"cut a workload, segment, domain, issuer or key off from everything at once, whatever the policies say",
		)
		.addHelpText("after", exampleHelp(...EXAMPLES));

	quarantine
		.command("add")
		.description(`put it in quarantine, and wait until every live server enforces that (else exit 6).\n${NAMES}`)
		.addArgument(new Argument("<kind>", "what it is").choices(QUARANTINE_KINDS))
		.argument("<name>", "its SPIFFE ID, name, URL or JWK thumbprint")
		.requiredOption("--reason <text>", "why; it is kept for ever")
		.option("--until <time>", "when it ends: a time, or how long from now; else it must be lifted", (text) =>
			untilArgument(text, io.clock()),
		)
		.addOption(timeoutOption())
		.option("--no-wait", "do not wait for the servers")
		.addHelpText("after", exampleHelp(...EXAMPLES))
		.action(async (kind, name, _options, command) => {
			const { reason, until, wait, timeout, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const order = { kind, name, reason };
			const end = until === undefined ? null : new Date(until);
			await withDatabase(io, "quarantine", options.databaseUrl, async (database) => {
				const receipt = await database.withClient((client) => addQuarantine(client, order, end));
				await conclude(io, output, database, { done: "in quarantine", order, receipt }, wait ? timeout : null);
			});
		});

	quarantine
		.command("lift")
		.description("end a quarantine, and wait until every live server knows (else exit 6)")
		.addArgument(new Argument("<kind>", "what it is").choices(QUARANTINE_KINDS))
		.argument("<name>", "its name, as it was put in quarantine")
		.requiredOption("--reason <text>", "why; it is kept for ever")
		.addOption(timeoutOption())
		.option("--no-wait", "do not wait for the servers")
		.addHelpText("after", exampleHelp('firebreak quarantine lift segment orders --reason "INC-4711 is closed"'))
		.action(async (kind, name, _options, command) => {
			const { reason, wait, timeout, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const order = { kind, name, reason };
			await withDatabase(io, "quarantine", options.databaseUrl, async (database) => {
				const receipt = await database.withClient((client) => liftQuarantine(client, order));
				if (receipt) {
					await conclude(io, output, database, { done: "lifted", order, receipt }, wait ? timeout : null);
				} else {
					output.answer({ ...order, seq: null }, () =>
						output.line(`${kind} ${name} is not in quarantine; there is nothing to lift`),
					);
				}
			});
		});

	quarantine
		.command("list")
		.description("list what is in quarantine now")
		.addHelpText("after", exampleHelp("firebreak quarantine list --json"))
		.action(async (_options, command) => {
			const options = command.optsWithGlobals();
			const output = createOutput(io, options);
			const quarantines = await withDatabase(io, "quarantine", options.databaseUrl, (database) =>
				database.withClient(listQuarantines),
			);
			output.answer({ quarantines }, () => {
				if (quarantines.length === 0) output.line("nothing is in quarantine");
				else output.table(COLUMNS, quarantines.map(rowOf));
			});
		});
}

interface Done {
	readonly done: "in quarantine" | "lifted";
	readonly order: QuarantineOrder;
	readonly receipt: LaneReceipt;
}

async function conclude(
	io: Io,
	output: Output,
	database: Database,
	{ done, order, receipt }: Done,
	timeoutMs: number | null,
): Promise<void> {
	const end = done === "lifted" ? "" : `, until ${receipt.until ? receipt.until.toISOString() : "it is lifted"}`;
	const line = `${order.kind} ${order.name} is ${done}${end}`;
	await tellReceipt(io, output, database, { line, facts: { ...order }, receipt }, timeoutMs);
}

function rowOf({
	kind,
	name,
	reason,
	until,
	at,
	by,
	seq,
}: Awaited<ReturnType<typeof listQuarantines>>[number]): Cell[] {
	return [kind, name, String(seq), at.toISOString(), until?.toISOString() ?? "it is lifted", by, reason];
}

/** A past end would end what is in force, under the name of its opposite. */
function untilArgument(text: string, now: number): number {
	const end = endOf(text, now);
	if (end <= now) throw new InvalidArgumentError("It is past: firebreak quarantine lift ends a quarantine.");
	return end;
}

function endOf(text: string, now: number): number {
	const ms = parseDuration(text);
	if (ms !== null) return now + ms;
	try {
		return timeArgument(text);
	} catch {
		throw new InvalidArgumentError(
			"Write a time with its zone, such as 2026-01-31T12:00:00Z, or how long, such as 2h.",
		);
	}
}

const NAMES = `The name of a workload is its SPIFFE ID, of an issuer its URL, of a key its JWK thumbprint (RFC 7638).
A name that no policy states is quarantined all the same, with a warning: servers may know more than the newest revision`;
const EXAMPLES = [
	'firebreak quarantine add workload spiffe://prod.example.org/ns/orders/sa/orders --reason "INC-4711"',
	'firebreak quarantine add segment orders --reason "INC-4711" --until 2h',
	"firebreak quarantine list",
];
const COLUMNS = [
	{ head: "KIND" },
	{ head: "NAME" },
	{ head: "SEQ", align: "right" },
	{ head: "SINCE" },
	{ head: "UNTIL" },
	{ head: "BY" },
	{ head: "REASON" },
] as const;
