/**
 * 100,000 allow calls through `migrate up`: how long it takes, whether a call costs more when there are more policies, and
 * what it does to the checks of a server that serves meanwhile. `node migrating.ts [CALLS]`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { committedAt } from "../../../demo/database.ts";
import { migrateUp } from "../../../demo/firebreak.ts";
import { printTable, quantile, TINY, times } from "../measure.ts";
import { reach } from "../reach.ts";
import { type Server, Site, say, until, withClient } from "./site.ts";

const CALLS = Number(process.argv[2] ?? (TINY ? 300 : 100_000));
const PRESENT = TINY ? 400 : 10_000;
const SAMPLE = TINY ? 20 : 2_000;
const ROUNDS = TINY ? 1 : 5;
/** Checks a second: few enough that they do not themselves fill the machine. */
const RATE = 100;
const QUIET_MS = TINY ? 300 : 15_000;

interface Sample {
	/** When it was sent, milliseconds since the epoch. */
	readonly at: number;
	readonly ms: number;
}

/** Checks at a steady rate, whether or not those before are answered. */
class Checks {
	readonly #server: Server;

	constructor(server: Server) {
		this.#server = server;
	}

	async during(work: () => Promise<unknown>): Promise<readonly Sample[]> {
		const samples: Sample[] = [];
		let open = 0;
		const timer = setInterval(async () => {
			const [at, start] = [Date.now(), performance.now()];
			open++;
			await this.#server.isAllowed("/v1/resource-0/7");
			samples.push({ at, ms: performance.now() - start });
			open--;
		}, 1_000 / RATE);
		await work();
		clearInterval(timer);
		await until(() => open === 0);
		return samples;
	}
}

await using site = await Site.open();
const url = await site.database("migrating", PRESENT);
const few = await costOfCall();
const server = await site.serve(url);
if (await server.isAllowed("/none")) throw new Error("nobody allowed this");
say("checks on a quiet server");
const checks = new Checks(server);
await checks.during(() => new Promise((resolve) => setTimeout(resolve, QUIET_MS / 5)));
const quiet = await checks.during(() => new Promise((resolve) => setTimeout(resolve, QUIET_MS)));
say(`migrate up, ${CALLS.toLocaleString("en")} allow calls, with checks going on`);
let seconds = 0;
let [committed, enforced] = [0, 0];
await server.longestPause();
const during = await checks.during(async () => {
	const start = performance.now();
	const revision = await migrate();
	seconds = (performance.now() - start) / 1_000;
	committed = await committedAt(url, revision);
	enforced = (await server.enforces(revision)).at;
});
const pause = await server.longestPause();
await server.stop();
const many = await costOfCall();

const p99 = (samples: readonly Sample[]) =>
	quantile(
		samples.map(({ ms }) => ms),
		0.99,
	);
const loading = during.filter(({ at, ms }) => at + ms >= committed && at <= enforced);
const ms = (value: number) => `${value.toFixed(1)} ms`;
const calls = CALLS.toLocaleString("en");
const micro = (value: number) => `${value.toFixed(0)} us`;
printTable(
	`migrate up of ${calls} allow calls`,
	["", "measured", "reach"],
	[
		["the run", `${seconds.toFixed(1)} s`, "60 s"],
		[`one call with ${PRESENT.toLocaleString("en")} policies present`, micro(few), ""],
		[`one call with ${(PRESENT + CALLS).toLocaleString("en")}`, micro(many), "no more"],
	],
);
printTable(
	`checks of a server that serves meanwhile, ${RATE} a second; Postgres and the run share its processors`,
	["", "p50", "p99", "longest", "checks", "p99 to quiet"],
	[
		["quiet", quiet],
		["from the run's start until it is enforced", during],
		["  from its COMMIT on, while the server loads, compiles and swaps", loading],
	].map(([name, samples]) => {
		const times_ = (samples as readonly Sample[]).map(({ ms }) => ms);
		return [
			name as string,
			ms(quantile(times_, 0.5)),
			ms(quantile(times_, 0.99)),
			ms(Math.max(...times_)),
			String(times_.length),
			times(p99(samples as readonly Sample[]) / p99(quiet)),
		];
	}),
);
reach({
	what: `${calls}-policy migration while serving: latency of checks, p99 to the quiet p99`,
	measured: [p99(during) / p99(quiet)],
	most: [3],
	unit: "times",
	beside: `${ms(p99(during))} to ${ms(p99(quiet))}; ${times(p99(loading) / p99(quiet))} while the server loads it; longest pause ${ms(pause)}`,
});
reach({
	what: `bulk: migrate up with ${calls} allow calls`,
	measured: [seconds],
	most: [60],
	unit: "s",
	beside: `with checks going on; enforced ${((enforced - committed) / 1_000).toFixed(1)} s after its COMMIT`,
});
reach({
	what: "  one call, with more policies present",
	measured: [many / few],
	most: [1.25],
	unit: "times",
	beside: `${micro(many)} with ${(PRESENT + CALLS).toLocaleString("en")}, ${micro(few)} with ${PRESENT.toLocaleString("en")}`,
});

/** @returns the revision that the run made. */
async function migrate(): Promise<number> {
	const folder = join(site.workspace.path, "bulk");
	mkdirSync(join(folder, "platform"), { recursive: true });
	const lines = Array.from({ length: CALLS }, (_, index) => callOf("bulk", index));
	writeFileSync(join(folder, "platform", "20260101000000_bulk.sql"), lines.join("\n"));
	return (await migrateUp(url, folder)).revision;
}

function callOf(name: string, index: number): string {
	const segment = (number: number) => `service-${String(number % (PRESENT / 200)).padStart(5, "0")}`;
	return `select firebreak.allow('${name}-${index}', source => '${segment(index)}', destination => '${segment(index + 1)}',
	owner => 'platform', methods => array['GET'], paths => array['/bulk/${index % 1_000}/{id}']);`;
}

/** Microseconds of one allow call with all that waits for the end of its transaction, which is rolled back; the median of rounds. */
async function costOfCall(): Promise<number> {
	say(`${ROUNDS} times ${SAMPLE} allow calls`);
	return withClient(url, async (client: Client) => {
		const rounds: number[] = [];
		const text = Array.from({ length: SAMPLE }, (_, index) => callOf("sample", index)).join("\n");
		for (let round = -1; round < ROUNDS; round++) {
			await client.query("begin");
			const start = performance.now();
			await client.query(`${text} set constraints all immediate`);
			if (round >= 0) rounds.push(((performance.now() - start) * 1_000) / SAMPLE);
			await client.query("rollback");
		}
		return quantile(rounds, 0.5);
	});
}
