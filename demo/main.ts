/** `make demo`: the example company behind a real Envoy, and a story told through it (STORY=tokens: another one). KEEP=1 stays up afterwards. */
import { styleText } from "node:util";
import { COMPANY } from "./company.ts";
import { type Jaeger, jaegerBinary, startJaeger } from "./jaeger.ts";
import { stopOnSignals } from "./processes.ts";
import { createProgress, fail } from "./progress.ts";
import { type Stage, setStage } from "./stage.ts";
import { chosenStory } from "./stories.ts";

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
	const story = chosenStory(process.env.STORY);
	const progress = createProgress();
	const jaeger = await startCachedJaeger(progress);
	const stage = await setStage({
		databaseUrl,
		resources,
		step: progress,
		...(jaeger && { otlpPort: jaeger.otlpPort }),
		...story.stage,
	});
	print(describeStage(stage, jaeger));
	const differed = await story.tell(stage, print);
	if (differed > 0) process.exitCode = 1;
	if (keep) {
		print(`\n${story.next(stage)}`);
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
