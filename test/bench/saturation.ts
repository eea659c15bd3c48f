/**
 * Checks a second when as many come as can be answered, and what is left of them when twice as many come: a check counts when
 * it was judged and answered in time; one that was shed does not. The load is a process of its own, see load.ts.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PACKAGE_DEFINITION } from "../../src/extauthz/proto.ts";
import { type Contestant, checkMessage, makeToken, startContestants } from "./contestants.ts";
import { printTable, quantile, TINY, times } from "./measure.ts";

const ROUNDS = TINY ? 1 : 3;
const SECONDS = TINY ? 0.5 : 5;
const CONNECTIONS = 16;
const CALLERS = 32;

interface Loaded {
	readonly perSecond: Readonly<Record<string, number>>;
	readonly p50: Readonly<Record<string, number | null>>;
	readonly p99: Readonly<Record<string, number | null>>;
	readonly reconnects: number;
}

await using resources = new AsyncDisposableStack();
const contestants = await startContestants(resources);
const { serialize } = PACKAGE_DEFINITION["envoy.service.auth.v3.CheckRequest"] as unknown as {
	serialize(message: unknown): Buffer;
};
const message = serialize(checkMessage(makeToken())).toString("base64");

const saturated: number[][] = contestants.map(() => []);
const pressed: Loaded[] = [];
const firebreak = contestants.length - 1;
for (let round = 0; round < ROUNDS; round++) {
	process.stderr.write(`saturation: round ${round + 1} of ${ROUNDS} ...\n`);
	for (const [index, contestant] of contestants.entries()) {
		const { perSecond } = await load("closed", contestant, CALLERS, 10_000);
		saturated[index]!.push(perSecond.allowed!);
	}
	const most = saturated[firebreak]!.at(-1)!;
	pressed.push(await load("open", contestants[firebreak]!, 2 * most, 200));
}

const median = (samples: readonly number[]) => quantile(samples, 0.5);
const [bare] = saturated.map(median);
const count = (perSecond: number) => `${Math.round(perSecond)} /s`;
printTable(
	`checks a second at saturation: ${CALLERS} callers over ${CONNECTIONS} connections, medians of ${ROUNDS} rounds`,
	["server", "answered", "to bare"],
	contestants.map(({ name }, index) => [
		name,
		count(median(saturated[index]!)),
		times(median(saturated[index]!) / bare!),
	]),
);
const most = median(saturated[firebreak]!);
const goodput = median(pressed.map(({ perSecond }) => perSecond.allowed!));
const figure = (pick: (loaded: Loaded) => number | null | undefined) =>
	median(pressed.map((each) => pick(each) ?? Number.NaN));
printTable(
	"twice that, asked at its own pace, each given up after 200 ms (reach: goodput at least 0.80x)",
	["server", "goodput", "to saturation", "p50", "p99", "shed", "p99", "late", "failed"],
	[
		[
			contestants[firebreak]!.name,
			count(goodput),
			times(goodput / most),
			`${figure(({ p50 }) => p50.allowed).toFixed(1)} ms`,
			`${figure(({ p99 }) => p99.allowed).toFixed(1)} ms`,
			count(figure(({ perSecond }) => perSecond.shed)),
			`${figure(({ p99 }) => p99.shed).toFixed(1)} ms`,
			count(figure(({ perSecond }) => perSecond.late)),
			count(figure(({ perSecond }) => perSecond.failed)),
		],
	],
);

async function load(
	kind: "open" | "closed",
	{ port }: Contestant,
	pressure: number,
	deadlineMs: number,
): Promise<Loaded> {
	const script = fileURLToPath(new URL("./load.ts", import.meta.url));
	const args = [script, kind, String(port), String(CONNECTIONS), String(pressure), String(SECONDS)];
	const env = { ...process.env, LOAD_MESSAGE: message, LOAD_DEADLINE_MS: String(deadlineMs) };
	return JSON.parse((await promisify(execFile)(process.execPath, args, { env })).stdout);
}
