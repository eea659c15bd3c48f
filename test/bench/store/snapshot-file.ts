/**
 * The snapshot on disk at 1,000,000 policies and 100,000 revocations: how long it takes to write, how large it is, and
 * how long from a file to policies that answer, beside a bare JSON.parse of the same rows. Each step is a process of its
 * own, since memory and its collection are part of it. `node snapshot-file.ts [POLICIES]`.
 */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type CompileResult, compilePolicySet } from "../../../src/core/compile/compile.ts";
import { runToEnd } from "../../../src/core/compile/generator.ts";
import { Lane } from "../../../src/core/lane/lane.ts";
import { realTimers } from "../../../src/store/follow/timers.ts";
import { readSnapshotFile } from "../../../src/store/snapshot-file/reader.ts";
import { writeSnapshotFile } from "../../../src/store/snapshot-file/writer.ts";
import { policySet } from "../../support/policy-set.ts";
import { companyPolicies, companySegments } from "../company.ts";
import { mebibytes, printTable, TINY, times } from "../measure.ts";

const SIZE = TINY ? 2_000 : 1_000_000;
const REVOCATIONS = TINY ? 1_000 : 100_000;
const ROUNDS = TINY ? 1 : 3;

const READ = "read to ready";
const BARE = "JSON.parse of the rows, bare";

interface Figures {
	readonly seconds: number;
	/** Of the processor, all threads: what it takes when the machine has other work, too. */
	readonly cpu: number;
	/** Longest time that the event loop was not free, milliseconds. */
	readonly pause?: number;
	readonly bytes: number;
	readonly resident: number;
}

/** Each in a process of its own; some have two figures to tell. */
const STEPS: Readonly<Record<string, (folder: string, size: number) => Promise<Readonly<Record<string, Figures>>>>> = {
	write,
	read: async (folder) => ({ [READ]: await read(folder) }),
	parse: async (folder) => ({ [BARE]: await parse(folder) }),
};

const [, , argument, folder, given] = process.argv;
const step = STEPS[argument ?? ""];
if (step && folder) process.stdout.write(JSON.stringify(await step(folder, Number(given))));
else run(Number(argument ?? SIZE));

function run(size: number): void {
	const made = mkdtempSync(join(tmpdir(), "firebreak-bench-"));
	const script = fileURLToPath(import.meta.url);
	const all = new Map<string, Figures[]>();
	try {
		writeRows(join(made, "rows"), size);
		for (let round = 1; round <= ROUNDS; round++) {
			for (const name of Object.keys(STEPS)) {
				process.stderr.write(`  round ${round} of ${ROUNDS}: ${name} ...\n`);
				const told = execFileSync(process.execPath, [script, name, made, String(size)], { encoding: "utf8" });
				for (const [row, figures] of Object.entries(JSON.parse(told) as Record<string, Figures>)) {
					all.set(row, [...(all.get(row) ?? []), figures]);
				}
			}
		}
	} finally {
		rmSync(made, { recursive: true });
	}
	const rows = [...all].map(([name, rounds]) => {
		const sorted = rounds.sort((a, b) => a.seconds - b.seconds);
		return [name, sorted[Math.floor(sorted.length / 2)]!] as const;
	});
	const median = new Map(rows);
	const bare = median.get(BARE)!;
	const policies = size.toLocaleString("en");
	printTable(
		`${policies} policies and ${REVOCATIONS.toLocaleString("en")} revocations on disk, medians of ${ROUNDS} rounds`,
		["step", "time", "to bare", "processor", "longest pause", "file", "resident"],
		rows.map(([name, { seconds, cpu, pause, bytes, resident }]) => [
			name,
			`${seconds.toFixed(2)} s`,
			times(seconds / bare.seconds),
			`${cpu.toFixed(2)} s`,
			pause === undefined ? "" : `${pause.toFixed(1)} ms`,
			mebibytes(bytes),
			mebibytes(resident),
		]),
	);
}

async function write(folder: string, size: number): Promise<Readonly<Record<string, Figures>>> {
	const set = policySet({ segments: companySegments(size), policies: companyPolicies(size) });
	const { snapshot } = snapshotOf(runToEnd(compilePolicySet(set)));
	const lane = new Lane();
	for (let seq = 1; seq <= REVOCATIONS; seq++) {
		const payload = { issuer: "https://id.example.org", token_id: `0f8fad5b-d9cb-469f-a165-${seq}` };
		lane.apply({ seq, kind: "revoke_token", key: "", payload, until: null });
	}
	const path = join(folder, "policy.snapshot");
	const checkpoint = { snapshot, lane, seq: lane.seq, policyConfirmedAt: Date.now(), laneConfirmedAt: Date.now() };
	const options = { clock: Date.now, timers: realTimers, version: "bench" };
	const first = await measured(() => writeSnapshotFile(path, checkpoint, options));
	const previous = first.result;
	const again = await measured(() => writeSnapshotFile(path, checkpoint, { ...options, previous }));
	const bytes = statSync(path).size;
	return {
		"write, first": { ...first.figures, bytes },
		"write, for its times alone": { ...again.figures, bytes },
	};
}

async function read(folder: string): Promise<Figures> {
	const path = join(folder, "policy.snapshot");
	const { figures, result } = await measured(async () => {
		const file = await readSnapshotFile(path, { timers: realTimers });
		const { snapshot } = snapshotOf(await driven(compilePolicySet(file.set)));
		return { snapshot, lane: await driven(file.lane()) };
	});
	if (result.lane.seq !== REVOCATIONS) throw new Error("revocations are missing");
	return { ...figures, bytes: statSync(path).size };
}

/** The rows as one JSON text a line, which is what a simple file would hold; nothing is made of them. */
async function parse(folder: string): Promise<Figures> {
	const path = join(folder, "rows");
	const { figures } = await measured(async () => {
		const bytes = readFileSync(path);
		let from = 0;
		for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
			JSON.parse(bytes.toString("utf8", from, end));
			from = end + 1;
		}
	});
	const { pause: _, ...rest } = figures;
	return { ...rest, bytes: statSync(path).size };
}

function writeRows(path: string, size: number): void {
	const file = openSync(path, "w");
	let lines = "";
	for (const policy of companyPolicies(size)) {
		lines += `${JSON.stringify(policy)}\n`;
		if (lines.length < 1_048_576) continue;
		writeSync(file, lines);
		lines = "";
	}
	writeSync(file, lines);
	closeSync(file);
}

async function driven<Result>(work: Generator<void, Result>): Promise<Result> {
	for (;;) {
		const { done, value } = work.next();
		if (done) return value;
		await realTimers.breathe();
	}
}

function snapshotOf(result: CompileResult) {
	if (!result.ok) throw new Error(JSON.stringify(result.problems.slice(0, 3)));
	return result;
}

async function measured<Result>(work: () => Promise<Result>) {
	// What ran before may have held the event loop up; that is not counted.
	await sleep(20);
	const delay = monitorEventLoopDelay({ resolution: 1 });
	delay.enable();
	await sleep(20);
	delay.reset();
	const start = performance.now();
	const before = process.cpuUsage();
	const result = await work();
	const { user, system } = process.cpuUsage(before);
	const seconds = (performance.now() - start) / 1_000;
	delay.disable();
	const figures = { seconds, cpu: (user + system) / 1e6, pause: delay.max / 1e6, resident: process.memoryUsage.rss() };
	return { result, figures };
}
