/** `make demo`: the example company behind a real Envoy, and the story told through it. KEEP=1 stays up afterwards. */
import { styleText } from "node:util";
import { changePolicy } from "./change.ts";
import { COMPANY } from "./company.ts";
import { type Jaeger, jaegerBinary, startJaeger } from "./jaeger.ts";
import { whatNext } from "./next.ts";
import { createPage } from "./print.ts";
import { stopOnSignals } from "./processes.ts";
import { createProgress, fail } from "./progress.ts";
import { type Stage, setStage } from "./stage.ts";
import { CHANGE, type Line, OUTAGE, STORY } from "./story.ts";
import { differences, type Told, tell } from "./teller.ts";

const databaseUrl = process.env.DATABASE_URL || undefined;
const keep = Boolean(process.env.KEEP) && process.env.KEEP !== "0";
const print = (text: string): void => void process.stdout.write(text);

const resources = new AsyncDisposableStack();
let stopping = false;
stopOnSignals(async () => {
	stopping = true;
	await resources.disposeAsync();
});

try {
	const progress = createProgress();
	const jaeger = await startCachedJaeger(progress);
	const stage = await setStage({
		databaseUrl,
		resources,
		step: progress,
		...(jaeger && { otlpPort: jaeger.otlpPort }),
	});
	print(describeStage(stage, jaeger));
	const differed = await tellStory(stage);
	if (differed > 0) process.exitCode = 1;
	if (keep) {
		print(`\n${whatNext(stage)}`);
		// Until Ctrl-C. What runs beside keeps this program going.
		await new Promise<never>(() => {});
	}
} catch (error) {
	// What was under way when everything was stopped has failed, and that is no news.
	if (!stopping) fail("make demo", error);
} finally {
	await resources.disposeAsync();
}

async function startCachedJaeger(progress: ReturnType<typeof createProgress>): Promise<Jaeger | undefined> {
	const binary = await jaegerBinary();
	if (binary === undefined) return undefined;
	const jaeger = await progress("Jaeger", () => startJaeger(binary));
	resources.defer(jaeger.stop);
	return jaeger;
}

function describeStage({ world, firebreak, migrations, revision }: Stage, jaeger: Jaeger | undefined): string {
	const database = `${new URL(world.databaseUrl).host}${world.postgres ? ", embedded" : ""}`;
	const facts: readonly (readonly [string, string])[] = [
		["Postgres", `${database}: revision ${revision}, policy migrations applied: ${migrations}`],
		["Firebreak", `127.0.0.1:${firebreak.address.port} for Envoy by mutual TLS, ${firebreak.adminUrl} for people`],
		["Envoy", `${COMPANY.length} mutual-TLS sidecars, ${world.envoy.adminUrl} for people`],
		...(jaeger ? [["Jaeger", `${jaeger.queryUrl}/api/traces?service=firebreak`] as const] : []),
	];
	return `\n${facts.map(([name, fact]) => `${styleText("bold", name.padEnd(11))}${fact}\n`).join("")}\n`;
}

/** Tells all lines and the totals; returns how many differed. */
async function tellStory(stage: Stage): Promise<number> {
	const { world, issuers } = stage;
	const page = createPage([...STORY, CHANGE.before, CHANGE.after, OUTAGE]);
	const marks: boolean[] = [];
	const show = (line: Line, told: Told, note?: string): void => {
		marks.push(differences(line, told).length === 0);
		print(page.line(line, told, note));
	};
	const started = performance.now();
	print(page.head());
	for (const line of STORY) show(line, await tell(world, issuers, line));
	const { before, after, afterCommit } = await changePolicy(stage);
	show(CHANGE.before, before);
	show(CHANGE.after, after, `${afterCommit} ms after COMMIT`);
	if (world.postgres) {
		await world.postgres.halt();
		show(OUTAGE, await tell(world, issuers, OUTAGE), "without Postgres");
		// Records that wait are written, and what is tried next finds it there.
		await world.postgres.resume();
	} else print(page.skipped(OUTAGE, "DATABASE_URL is not ours to stop"));
	const good = marks.filter(Boolean).length;
	const seconds = ((performance.now() - started) / 1_000).toFixed(1);
	const totals = `${good} of ${marks.length} answers as expected, in ${seconds} s`;
	const change = `a new policy was enforced ${afterCommit} ms after COMMIT, without a restart`;
	print(`\n${styleText(good === marks.length ? "green" : "red", totals)}; ${change}\n`);
	return marks.length - good;
}
