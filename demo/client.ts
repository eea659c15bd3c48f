import { once } from "node:events";
import http2 from "node:http2";
import https from "node:https";
import type { PeerCertificate } from "node:tls";
import type { Leaf } from "./pki.ts";

export interface ClientRequest {
	/** Of the listener, on 127.0.0.1. */
	readonly port: number;
	/** PEM of the authority that the listener's certificate must come from. */
	readonly authority: string;
	/** The URI name that the listener's certificate must carry, or the DNS name of a gateway's. */
	readonly server: string;
	/** The caller's own certificate; none when absent. */
	readonly certificate?: Pick<Leaf, "certificate" | "key">;
	/** `GET` by default. */
	readonly method?: string;
	/** Path and query, sent as they are: no dot segment is resolved, nothing is escaped. */
	readonly path: string;
	/** A header given as an array is sent once for each value. */
	readonly headers?: Readonly<Record<string, string | readonly string[]>>;
	readonly body?: string;
	/** The address of this machine that it is sent from; the system's choice by default. */
	readonly localAddress?: string;
	/** HTTP/1.1 by default. */
	readonly http2?: boolean;
	/** Milliseconds until it is given up, 15 s by default. */
	readonly timeoutMs?: number;
}

export interface ClientResponse {
	readonly status: number;
	/** By lower-case name; values of repeated headers joined with ", ". */
	readonly headers: Readonly<Record<string, string>>;
	readonly text: string;
	/** The text as JSON, when there is any and its content type says so. */
	readonly body: unknown;
}

const HOST = "127.0.0.1";

/**
 * Sends one request on a connection of its own. Throws what Node throws when there is no answer: the connection was refused,
 * the TLS handshake failed, or time ran out.
 */
export async function send(request: ClientRequest): Promise<ClientResponse> {
	const [status, headers, text] = await (request.http2 ? sendHttp2(request) : sendHttp1(request));
	const flat: Record<string, string> = {};
	for (const [name, value] of Object.entries(headers)) {
		if (value !== undefined && !name.startsWith(":"))
			flat[name] = Array.isArray(value) ? value.join(", ") : String(value);
	}
	const isJson = /^application\/([a-z]+\+)?json\b/.test(flat["content-type"] ?? "");
	return { status, headers: flat, text, body: isJson && text !== "" ? JSON.parse(text) : undefined };
}

type Answer = [status: number, headers: Record<string, unknown>, text: string];

function tlsOptions(request: ClientRequest) {
	return {
		ca: request.authority,
		...(request.localAddress !== undefined && { localAddress: request.localAddress }),
		...(request.certificate && { cert: request.certificate.certificate, key: request.certificate.key }),
		// In a mesh the URI name says who answers, not the host name.
		checkServerIdentity: (_host: string, certificate: PeerCertificate): Error | undefined => {
			const all = certificate.subjectaltname?.split(", ") ?? [];
			if (all.includes(`URI:${request.server}`) || all.includes(`DNS:${request.server}`)) return undefined;
			const names = all.filter((name) => name.startsWith("URI:"));
			return new Error(`the listener is ${names.join(", ") || "nameless"}, not ${request.server}`);
		},
	};
}

async function sendHttp1(request: ClientRequest): Promise<Answer> {
	const call = https.request({
		host: HOST,
		port: request.port,
		method: request.method ?? "GET",
		path: request.path,
		headers: request.headers as https.RequestOptions["headers"],
		agent: false,
		signal: AbortSignal.timeout(request.timeoutMs ?? 60_000),
		...tlsOptions(request),
	});
	call.end(request.body);
	const [response] = await once(call, "response");
	return [response.statusCode, response.headers, await readText(response)];
}

async function sendHttp2(request: ClientRequest): Promise<Answer> {
	const session = http2.connect(`https://${HOST}:${request.port}`, tlsOptions(request));
	try {
		const { host, ...headers } = request.headers ?? {};
		const call = session.request(
			{
				":method": request.method ?? "GET",
				":path": request.path,
				...(host !== undefined && { ":authority": host as string }),
				...(headers as http2.OutgoingHttpHeaders),
			},
			{ endStream: request.body === undefined, signal: AbortSignal.timeout(request.timeoutMs ?? 60_000) },
		);
		if (request.body !== undefined) call.end(request.body);
		// A failed handshake is told to the session; the stream then only says that it was cancelled.
		const broken = once(session, "error").then(([error]) => Promise.reject(error));
		const [headersReceived] = await Promise.race([once(call, "response"), broken]);
		broken.catch(() => {});
		return [headersReceived[":status"], headersReceived, await readText(call)];
	} finally {
		session.destroy();
	}
}

async function readText(stream: AsyncIterable<Buffer>): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of stream) chunks.push(chunk);
	return Buffer.concat(chunks).toString("utf8");
}
