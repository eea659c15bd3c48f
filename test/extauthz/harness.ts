/** Servers and clients of one test, and their end. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ListenAddress } from "../../src/extauthz/listen.ts";
import { type GrpcServer, type GrpcServerOptions, startGrpcServer } from "../../src/extauthz/server.ts";
import type { CheckResponse } from "../../src/extauthz/wire.ts";
import { connect, type TestClient } from "./client.ts";

export const LOOPBACK: ListenAddress = { kind: "tcp", host: "127.0.0.1", port: 0 };
export const ALLOWED: CheckResponse = { allowed: true, headers: [], headersToRemove: [], metadata: {} };
/** How `FAILED` reads to a proxy. */
export const FAILURE = { status: { code: 13 }, deniedResponse: { status: { code: 500 } } };

export class Harness {
	readonly directory = mkdtempSync(join(tmpdir(), "firebreak-grpc-"));
	/** What servers told of. */
	readonly errors: unknown[] = [];
	readonly #servers: GrpcServer[] = [];
	readonly #clients: TestClient[] = [];

	async start(
		check: GrpcServerOptions["check"] = () => ALLOWED,
		options: Partial<GrpcServerOptions> = {},
	): Promise<GrpcServer> {
		const server = await startGrpcServer({
			address: LOOPBACK,
			tls: null,
			check,
			onError: (error) => this.errors.push(error),
			onTlsReload: () => {},
			...options,
			// Here clients and server share one event loop, which says nothing of the server's load.
			limits: { shedDelayMs: 600_000, ...options.limits },
		});
		this.#servers.push(server);
		return server;
	}

	client(
		server: GrpcServer,
		...more: Parameters<typeof connect> extends [unknown, ...infer Rest] ? Rest : never
	): TestClient {
		const client = connect(server.address, ...more);
		this.#clients.push(client);
		return client;
	}

	async end(): Promise<void> {
		for (const client of this.#clients) client.close();
		await Promise.all(this.#servers.map((server) => server.drain({ noticeMs: 0, timeoutMs: 0 })));
		rmSync(this.directory, { recursive: true, force: true });
	}
}

export const portOf = (server: GrpcServer): number => (server.address as { port: number }).port;

export async function until(condition: () => boolean): Promise<void> {
	while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
