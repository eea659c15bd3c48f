/** `make run`: Postgres (embedded unless DATABASE_URL is set), the example's migrations, the server in the foreground. No Envoy. */
import { styleText } from "node:util";
import { FirebreakError } from "../src/core/errors.ts";
import { firebreakProgram, migrateUp } from "./firebreak.ts";
import { EXAMPLE_POLICIES } from "./policies.ts";
import { startEmbeddedPostgres } from "./postgres.ts";
import { runProcess, startProcess, stopOnSignals } from "./processes.ts";
import { createProgress } from "./progress.ts";

const resources = new AsyncDisposableStack();
let stopping = false;
stopOnSignals(async () => {
	stopping = true;
	await resources.disposeAsync();
});

try {
	const progress = createProgress();
	const databaseUrl = process.env.DATABASE_URL || (await progress("Postgres", startPostgres));
	// Settings of the user's own reach the server.
	const env = { ...process.env, DATABASE_URL: databaseUrl };
	const settings = await readSettings(env);
	await progress("Migrations", () => migrateUp(databaseUrl, EXAMPLE_POLICIES));
	process.stdout.write(describe(databaseUrl, settings));
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
	if (!stopping) {
		const told = error instanceof FirebreakError ? error.message : error instanceof Error ? error.stack : String(error);
		process.stderr.write(`make run: ${told}\n`);
		process.exitCode = 1;
	}
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
	const { end, stdout, stderr } = await runProcess(firebreakProgram(["serve", "--check-config", "--json"], env));
	if (end === 0) return JSON.parse(stdout).settings;
	throw new FirebreakError("config_invalid", `firebreak serve would not start:\n${stdout}${stderr}`);
}

function describe(databaseUrl: string, settings: Settings): string {
	const tls = settings["grpc tls"] === "off" ? "without TLS" : "by mutual TLS";
	const facts: readonly (readonly [string, string])[] = [
		["Postgres", databaseUrl],
		["Envoy", `asks ${settings.grpc}, ${tls}`],
		["People", settings.admin === "off" ? "off" : `http://${settings.admin}/v1/status, /metrics, /readyz`],
		["Explain", `DATABASE_URL='${databaseUrl}' node_modules/.bin/node src/main.ts explain \\`],
		["", "  --source orders --destination payments --method DELETE --path /v1/payments/7"],
	];
	return `\n${facts.map(([name, fact]) => `${styleText("bold", name.padEnd(11))}${fact}\n`).join("")}\n`;
}
