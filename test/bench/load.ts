/**
 * The load of a benchmark, in a process of its own: `load.ts closed PORT CONNECTIONS CALLERS SECONDS` asks again as soon as it is
 * answered, `load.ts open PORT CONNECTIONS PER_SECOND SECONDS` asks at its own pace whatever the answers. The request comes by
 * LOAD_MESSAGE, base64. Prints what came, as JSON; the first fifth of the time does not count.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { CheckLoad, type Outcome } from "../support/check-load.ts";
import { quantile } from "./measure.ts";

/** What Envoy waits by default, and what it waits where a call that is given up would end the measurement. */
const DEADLINE_MS = Number(process.env.LOAD_DEADLINE_MS ?? 200);

const [kind, port, connections, pressure, seconds] = process.argv.slice(2) as [string, ...string[]];
const counts: Record<Outcome, number> = { allowed: 0, shed: 0, denied: 0, failed: 0, late: 0 };
const latency: Record<Outcome, number[]> = { allowed: [], shed: [], denied: [], failed: [], late: [] };
let counting = false;
let over = false;

const load = await CheckLoad.start({
	port: Number(port),
	connections: Number(connections),
	message: Buffer.from(process.env.LOAD_MESSAGE ?? "", "base64"),
	deadlineMs: DEADLINE_MS,
	onOutcome(outcome, milliseconds) {
		if (counting) {
			counts[outcome]++;
			latency[outcome].push(milliseconds);
		}
		if (kind === "closed" && !over) load.ask();
	},
});
const duration = Number(seconds) * 1_000;
const started = performance.now();
const countingFrom = started + duration / 5;
let asked = 0;
if (kind === "closed") for (let caller = 0; caller < Number(pressure); caller++) load.ask();
while (performance.now() < started + duration) {
	counting = performance.now() >= countingFrom;
	if (kind === "open") {
		const due = Math.floor(((performance.now() - started) / 1_000) * Number(pressure));
		for (; asked < due; asked++) load.ask();
	}
	load.flush();
	await sleep(1);
}
const measured = (performance.now() - countingFrom) / 1_000;
counting = false;
over = true;
load.stop();
const perSecond = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / measured]));
const p99 = Object.fromEntries(Object.entries(latency).map(([name, samples]) => [name, quantile(samples, 0.99)]));
const p50 = Object.fromEntries(Object.entries(latency).map(([name, samples]) => [name, quantile(samples, 0.5)]));
process.stdout.write(`${JSON.stringify({ perSecond, p50, p99, reconnects: load.reconnects })}\n`);
