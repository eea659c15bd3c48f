/** `firebreak snapshot verify FILE`: whether a server could start from a snapshot file, and with what. */
import { compilePolicySet } from "../core/compile/compile.ts";
import { runToEnd } from "../core/compile/generator.ts";
import { formatDuration } from "../core/duration.ts";
import { FirebreakError } from "../core/errors.ts";
import { AHEAD, isAhead } from "../store/follow/restore.ts";
import { realTimers } from "../store/follow/timers.ts";
import { COUNTED, FORMAT_VERSION, refusal, type SnapshotHeader } from "../store/snapshot-file/format.ts";
import { readSnapshotFile } from "../store/snapshot-file/reader.ts";
import type { Io } from "./io.ts";
import { createOutput, type Output } from "./output.ts";
import { exampleHelp, type Program } from "./program.ts";

/** Adds `snapshot` and its subcommand. */
export function register(program: Program, io: Io): void {
	const snapshot = program
		.command("snapshot")
		.description("the file that a server starts from while Postgres is down (FIREBREAK_SNAPSHOT_PATH)")
		.addHelpText("after", exampleHelp("firebreak snapshot verify /var/lib/firebreak/policy.snapshot"));

	snapshot
		.command("verify")
		.description(
			"check that a file is whole and compiles, and show what it holds; exit 1 when it is damaged, 3 when it does not compile",
		)
		.argument("<file>", "the file")
		.addHelpText("after", exampleHelp("firebreak snapshot verify /var/lib/firebreak/policy.snapshot --json"))
		.action(async (path, _options, command) => {
			const output = createOutput(io, command.optsWithGlobals());
			const { header, bytes } = await verify(path, io.clock(), output);
			const now = io.clock();
			output.answer(viewOf(path, header, bytes, now), () => show(output, header, bytes, now));
		});
}

/** @throws FirebreakError not_found, snapshot_invalid, policy_invalid */
async function verify(path: string, now: number, output: Output) {
	let told = 0;
	const progress = (policies: number) => {
		if (policies - told < POLICIES_PER_LINE) return;
		told = policies;
		output.progress(`compiling: ${policies} policies read`);
	};
	const file = await readSnapshotFile(path, { timers: realTimers, progress });
	const { header, set, lane } = file;
	if (isAhead(header, now)) throw refusal(path, AHEAD.message, AHEAD.cure);
	const result = runToEnd(compilePolicySet(set));
	runToEnd(lane());
	if (result.ok) return file;
	const { problems } = result;
	throw new FirebreakError("policy_invalid", `what ${path} holds does not compile`, { problems });
}

function viewOf(file: string, header: SnapshotHeader, bytes: number, now: number) {
	const { epoch, revision, seq, counts, writtenBy, writtenAt, policyConfirmedAt, laneConfirmedAt } = header;
	return {
		ok: true,
		file,
		format: FORMAT_VERSION,
		bytes,
		epoch,
		revision,
		seq,
		policyConfirmedAt: timeOf(policyConfirmedAt),
		policyAgeSeconds: ageOf(policyConfirmedAt, now) / 1_000,
		revocationsConfirmedAt: timeOf(laneConfirmedAt),
		revocationAgeSeconds: ageOf(laneConfirmedAt, now) / 1_000,
		writtenAt: timeOf(writtenAt),
		writtenBy,
		counts,
	};
}

function show(output: Output, header: SnapshotHeader, bytes: number, now: number): void {
	const { epoch, revision, seq, counts, writtenBy, writtenAt, policyConfirmedAt, laneConfirmedAt } = header;
	const confirmed = (at: number) => `confirmed ${timeOf(at)}, ${formatDuration(wholeSeconds(ageOf(at, now)))} ago`;
	const rows = [
		["epoch", epoch],
		["revision", `${revision}, ${confirmed(policyConfirmedAt)}`],
		["seq", `${seq}, ${confirmed(laneConfirmedAt)}`],
		["written", `${timeOf(writtenAt)} by Firebreak ${writtenBy}`],
		["holds", COUNTED.map((kind) => `${counts[kind]} ${kind.replace("_", " ")}`).join(", ")],
		["bytes", `${bytes}, format ${FORMAT_VERSION}`],
	] as const;
	output.table(
		[{ head: "WHAT" }, { head: "VALUE" }],
		rows.map(([name, value]) => [name, value]),
	);
	output.line({ text: "OK: the checksums are right, and it compiles", style: "green" });
}

const timeOf = (at: number): string => new Date(at).toISOString();
/** Clocks that differ a little make nothing younger than new. */
const ageOf = (at: number, now: number): number => Math.max(0, now - at);
const wholeSeconds = (ms: number): number => Math.round(ms / 1_000) * 1_000;

const POLICIES_PER_LINE = 100_000;
