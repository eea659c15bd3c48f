/** The program itself, run as its users run it: by its command line, configured by its environment. */
import { appendFileSync } from "node:fs";
import path from "node:path";
import { FirebreakError } from "../src/core/errors.ts";
import { FIREBREAK_SPIFFE_ID } from "./company.ts";
import type { FirebreakAddress } from "./envoy-options.ts";
import { onFreePorts } from "./ports.ts";
import { type Finished, type ProgramSpec, type RunningProcess, runProcess, startProcess } from "./processes.ts";
import type { Ground } from "./world.ts";

const MAIN = path.join(import.meta.dirname, "..", "src", "main.ts");

/** This program's environment without what would configure Firebreak, and with `settings`. */
function environment(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
	const inherited = Object.entries(process.env).filter(([name]) => !/^(FIREBREAK_|OTEL_|DATABASE_URL$)/.test(name));
	return { ...Object.fromEntries(inherited), ...settings };
}

/** The command line of `firebreak ARGS`. `env` is the whole environment. */
export function firebreakProgram(args: readonly string[], env: NodeJS.ProcessEnv): ProgramSpec {
	return { name: `firebreak ${args[0]}`, command: process.execPath, args: [MAIN, ...args], env };
}

/** Runs one command of Firebreak's to its end, whatever its exit code. */
export function runFirebreak(databaseUrl: string, args: readonly string[]): Promise<Finished> {
	return runProcess(firebreakProgram(args, environment({ DATABASE_URL: databaseUrl })));
}

/** What `migrate up --json` answers. */
export interface Migrated {
	/** The schema's own have no owner. */
	readonly applied: readonly { readonly name: string; readonly owner: string | null }[];
	readonly revision: number;
}

/** `firebreak migrate up`; throws the error that it told when it fails. */
export async function migrateUp(databaseUrl: string, folder: string): Promise<Migrated> {
	const finished = await runFirebreak(databaseUrl, ["migrate", "up", "--dir", folder, "--json"]);
	if (finished.end !== 0) throw errorOf(finished);
	return JSON.parse(finished.stdout) as Migrated;
}

/** The error of a command that failed under `--json`. */
export function errorOf({ end, stdout, stderr }: Finished): FirebreakError {
	try {
		const { code, message, problems } = JSON.parse(stdout).error;
		return new FirebreakError(code, message, { problems });
	} catch {
		return new FirebreakError("dependency_unreachable", `firebreak ended with ${end}: ${stdout}${stderr}`);
	}
}

export interface RunningFirebreak {
	/** Where Envoy asks. */
	readonly address: FirebreakAddress;
	/** `http://127.0.0.1:<port>` of the admin side. */
	readonly adminUrl: string;
	/** Of its public side, where tokens are exchanged, when it has signing keys. */
	readonly publicPort: number | undefined;
	/** Everything that it logged. */
	readonly logFile: string;
	readonly process: RunningProcess;
}

/**
 * `firebreak serve` with mutual TLS on free loopback ports, where a proxy may ask only about the service whose certificate it
 * shows. Ready when /readyz says so. `settings` are environment variables that are added; `name` tells servers apart. With a
 * folder of signing keys it has a public side, too.
 */
export async function startFirebreak(
	{ workspace, pki }: Pick<Ground, "workspace" | "pki">,
	databaseUrl: string,
	settings: Readonly<Record<string, string>> = {},
	name = "Firebreak",
	keysFolder?: string,
): Promise<RunningFirebreak> {
	const logFile = workspace.write(`${name.toLowerCase().replace(" ", "-")}.log`, "");
	return onFreePorts(3, async ([grpcPort = 0, adminPort = 0, spare = 0]) => {
		const publicPort = keysFolder === undefined ? undefined : spare;
		const adminUrl = `http://127.0.0.1:${adminPort}`;
		const env = environment({
			DATABASE_URL: databaseUrl,
			FIREBREAK_GRPC_ADDR: `127.0.0.1:${grpcPort}`,
			FIREBREAK_GRPC_TLS_CERT: pki.firebreak.files.certificate,
			FIREBREAK_GRPC_TLS_KEY: pki.firebreak.files.key,
			FIREBREAK_GRPC_TLS_CLIENT_CA: pki.authorityFile,
			FIREBREAK_ENFORCER_IDENTITY: "tls",
			FIREBREAK_ADMIN_ADDR: `127.0.0.1:${adminPort}`,
			...(keysFolder !== undefined && {
				FIREBREAK_KEYS_DIR: keysFolder,
				FIREBREAK_PUBLIC_ADDR: `127.0.0.1:${publicPort}`,
				FIREBREAK_PUBLIC_TLS_CERT: pki.firebreak.files.certificate,
				FIREBREAK_PUBLIC_TLS_KEY: pki.firebreak.files.key,
				FIREBREAK_PUBLIC_TLS_CLIENT_CA: pki.authorityFile,
			}),
			...settings,
		});
		const server = await startProcess({
			...firebreakProgram(["serve"], env),
			name,
			onOutput: (text) => appendFileSync(logFile, text),
			ready: async () => (await fetch(`${adminUrl}/readyz`)).ok,
		});
		return {
			address: { port: grpcPort, spiffeId: FIREBREAK_SPIFFE_ID },
			adminUrl,
			publicPort,
			logFile,
			process: server,
		};
	});
}

/** Settings that send spans to an OTLP receiver on 127.0.0.1, soon after they ended. */
export function exportTo(otlpPort: number): Record<string, string> {
	return {
		OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${otlpPort}`,
		OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
		OTEL_BSP_SCHEDULE_DELAY: "100",
	};
}
