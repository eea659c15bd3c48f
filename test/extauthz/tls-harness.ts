/** A server with mutual TLS, and what connects to it. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { ChannelCredentials } from "@grpc/grpc-js";
import { type Authority, createAuthority, type Leaf } from "../../demo/pki.ts";
import type { FirebreakError } from "../../src/core/errors.ts";
import type { GrpcServer, GrpcServerOptions } from "../../src/extauthz/server.ts";
import type { TlsFiles } from "../../src/extauthz/tls.ts";
import { codeName, type TestClient } from "./client.ts";
import { checkOf, ORDERS } from "./fixtures.ts";
import { ALLOWED, Harness, portOf } from "./harness.ts";

export const FIREBREAK = "spiffe://prod.example.org/ns/firebreak/sa/firebreak";
export const RELOAD_MS = 20;

export interface Pki {
	readonly authority: Authority;
	/** Another one, that signs nothing of the first. */
	readonly other: Authority;
	readonly server: Leaf;
	/** Of orders' proxy. */
	readonly proxy: Leaf;
}

export async function createPki(): Promise<Pki> {
	const [authority, other] = await Promise.all([createAuthority("one"), createAuthority("other")]);
	const server = await authority.issue({ uris: [FIREBREAK], dns: ["firebreak"] });
	return { authority, other, server, proxy: await authority.issue({ uris: [ORDERS] }) };
}

/** How a handshake ended. */
export interface Handshake {
	readonly version: string | null;
	readonly session: Buffer;
	readonly resumed: boolean;
}

export class TlsHarness extends Harness {
	readonly files: TlsFiles;
	/** Who asked, in order. */
	readonly enforcers: (string | null)[] = [];
	readonly reloads: (FirebreakError | null)[] = [];
	readonly #pki: Pki;
	#server: GrpcServer | null = null;

	constructor(pki: Pki) {
		super();
		this.#pki = pki;
		const at = (name: string) => join(this.directory, name);
		this.files = { cert: at("cert"), key: at("key"), clientCa: at("ca") };
		this.write(pki.server, pki.authority);
	}

	write(leaf: Leaf, authority: Authority): void {
		this.replace("cert", leaf.certificate);
		this.replace("key", leaf.key);
		this.replace("clientCa", authority.certificate);
	}

	/** In one step, as a careful renewal does. */
	replace(file: keyof TlsFiles, text: string): void {
		const path = this.files[file];
		writeFileSync(`${path}.new`, text);
		renameSync(`${path}.new`, path);
	}

	async serve({ limits, ...options }: Partial<GrpcServerOptions> = {}): Promise<GrpcServer> {
		this.#server = await this.start(
			(_request, { enforcer }) => {
				this.enforcers.push(enforcer);
				return ALLOWED;
			},
			{
				tls: this.files,
				onTlsReload: (error) => this.reloads.push(error),
				...options,
				limits: { tlsReloadMs: RELOAD_MS, ...limits },
			},
		);
		return this.#server;
	}

	get port(): number {
		return portOf(this.#server as GrpcServer);
	}

	/** A connection of its own each time; null: without a certificate. */
	proxy(leaf: Leaf | null = this.#pki.proxy, trusted: Authority = this.#pki.authority): TestClient {
		const root = Buffer.from(trusted.certificate);
		const credentials = leaf
			? ChannelCredentials.createSsl(root, Buffer.from(leaf.key), Buffer.from(leaf.certificate))
			: ChannelCredentials.createSsl(root);
		return this.client(this.#server as GrpcServer, credentials, { "grpc.ssl_target_name_override": "firebreak" });
	}

	plain(): TestClient {
		return this.client(this.#server as GrpcServer);
	}

	clientTls(): ConnectionOptions {
		const { authority, proxy } = this.#pki;
		const names = { servername: "firebreak", ALPNProtocols: ["h2"] };
		return { ca: authority.certificate, cert: proxy.certificate, key: proxy.key, ...names };
	}

	/** Null when the server refused. With TLS 1.3 it is the server's first words that say that it did not. */
	handshake(options: ConnectionOptions): Promise<Handshake | null> {
		return new Promise((resolve) => {
			let session: Buffer = Buffer.alloc(0);
			const socket = connectTls({ host: "127.0.0.1", port: this.port, ...this.clientTls(), ...options });
			socket.on("session", (ticket: Buffer) => {
				session = ticket;
			});
			socket.once("data", () => {
				resolve({ version: socket.getProtocol(), session, resumed: socket.isSessionReused() });
				socket.destroy();
			});
			socket.once("error", () => resolve(null));
			socket.once("close", () => resolve(null));
		});
	}
}

/** "OK", or the name of the code of the error. */
export const ask = (client: TestClient): Promise<string> =>
	client.check(checkOf()).then(
		() => "OK",
		(error) => codeName(error),
	);
