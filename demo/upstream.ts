import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** What an upstream answers: the request as it arrived, so that anyone can see what the proxy let through and added. */
export interface Echo {
	readonly service: string;
	readonly method: string;
	/** Path and query, untouched. */
	readonly path: string;
	/** By lower-case name; values of repeated headers joined with ", ". */
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
}

/** A small service behind its proxy, on plain HTTP: it answers everything with 200 and an `Echo`. */
export interface Upstream {
	readonly service: string;
	readonly port: number;
	/** Requests that reached it. */
	requests(): number;
	stop(): Promise<void>;
}

/** Longer than anything here lasts. */
const KEPT_MS = 3_600_000;

export async function startUpstream(service: string): Promise<Upstream> {
	let requests = 0;
	// What is too large is for the proxy and Firebreak to say.
	const server = createServer({ maxHeaderSize: 131_072 }, async (request, response) => {
		requests++;
		const echo: Echo = {
			service,
			method: request.method ?? "",
			path: request.url ?? "",
			headers: joinHeaders(request.rawHeaders),
			body: await readBody(request),
		};
		response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(echo));
	});
	// Envoy may send a request on a kept connection at the very moment at which Node closes it, and answers 503 then.
	server.keepAliveTimeout = KEPT_MS;
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		service,
		port: (server.address() as AddressInfo).port,
		requests: () => requests,
		async stop() {
			if (!server.listening) return;
			server.close();
			server.closeAllConnections();
			await once(server, "close");
		},
	};
}

function joinHeaders(raw: readonly string[]): Record<string, string> {
	const headers: Record<string, string> = {};
	for (let i = 0; i + 1 < raw.length; i += 2) {
		const name = (raw[i] as string).toLowerCase();
		const value = raw[i + 1] as string;
		headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
	}
	return headers;
}

async function readBody(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString("utf8");
}
