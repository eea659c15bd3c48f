/** The configuration in envoy/, with its placeholders filled in, and real Envoys that run it. */
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { type ClientRequest, type ClientResponse, send } from "../../demo/client.ts";
import { envoyBinary } from "../../demo/envoy.ts";
import { startProcess } from "../../demo/processes.ts";
import type { Workspace } from "../../demo/workspace.ts";

export const FOLDER = path.join(import.meta.dirname, "..", "..", "envoy");

/** Bootstraps, by name. */
export const BOOTSTRAPS = globSync("*.yaml", { cwd: FOLDER }).sort();

/** Values by placeholder. */
export type Values = Readonly<Record<string, string | number>>;

/** The placeholders that the head of a file explains, and those that its text has. */
export function placeholdersOf(file: string): { explained: string[]; used: string[] } {
	const lines = readFileSync(path.join(FOLDER, file), "utf8").split("\n");
	const isComment = (line: string) => line.trimStart().startsWith("#");
	const named = (some: readonly string[]) => [...new Set(some.join("\n").matchAll(/\$\{([A-Z_]+)\}/g))];
	const names = (some: readonly string[]) => [...new Set(named(some).map(([, name]) => name as string))].sort();
	return { explained: names(lines.filter(isComment)), used: names(lines.filter((line) => !isComment(line))) };
}

/** The text of a file, filled in as `envsubst` does. Throws on a placeholder without a value. */
export function filledIn(file: string, values: Values): string {
	return readFileSync(path.join(FOLDER, file), "utf8").replace(/\$\{([A-Z_]+)\}/g, (_all, name) => {
		if (values[name] === undefined) throw new Error(`${file} needs a value for ${name}`);
		return String(values[name]);
	});
}

/** Writes a filled-in file into the workspace and returns its path. */
export function fillIn(workspace: Workspace, file: string, values: Values): string {
	return workspace.write(path.basename(file), filledIn(file, values));
}

let started = 0;

export interface RunningBootstrap {
	readonly adminUrl: string;
	/** Of the one listener that callers use. */
	readonly port: number;
	/** Lines of the access log that were written so far. */
	accessLog(): Readonly<Record<string, unknown>>[];
	output(): string;
	send(request: Omit<ClientRequest, "port">): Promise<ClientResponse>;
	stop(): Promise<void>;
}

/** Runs Envoy on a bootstrap until its listener accepts connections. Ports should be given as 0. */
export async function startBootstrap(workspace: Workspace, file: string): Promise<RunningBootstrap> {
	const adminFile = path.join(workspace.path, `admin-${started++}`);
	let log = "";
	let adminUrl = "";
	let port = 0;
	const running = await startProcess({
		name: `Envoy (${path.basename(file)})`,
		command: await envoyBinary(),
		args: [
			...["--config-path", file, "--admin-address-path", adminFile, "--concurrency", "1"],
			...["--log-level", "warning", "--file-flush-interval-msec", "20", "--disable-hot-restart"],
		],
		onOutput: (text) => {
			log += text;
		},
		ready: async () => {
			adminUrl = `http://${readFileSync(adminFile, "utf8")}`;
			const listeners = (await (await fetch(`${adminUrl}/listeners?format=json`)).json()) as {
				listener_statuses?: { local_address: { socket_address: { port_value: number } } }[];
			};
			port = listeners.listener_statuses?.[0]?.local_address.socket_address.port_value ?? 0;
			return port !== 0 && (await fetch(`${adminUrl}/ready`)).ok;
		},
	});
	return {
		adminUrl,
		port,
		accessLog: () =>
			log
				.split("\n")
				.slice(0, -1)
				.filter((line) => line.startsWith("{"))
				.map((line) => JSON.parse(line)),
		output: running.output,
		send: (request) => send({ ...request, port }),
		stop: running.stop,
	};
}
