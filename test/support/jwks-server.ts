/** An issuer's JWKS endpoint on loopback that can misbehave in every way that matters. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export class JwksServer {
	requests = 0;
	/** What it does with the next requests. */
	answer: Answer = (response) => response.writeHead(500).end();
	readonly #server: Server;

	private constructor(server: Server) {
		this.#server = server;
	}

	static async start(): Promise<JwksServer> {
		const server = createServer();
		const endpoint = new JwksServer(server);
		server.on("request", (request, response) => {
			endpoint.requests++;
			endpoint.answer(response, request);
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		return endpoint;
	}

	get uri(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks`;
	}

	/** Answers with this document from now on. */
	serve(document: unknown): void {
		const text = typeof document === "string" ? document : JSON.stringify(document);
		this.answer = (response) => response.writeHead(200, { "content-type": "application/json" }).end(text);
	}

	async stop(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((resolve) => this.#server.close(resolve));
	}
}
