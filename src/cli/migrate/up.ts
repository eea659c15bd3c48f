/** `firebreak migrate up`. */
import { Option } from "@commander-js/extra-typings";
import { compilePolicySet } from "../../core/compile/compile.ts";
import type { Blocker } from "../../store/migrations/blockers.ts";
import { migrateUp, type UpEvent, type UpOutcome } from "../../store/migrations/up.ts";
import { withDatabase } from "../database.ts";
import type { Io } from "../io.ts";
import { createOutput, type Output } from "../output.ts";
import { exampleHelp, type Subcommands } from "../program.ts";
import { concludeWait, describeWait, timeoutOption, viewOf, waitFor } from "../waiting.ts";
import { DIRECTORY, folders } from "./folders.ts";
import { showPlan } from "./plan.ts";

export function register(migrate: Subcommands, io: Io): void {
	migrate
		.command("up")
		.description("apply everything that is pending in one transaction, or nothing when it does not compile (exit 3)")
		.option("--dir <folder>", "the owners' folders", DIRECTORY)
		.option("--to <time or migration>", "stop behind 20260114093000, or behind <owner>/<utc>_<slug>")
		.option("--dry-run", "do everything, say which objects would change and which edges open or close, roll it back")
		.addOption(
			new Option("--wait", "return when every live server enforces it; exit 6 naming those that do not").conflicts(
				"dryRun",
			),
		)
		.addOption(timeoutOption())
		.addHelpText("after", exampleHelp("firebreak migrate up --dry-run", "firebreak migrate up --wait --timeout 1m"))
		.action(async (_options, command) => {
			const { dir, to, dryRun, wait, timeout, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			await withDatabase(io, "migrate", options.databaseUrl, async (database) => {
				const outcome = await migrateUp(database, {
					folders: folders(dir),
					compile: compilePolicySet,
					clock: io.clock,
					to,
					dryRun,
					report: (event) => showProgress(output, event),
				});
				const { applied, head, changed, plan } = outcome;
				// Committed is committed: whoever watches reads it before the wait.
				if (!output.json) showOutcome(output, outcome, dryRun === true);
				const waited = wait ? await waitFor(output, database, head, timeout) : null;
				const view = { applied, dryRun: dryRun === true, changed, ...head, plan, waited: waited && viewOf(waited) };
				output.answer(view, () => {
					if (waited?.reached) output.line(describeWait(waited));
				});
				if (waited) concludeWait(io, output, waited);
			});
		});
}

function showProgress(output: Output, event: UpEvent): void {
	switch (event.kind) {
		case "waiting":
			output.progress("another migrate up is running; waiting for it to end");
			return;
		case "empty":
			output.progress(
				`warning: there is no migration in ${event.folder}, though the database has ${event.applied} that files made: check --dir`,
			);
			return;
		case "blocked":
			for (const blocker of event.by) output.progress(describeBlocker(blocker));
			return;
		case "running":
			// Short files pass in silence.
			if (event.total > LONG_FILE) output.progress(`${event.file.name}: ${event.done} of ${event.total} statements`);
			return;
		case "compiling":
			if (event.policies > LONG_SET) output.progress(`compiling: ${event.policies} policies read`);
			return;
		case "notice":
			output.progress(`notice: ${event.text}`);
	}
}

function describeBlocker({ pid, login, application }: Blocker): string {
	const who = [login === null ? "" : `login ${login}`, application].filter((part) => part !== "").join(", ");
	return `waiting for process ${pid} of Postgres${who && ` (${who})`}, whose open transaction holds what this run needs: end that transaction, or: select pg_terminate_backend(${pid})`;
}

function showOutcome(output: Output, { applied, head, changed, plan }: UpOutcome, dryRun: boolean): void {
	if (applied.length === 0) {
		output.line(`nothing to apply; revision ${head.revision}`);
		return;
	}
	output.table(
		[{ head: dryRun ? "WOULD APPLY" : "APPLIED" }, { head: "OWNER" }, { head: "SECONDS", align: "right" }],
		applied.map(({ name, owner, seconds }) => [name, owner ?? "(schema)", seconds.toFixed(3)]),
	);
	if (plan) {
		output.line();
		showPlan(output, plan);
	}
	const files = applied.length === 1 ? "1 migration" : `${applied.length} migrations`;
	const revision = changed ? `revision ${head.revision}` : `revision ${head.revision} as before`;
	output.line(dryRun ? `${files} would be applied: ${revision}; rolled back` : `${files} applied: ${revision}`);
}

const LONG_FILE = 500;
const LONG_SET = 9_999;
