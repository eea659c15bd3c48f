/**
 * `make fuzz`: CASES (1,000,000 unless MINUTES says for how long), from SEED (a random one, which is printed). Ends with 1 at the
 * first batch that finds something, and prints the bytes: put them into test/cases/fuzz/found.ts. BYTES (base64) runs one case.
 */
import { BATCH, examine, runBatch } from "./campaign.ts";

const { CASES, MINUTES, SEED, BYTES } = process.env;

if (BYTES) {
	const { allowed, fault } = examine(Buffer.from(BYTES, "base64"));
	process.stdout.write(`${fault ?? (allowed ? "allowed, as it should be" : "denied, as it should be")}\n`);
	process.exit(fault === null ? 0 : 1);
}

const first = SEED ? Number(SEED) : Math.floor(Math.random() * 2 ** 31);
const most = CASES ? Number(CASES) : MINUTES ? Infinity : 1_000_000;
const until = MINUTES ? performance.now() + Number(MINUTES) * 60_000 : Infinity;
if (!Number.isSafeInteger(first) || !(most > 0) || !(until > 0)) {
	process.stderr.write("CASES, MINUTES and SEED are numbers\n");
	process.exit(2);
}
process.stdout.write(`fuzz: seed ${first}\n`);
const started = performance.now();
let [cases, allowed] = [0, 0];
for (let seed = first; cases < most && performance.now() < until; seed = (seed + 1) % 2 ** 31) {
	const outcome = runBatch(seed, Math.min(BATCH, most - cases));
	cases += outcome.cases;
	allowed += outcome.allowed;
	for (const { fault, bytes } of outcome.findings.slice(0, 5)) {
		process.stdout.write(`\n${fault}\n  once more: make fuzz BYTES=${bytes.toString("base64")}\n`);
	}
	if (outcome.findings.length > 0) {
		process.stdout.write(
			`\nfuzz: ${outcome.findings.length} findings; once more: make fuzz SEED=${seed} CASES=${BATCH}\n`,
		);
		process.exit(1);
	}
	if (process.stderr.isTTY) process.stderr.write(`\r${cases} cases, ${allowed} allowed `);
}
const seconds = (performance.now() - started) / 1_000;
process.stdout.write(
	`fuzz: ${cases} cases in ${seconds.toFixed(0)} s, ${allowed} allowed, nothing found (${Math.round(cases / seconds)} a second)\n`,
);
