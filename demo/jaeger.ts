import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { onFreePorts } from "./ports.ts";
import { startProcess } from "./processes.ts";

export interface Jaeger {
	/** OTLP over gRPC without TLS, on 127.0.0.1. */
	readonly otlpPort: number;
	/** `http://127.0.0.1:<port>` of the query API (`/api/traces/{id}`). */
	readonly queryUrl: string;
	stop(): Promise<void>;
}

/** The Jaeger binary: JAEGER_BIN, or the one that `make jaeger` built; undefined where there is neither. */
export async function jaegerBinary(): Promise<string | undefined> {
	const script = path.join(import.meta.dirname, "..", "scripts", "jaeger.sh");
	const { stdout } = await promisify(execFile)(script, ["--cached"], { encoding: "utf8" });
	return stdout.trim() || undefined;
}

/** Starts Jaeger all-in-one, which keeps traces in memory, on free loopback ports. */
export async function startJaeger(binary: string): Promise<Jaeger> {
	return onFreePorts(4, async ([otlpPort, queryPort, adminPort, collectorPort]) => {
		const at = (port: number | undefined): string => `127.0.0.1:${port ?? 0}`;
		const listeners = {
			"collector.otlp.grpc.host-port": at(otlpPort),
			"query.http-server.host-port": at(queryPort),
			"admin.http.host-port": at(adminPort),
			"collector.grpc-server.host-port": at(collectorPort),
			"collector.otlp.http.host-port": at(0),
			"collector.http-server.host-port": at(0),
			"query.grpc-server.host-port": at(0),
			"http-server.host-port": at(0),
			"processor.jaeger-binary.server-host-port": at(0),
			"processor.jaeger-compact.server-host-port": at(0),
			"processor.zipkin-compact.server-host-port": at(0),
		};
		const server = await startProcess({
			name: "Jaeger",
			command: binary,
			args: [...Object.entries(listeners).map(([name, value]) => `--${name}=${value}`), "--log-level=warn"],
			env: { ...process.env, SPAN_STORAGE_TYPE: "memory" },
			// It has nothing to save, and when asked politely it waits ten seconds for idle connections.
			stopSignal: "SIGKILL",
			ready: async () => (await fetch(`http://${at(adminPort)}/`)).ok,
		});
		return { otlpPort: otlpPort as number, queryUrl: `http://${at(queryPort)}`, stop: server.stop };
	});
}
