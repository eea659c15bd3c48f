/** The public listener: published keys for everybody, the token endpoint for workloads with a certificate. */

import { constants } from "node:crypto";
import { chmodSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { canonicalAddress } from "../core/canonical/address.ts";
import { FirebreakError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { clearSocket } from "../socket-file.ts";
import { type TlsFiles, TlsFollower, type TlsSettings } from "../tls/files.ts";
import { clientOf } from "./client.ts";
import { readForm } from "./form.ts";
import { jwksDocument } from "./jwks.ts";
import { OAuthError } from "./oauth-error.ts";
import { type Exchanged, exchangeToken, type TokenEndpointOptions } from "./token-endpoint.ts";

export type PublicAddress =
	| { readonly kind: "tcp"; readonly host: string; readonly port: number }
	| { readonly kind: "unix"; readonly path: string };

export interface PublicOptions extends TokenEndpointOptions {
	readonly address: PublicAddress;
	/** Null only where nobody else can connect: then there are no certificates, and no exchange. */
	readonly tls: TlsFiles | null;
	readonly events: PublicEvents;
	/** At once. Default: LIMITS.publicConnections. */
	readonly connections?: number;
	/** Default: LIMITS.tlsReloadMs. */
	readonly tlsReloadMs?: number;
}

/** They must not throw, and are told no token. */
export interface PublicEvents {
	exchanged(exchanged: Exchanged): void;
	/** `client` is a SPIFFE ID, or null. */
	refused(code: string, detail: string, client: string | null): void;
	/** A bug or an outage. */
	failed(error: unknown): void;
	/** Null: new handshakes use new certificates; else why the old ones stay. */
	tlsReloaded(error: FirebreakError | null): void;
}

export interface PublicServer {
	/** With the port that it got. */
	readonly address: PublicAddress;
	/** Takes no more connections, and resolves when those under way are closed. */
	stop(): Promise<void>;
}

const OBJECT = "FIREBREAK_PUBLIC_ADDR";
const TLS_SETTINGS: TlsSettings = {
	cert: "FIREBREAK_PUBLIC_TLS_CERT",
	key: "FIREBREAK_PUBLIC_TLS_KEY",
	clientCa: "FIREBREAK_PUBLIC_TLS_CLIENT_CA",
};
/** Owner and group may connect. */
const SOCKET_MODE = 0o660;

/** @throws FirebreakError config_invalid when the address or the certificates cannot be used. */
export async function startPublicServer(options: PublicOptions): Promise<PublicServer> {
	const follower = options.tls === null ? null : new TlsFollower(options.tls, TLS_SETTINGS);
	const server = follower === null ? createServer(HTTP) : secured(follower, options);
	server.on("request", (request, response) => void answer(options, request, response));
	// What is no HTTP at all: nothing to tell, and nothing to quote.
	server.on("clientError", (_error, socket) => socket.destroy());
	server.maxConnections = options.connections ?? LIMITS.publicConnections;
	try {
		const address = await listen(server, options.address);
		return {
			address,
			async stop() {
				follower?.close();
				const closed = new Promise<void>((resolve) => server.close(() => resolve()));
				server.closeIdleConnections();
				setTimeout(() => server.closeAllConnections(), LIMITS.publicRequestMs).unref();
				await closed;
			},
		};
	} catch (error) {
		follower?.close();
		throw error;
	}
}

const HTTP = {
	requestTimeout: LIMITS.publicRequestMs,
	headersTimeout: LIMITS.publicRequestMs,
	keepAliveTimeout: LIMITS.publicRequestMs,
	connectionsCheckingInterval: LIMITS.publicRequestMs / 2,
};

/**
 * A certificate is asked for and not demanded: keys are for everybody. Sessions are not resumed, so that every connection
 * is judged by the authorities of its own time.
 */
function secured(follower: TlsFollower, { events, tlsReloadMs }: PublicOptions): TlsServer {
	const fixed = { requestCert: true, rejectUnauthorized: false, secureOptions: constants.SSL_OP_NO_TICKET };
	const handshakeTimeout = LIMITS.tlsHandshakeMs;
	const server = createTlsServer({ ...HTTP, ...follower.options, ...fixed, handshakeTimeout });
	follower.follow((changed) => {
		if (changed instanceof FirebreakError) return events.tlsReloaded(changed);
		server.setSecureContext({ ...changed, secureOptions: fixed.secureOptions });
		events.tlsReloaded(null);
	}, tlsReloadMs);
	server.on("tlsClientError", (_error, socket) => socket.destroy());
	return server;
}

async function answer(options: PublicOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
	response.setHeader("x-content-type-options", "nosniff");
	// Targets are compared as they were sent: an alias of a path is another path.
	const path = (request.url ?? "").split("?", 1)[0];
	if (path === "/.well-known/jwks.json") return sendKeys(options, request, response);
	if (path === "/oauth/token") return sendToken(options, request, response);
	return send(request, response, 404, { error: "not_found" });
}

function sendKeys(options: PublicOptions, request: IncomingMessage, response: ServerResponse): void {
	if (request.method !== "GET" && request.method !== "HEAD") {
		response.setHeader("allow", "GET, HEAD");
		return send(request, response, 405, { error: "method_not_allowed" });
	}
	const query = new URLSearchParams((request.url ?? "").split("?", 2)[1]);
	const [domain = null, ...others] = query.getAll("domain");
	if (others.length > 0) return send(request, response, 400, { error: "invalid_request" });
	const { body, etag } = jwksDocument(options.view().lane, options.clock(), domain);
	response.setHeader("cache-control", `public, max-age=${LIMITS.publicJwksSeconds}`);
	response.setHeader("etag", etag);
	const held = (request.headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
	if (held.includes(etag) || held.includes("*")) {
		response.writeHead(304).end();
		return;
	}
	response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
	response.end(request.method === "HEAD" ? undefined : body);
}

async function sendToken(options: PublicOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
	const { events } = options;
	const client = clientOf(request.socket);
	response.setHeader("cache-control", "no-store");
	try {
		if (request.method !== "POST") {
			response.setHeader("allow", "POST");
			return send(request, response, 405, { error: "invalid_request" });
		}
		// One way to authenticate, and it is the connection (RFC 6749, 2.3).
		if (request.headers.authorization !== undefined) throw new OAuthError("invalid_request", "two_authentications");
		const body = await readBody(request);
		const form = body && readForm(request.headers["content-type"], body);
		if (!form) throw new OAuthError("invalid_request", body === null ? "size" : "form");
		const address = canonicalAddress(request.socket.remoteAddress ?? "");
		const { body: told, exchanged } = await exchangeToken(options, client, address, form);
		events.exchanged(exchanged);
		send(request, response, 200, told);
	} catch (error) {
		const refusal = error instanceof OAuthError ? error : outageOf(error);
		if (error instanceof OAuthError) events.refused(error.code, error.detail, client?.principal ?? null);
		else events.failed(error);
		if (refusal.retryAfter !== null) response.setHeader("retry-after", Math.ceil(refusal.retryAfter));
		send(request, response, refusal.status, refusal.body);
	}
}

function outageOf(error: unknown): OAuthError {
	return new OAuthError(error instanceof FirebreakError ? "temporarily_unavailable" : "server_error", "failed");
}

/** Null when it is larger than it may be; what is left of it is not read. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
		size += chunk.length;
		if (size > LIMITS.publicBodyBytes) return null;
		chunks.push(chunk);
	}
	return Buffer.concat(chunks);
}

function send(request: IncomingMessage, response: ServerResponse, status: number, body: object): void {
	if (response.destroyed || response.headersSent) return;
	// A body that was not read to its end would be taken for the next request.
	if (!request.complete) response.setHeader("connection", "close");
	const text = JSON.stringify(body);
	response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
	response.end(text);
}

async function listen(server: Server | TlsServer, address: PublicAddress): Promise<PublicAddress> {
	try {
		if (address.kind === "unix") {
			await clearSocket(address.path, OBJECT);
			await listening(server, { path: address.path });
			chmodSync(address.path, SOCKET_MODE);
			return address;
		}
		await listening(server, { host: address.host, port: address.port });
		const bound = server.address();
		return typeof bound === "object" && bound !== null ? { ...address, port: bound.port } : address;
	} catch (cause) {
		if (cause instanceof FirebreakError) throw cause;
		const message = `it cannot be listened on (${(cause as NodeJS.ErrnoException).code ?? "unknown"})`;
		throw new FirebreakError("config_invalid", "the public side cannot listen", {
			problems: [{ object: OBJECT, message, cure: "choose a free address of this machine" }],
			cause,
		});
	}
}

function listening(
	server: Server | TlsServer,
	place: { path: string } | { host: string; port: number },
): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(place, () => {
			server.off("error", reject);
			resolve();
		});
	});
}
