/**
 * `make soak`: mixed traffic through a real Envoy for MINUTES (10), with a fault every few seconds from SEED. Ends with 1 when an
 * answer was wrong, a process died, or the memory of the server that ran all the while grew; see trend.ts.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { STORY } from "../../demo/story.ts";
import { quantile } from "../bench/measure.ts";
import { seeded } from "../fuzz/mutate.ts";
import { SWITCHED, startCompany } from "./company.ts";
import { FAULTS, type Switches } from "./faults.ts";
import { type Kind, Switch, storyKinds, Traffic } from "./traffic.ts";
import { MOST_GROWTH, type Sample, type Trend, trendOf } from "./trend.ts";

const minutes = Number(process.env.MINUTES || 10);
const seed = Number(process.env.SEED || Math.floor(Math.random() * 2 ** 31));
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
	process.stderr.write("MINUTES and SEED are numbers\n");
	process.exit(2);
}
const CALLERS = 4;
const BETWEEN_FAULTS_MS = 1_000;
const SAMPLE_MS = 250;
/** Of traffic before memory is measured, and then each fault twice: code is compiled, and the heap finds its size. */
const WARM_UP_MS = Math.min(60_000, minutes * 20_000);

const say = (line: string) => process.stdout.write(`${line}\n`);
say(`soak: ${minutes} minutes, seed ${seed}`);
/** Two of them: how often traffic draws must not change which fault comes next. */
const [random, ofTraffic] = [seeded(seed), seeded(seed + 1)];

await using resources = new AsyncDisposableStack();
const company = await startCompany(resources);
const { world, issuers, servers } = company;
const [first] = servers as [(typeof servers)[0]];

const READ = STORY[0]!;
const OFFERS = STORY.find(({ row }) => row === 12)!;
const mint = () => issuers.token(READ.token!);
let revocable = mint();
const switches: Switches = {
	policy: new Switch("a policy that comes and goes", 200),
	revocation: new Switch("a token that is revoked", 200),
	tokenId: () => JSON.parse(Buffer.from(revocable.split(".")[1]!, "base64url").toString()).jti,
	newToken: () => {
		revocable = mint();
	},
};
const withToken = (token: string) => ({ authorization: `Bearer ${token}` });
const { token: _none, ...readWithout } = READ;
const { token: _neither, ...offersWithout } = OFFERS;
const SPECIAL: readonly Kind[] = [
	{ name: switches.policy.name, send: () => ({ line: { ...READ, path: SWITCHED.path } }), expected: switches.policy },
	{
		name: switches.revocation.name,
		send: () => ({ line: readWithout, headers: withToken(revocable) }),
		expected: switches.revocation,
	},
	{
		name: "a token whose issuer's keys are fetched",
		send: () => ({ line: offersWithout, headers: withToken(company.partnerToken()) }),
		expected: new Switch("offers", 200),
	},
];
// The special ones as often as all others together.
const story = storyKinds();
const special = Array.from({ length: Math.ceil(story.length / SPECIAL.length) }, () => SPECIAL).flat();
const traffic = new Traffic(world, issuers, [...story, ...special]);

const deaths: string[] = [];
let over = false;
void first.process.ended.then((end) => {
	if (!over) deaths.push(`${first.process.name} ended with ${end}: ${first.process.output().slice(-2_000)}`);
});

const samples: Sample[] = [];
const sampler = setInterval(() => {
	if (deaths.length > 0) return;
	const status = readFileSync(`/proc/${first.process.pid}/status`, "utf8");
	samples.push({ at: performance.now(), bytes: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024 });
}, SAMPLE_MS);

traffic.start(CALLERS, ofTraffic);
await sleep(WARM_UP_MS);
let queue: (typeof FAULTS)[number][] = [];
let faults = 0;
/** What did not become whole again. */
const broken: string[] = [];
const goesOn = () => deaths.length + broken.length === 0;
for (let warming = 2 * FAULTS.length; warming > 0 && goesOn(); warming--) await nextFault();
samples.length = 0;
const end = performance.now() + minutes * 60_000;
while (performance.now() < end && goesOn()) await nextFault();
await traffic.stop();
clearInterval(sampler);
over = true;

if (broken.length + deaths.length > 0) report(null);
else report(trendOf(samples));

async function nextFault(): Promise<void> {
	if (queue.length === 0) queue = [...FAULTS].sort(() => random() - 0.5);
	const fault = queue.pop()!;
	const before = traffic.milliseconds.length;
	const begun = performance.now();
	try {
		await traffic.during(fault.name, () => fault.run(company, switches));
	} catch (error) {
		broken.push(`${fault.name}: ${error instanceof Error ? error.message : error}`);
		return;
	}
	faults++;
	const took = ((performance.now() - begun) / 1_000).toFixed(1);
	say(`  ${took.padStart(5)} s  ${String(traffic.milliseconds.length - before).padStart(6)} requests  ${fault.name}`);
	await sleep(BETWEEN_FAULTS_MS);
}

function report(trend: Trend | null): void {
	const { wrong, milliseconds, excused } = traffic;
	for (const { kind, got, expected, during } of wrong.slice(0, 20)) {
		say(`  WRONG: ${got}, not ${expected.join(" or ")}: ${kind}${during && ` (${during})`}`);
	}
	for (const part of broken) say(`  STAYED BROKEN: ${part}`);
	for (const death of deaths) say(`  DIED: ${death}`);
	say(
		`requests    ${milliseconds.length}, ${wrong.length} wrong, ${excused} refused with 503 while something was broken`,
	);
	say(
		`latency     p50 ${quantile(milliseconds, 0.5).toFixed(1)} ms, p99 ${quantile(milliseconds, 0.99).toFixed(1)} ms, through Envoy, a connection each`,
	);
	say(`faults      ${faults}, of ${FAULTS.length} kinds; ${deaths.length} crashes`);
	if (trend !== null) {
		const [from, to] = [samples[0]!, samples.at(-1)!].map(({ bytes }) => `${(bytes / 2 ** 20).toFixed(0)} MiB`);
		const growth = `${(100 * trend.growth).toFixed(1)} % (at most ${100 * MOST_GROWTH} %)`;
		say(`memory      ${from} to ${to}; over the last two thirds ${growth}`);
	}
	const good = wrong.length === 0 && broken.length === 0 && deaths.length === 0 && trend?.flat === true;
	say(good ? "soak: good" : `soak: bad; once more: make soak MINUTES=${minutes} SEED=${seed}`);
	process.exitCode = good ? 0 : 1;
}
