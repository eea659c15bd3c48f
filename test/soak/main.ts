/**
 * `make soak`: mixed traffic through a real Envoy for MINUTES (10), with a fault every few seconds from SEED. Ends with 1 when an
 * answer was wrong, see excuses.ts; when a server ended unasked, or with anything but 0 when asked, which at last all are; or
 * when memory grew, see memory.ts.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { STORY } from "../../demo/story.ts";
import { quantile } from "../bench/measure.ts";
import { seeded } from "../fuzz/mutate.ts";
import { SWITCHED, startCompany } from "./company.ts";
import { FAULTS, type Switches } from "./faults.ts";
import { judgeMemory } from "./memory.ts";
import { type Kind, Switch, storyKinds, Traffic } from "./traffic.ts";

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
const { world, issuers, watch } = company;

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

const { deaths } = watch;
const sampler = setInterval(() => watch.sample(), SAMPLE_MS);

const begun = performance.now();
traffic.start(CALLERS, ofTraffic);
await sleep(WARM_UP_MS);
let queue: (typeof FAULTS)[number][] = [];
let faults = 0;
/** What did not become whole again. */
const broken: string[] = [];
const goesOn = () => deaths.length + broken.length === 0;
for (let warming = 2 * FAULTS.length; warming > 0 && goesOn(); warming--) await nextFault();
const warm = performance.now();
const end = warm + minutes * 60_000;
while (performance.now() < end && goesOn()) await nextFault();
await traffic.stop();
clearInterval(sampler);
await watch.endAll();
report();

async function nextFault(): Promise<void> {
	if (queue.length === 0) queue = [...FAULTS].sort(() => random() - 0.5);
	const fault = queue.pop()!;
	const before = traffic.milliseconds.length;
	const struck = performance.now();
	try {
		await traffic.during(fault, () => fault.run(company, switches));
	} catch (error) {
		broken.push(`${fault.name}: ${error instanceof Error ? error.message : error}`);
		return;
	}
	faults++;
	const took = ((performance.now() - struck) / 1_000).toFixed(1);
	say(`  ${took.padStart(5)} s  ${String(traffic.milliseconds.length - before).padStart(6)} requests  ${fault.name}`);
	await sleep(BETWEEN_FAULTS_MS);
}

function report(): void {
	const { wrong, milliseconds, ledger } = traffic;
	const shares = ledger.shares();
	for (const { kind, got, expected, during } of wrong.slice(0, 20)) {
		say(`  WRONG: ${got}, not ${expected.join(" or ")}: ${kind}${during && ` (${during})`}`);
	}
	for (const part of broken) say(`  STAYED BROKEN: ${part}`);
	for (const death of deaths) say(`  DIED: ${death}`);
	say(`requests    ${milliseconds.length}, ${wrong.length} wrong`);
	for (const { text, good } of shares) say(`  ${good ? "excused" : "TOO MANY"} 503: ${text}`);
	say(
		`latency     p50 ${quantile(milliseconds, 0.5).toFixed(1)} ms, p99 ${quantile(milliseconds, 0.99).toFixed(1)} ms, through Envoy, a connection each`,
	);
	say(`faults      ${faults}, of ${FAULTS.length} kinds`);
	say(`crashes     ${deaths.length}, of ${watch.lives.length} servers, each watched from its start to its end`);
	const whole = broken.length + deaths.length === 0;
	const memory = whole ? judgeMemory(watch.lives, begun, warm) : [];
	for (const { text, good } of memory) say(`  ${good ? "memory" : "MEMORY GROWS"}: ${text}`);
	const good = whole && wrong.length === 0 && [...shares, ...memory].every((each) => each.good);
	say(good ? "soak: good" : `soak: bad; once more: make soak MINUTES=${minutes} SEED=${seed}`);
	process.exitCode = good ? 0 : 1;
}
