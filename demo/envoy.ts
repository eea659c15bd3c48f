import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { FirebreakError } from "../src/core/errors.ts";
import { envoyBootstrap } from "./envoy-config.ts";
import type { EnvoyOptions } from "./envoy-options.ts";
import { startProcess } from "./processes.ts";
import type { Workspace } from "./workspace.ts";

export interface RunningEnvoy {
	/** The port of a sidecar's listener, on 127.0.0.1. Throws on a name that is not among the sidecars. */
	port(sidecar: string): number;
	/** `http://127.0.0.1:<port>` of the admin interface. */
	readonly adminUrl: string;
	/** What the sidecars logged so far, oldest first. Envoy writes its log in the background: a line may be a moment late. */
	accessLog(): AccessLogEntry[];
	/** The end of what Envoy itself said. */
	output(): string;
	stop(): Promise<void>;
}

/** One request in the access log. */
export interface AccessLogEntry {
	readonly sidecar: string;
	readonly method: string;
	readonly path: string;
	/** The caller's SPIFFE ID. */
	readonly peer: string | null;
	/** W3C trace context: the trace is the caller's, the span Envoy's own where it traces. */
	readonly traceparent: string | null;
	readonly status: number;
	readonly details: string;
	/** Dynamic metadata that Firebreak attached to its decision. */
	readonly firebreak: Readonly<Record<string, unknown>> | null;
}

/** The Envoy binary: ENVOY_BIN, or the pinned one, which is fetched when it is not in the cache yet. */
export async function envoyBinary(): Promise<string> {
	const script = path.join(import.meta.dirname, "..", "scripts", "envoy.sh");
	try {
		const { stdout } = await promisify(execFile)(script, { encoding: "utf8" });
		return stdout.trim();
	} catch (error) {
		throw new FirebreakError("dependency_unreachable", (error as { stderr: string }).stderr.trim());
	}
}

/** Writes the bootstrap into the workspace, as `envoy.json`, and returns the file. */
export function writeBootstrap(workspace: Workspace, options: EnvoyOptions): string {
	return workspace.write("envoy.json", JSON.stringify(envoyBootstrap(options), null, "\t"));
}

/** Has Envoy check a bootstrap as far as it can without serving; throws with Envoy's own words when it refuses. */
export async function validateBootstrap(file: string): Promise<void> {
	try {
		await promisify(execFile)(await envoyBinary(), ["--mode", "validate", "--config-path", file]);
	} catch (error) {
		throw new FirebreakError("config_invalid", `Envoy refuses ${file}: ${(error as { stderr: string }).stderr}`);
	}
}

interface ListenersAnswer {
	readonly listener_statuses?: readonly {
		readonly name: string;
		readonly local_address: { readonly socket_address: { readonly port_value: number } };
	}[];
}

/** Starts Envoy and waits until every listener accepts connections. */
export async function startEnvoy(workspace: Workspace, options: EnvoyOptions): Promise<RunningEnvoy> {
	const configuration = writeBootstrap(workspace, options);
	const adminFile = path.join(workspace.path, "envoy-admin-address");
	const ports = new Map<string, number>();
	let adminUrl = "";
	const running = await startProcess({
		name: "Envoy",
		command: await envoyBinary(),
		args: [
			...["--config-path", configuration, "--admin-address-path", adminFile],
			...["--concurrency", "2", "--log-level", "warning"],
			// The access log is read by people and tests, who would wait ten seconds for it.
			...["--file-flush-interval-msec", "20"],
			// Otherwise a second Envoy on this machine would be taken for the first one's successor.
			"--disable-hot-restart",
		],
		ready: async () => {
			adminUrl = `http://${readFileSync(adminFile, "utf8")}`;
			const ready = await fetch(`${adminUrl}/ready`);
			const listeners = (await (await fetch(`${adminUrl}/listeners?format=json`)).json()) as ListenersAnswer;
			for (const { name, local_address } of listeners.listener_statuses ?? []) {
				ports.set(name, local_address.socket_address.port_value);
			}
			return ready.ok && ports.size === options.sidecars.length;
		},
	});
	return {
		adminUrl,
		port(sidecar) {
			const port = ports.get(sidecar);
			if (port === undefined) throw new FirebreakError("not_found", `Envoy has no listener for ${sidecar}`);
			return port;
		},
		accessLog: () => readAccessLog(options.accessLogFile),
		output: running.output,
		stop: running.stop,
	};
}

function readAccessLog(file: string): AccessLogEntry[] {
	const lines = readFileSync(file, "utf8").split("\n");
	// What follows the last line break is empty, or half a line.
	return lines.slice(0, -1).map((line) => JSON.parse(line));
}
