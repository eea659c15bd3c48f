/** `make run`: Postgres (embedded unless DATABASE_URL is set), the example's migrations, the server in the foreground. No Envoy. */
import { styleText } from "node:util";
import { describeDatabase } from "../src/store/database-url.ts";
import { errorOf, firebreakProgram, migrateUp } from "./firebreak.ts";
import { EXAMPLE_POLICIES } from "./policies.ts";
import { startEmbeddedPostgres } from "./postgres.ts";
import { runProcess, startProcess, stopOnSignals } from "./processes.ts";
import { createProgress, fail } from "./progress.ts";

const resources = new AsyncDisposableStack();
let stopping = false;
stopOnSignals(async () => {
	stopping = true;
	await resources.disposeAsync();
});

try {
	const progress = createProgress();
	const given = process.env.DATABASE_URL || process.env.FIREBREAK_DATABASE_URL;
	const databaseUrl = given || (await progress("Postgres", startPostgres));
	// Settings of the user's own reach the server.
	const env = given ? process.env : { ...process.env, DATABASE_URL: databaseUrl };
	const settings = await readSettings(env);
	await progress("Migrations", () => migrateUp(databaseUrl, EXAMPLE_POLICIES));
	process.stdout.write(describe(databaseUrl, !given, settings));
	const server = await startProcess({
		...firebreakProgram(["serve"], env),
		onOutput: (text) => process.stdout.write(text),
		ready: () => true,
		// It drains for as long as it was told to.
		stopWithinMs: 60_000,
	});
	resources.defer(server.stop);
	const end = await server.ended;
	if (!stopping) process.exitCode = typeof end === "number" ? end : 1;
} catch (error) {
	if (!stopping) fail("make run", error);
} finally {
	await resources.disposeAsync();
}

async function startPostgres(): Promise<string> {
	const postgres = await startEmbeddedPostgres();
	resources.defer(postgres.stop);
	return postgres.url;
}

interface Settings {
	readonly grpc: string;
	readonly "grpc tls": string;
	readonly admin: string;
}

/** What the server makes of its environment; throws its own words when it would not start. */
async function readSettings(env: NodeJS.ProcessEnv): Promise<Settings> {
	const finished = await runProcess(firebreakProgram(["serve", "--check-config", "--json"], env));
	if (finished.end !== 0) throw errorOf(finished);
	return JSON.parse(finished.stdout).settings;
}

/** Only the throw-away Postgres' own password is ever shown. */
function describe(databaseUrl: string, embedded: boolean, settings: Settings): string {
	const tls = settings["grpc tls"] === "off" ? "without TLS" : "by mutual TLS";
	const facts: readonly (readonly [string, string])[] = [
		["Postgres", embedded ? databaseUrl : describeDatabase(databaseUrl)],
		["Envoy", `asks ${settings.grpc}, ${tls}`],
		["People", settings.admin === "off" ? "off" : `http://${settings.admin}/v1/status, /metrics, /readyz`],
		["Explain", `${embedded ? `DATABASE_URL='${databaseUrl}' ` : ""}node_modules/.bin/node src/main.ts explain \\`],
		["", "  --source orders --destination payments --method DELETE --path /v1/payments/7"],
	];
	return `\n${facts.map(([name, fact]) => `${styleText("bold", name.padEnd(11))}${fact}\n`).join("")}\n`;
}
