/**
 * The whole Check against a bare grpc-js server that answers OK and does nothing: same proto, same client, same message
 * with an ES256 token, in turns. Firebreak is the real program on a real Postgres: token cached, span not sampled,
 * decision recorded. Processor time is the server process's own, user and system.
 */
import {
	type Contestant,
	checkMessage,
	cpuSeconds,
	isAllowed,
	isShed,
	makeToken,
	startContestants,
} from "./contestants.ts";
import { microseconds, printTable, quantile, TINY, times } from "./measure.ts";

const ROUNDS = TINY ? 1 : 7;
const WARM_UP = TINY ? 32 : 4_000;
const ALONE = TINY ? 32 : 2_000;
const TOGETHER = TINY ? 64 : 8_000;
const CALLERS = 32;

await using resources = new AsyncDisposableStack();
const contestants = (await startContestants(resources)).map((contestant) => ({
	...contestant,
	cpu: [] as number[],
	latency: [] as number[],
	worst: [] as number[],
}));
const token = makeToken();
const message = checkMessage(token);

for (const contestant of contestants) await run(contestant, WARM_UP, CALLERS);
for (let round = 0; round < ROUNDS; round++) {
	process.stderr.write(`check: round ${round + 1} of ${ROUNDS} ...\n`);
	for (const contestant of contestants) {
		const before = cpuSeconds(contestant.process.pid);
		await run(contestant, TOGETHER, CALLERS);
		contestant.cpu.push(((cpuSeconds(contestant.process.pid) - before) / TOGETHER) * 1e9);
		const samples = await run(contestant, ALONE, 1);
		contestant.latency.push(quantile(samples, 0.5));
		contestant.worst.push(quantile(samples, 0.99));
	}
}

const [bare] = contestants;
const median = (samples: readonly number[]) => quantile(samples, 0.5);
printTable(
	`one Check, ${token.length}-byte ES256 token, medians of ${ROUNDS} rounds (reach: at most 1.5 times bare)`,
	["server", "cpu a check", "to bare", "one caller p50", "to bare", "p99"],
	contestants.map((each) => [
		each.name,
		microseconds(median(each.cpu)),
		times(median(each.cpu) / median(bare!.cpu)),
		microseconds(median(each.latency)),
		times(median(each.latency) / median(bare!.latency)),
		microseconds(median(each.worst)),
	]),
);

/** Nanoseconds of each call. */
async function run({ ask, name }: Contestant, calls: number, callers: number): Promise<number[]> {
	const samples: number[] = [];
	let left = calls;
	const caller = async () => {
		while (left-- > 0) {
			const start = process.hrtime.bigint();
			const answer = await ask(message);
			const nanoseconds = Number(process.hrtime.bigint() - start);
			if (isShed(answer)) {
				// The machine has so much else to do that this is overload; it is asked once more.
				left++;
				continue;
			}
			samples.push(nanoseconds);
			if (!isAllowed(answer)) throw new Error(`${name} denied: ${JSON.stringify(answer)}`);
		}
	};
	await Promise.all(Array.from({ length: callers }, caller));
	return samples;
}
