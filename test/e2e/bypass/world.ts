/** One Envoy with a listener for every combination of its settings, in front of one service. */

import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { startEnvoy } from "../../../demo/envoy.ts";
import type { SidecarOptions } from "../../../demo/envoy-options.ts";
import { type Authority, createAuthority, type Leaf } from "../../../demo/pki.ts";
import { createWorkspace } from "../../../demo/workspace.ts";
import { CALLERS } from "../../cases/bypass/callers.ts";
import type { Conditions, Crafted, Outcome } from "../../cases/bypass/case.ts";
import { BYPASS_ROWS } from "../../cases/bypass/policies.ts";
import { type Edge, startEdge, toldHeader, wordsOf } from "../../support/edge.ts";
import { sendFrames } from "../../support/raw-http2.ts";
import { sendRaw, statusesOf } from "../../support/raw-request.ts";
import { spiffe } from "../../support/requests.ts";

const BOTH = [false, true];
export const CONDITIONS: readonly Conditions[] = ([1, 2] as const).flatMap((http) =>
	BOTH.flatMap((normalize) =>
		BOTH.flatMap((mergeSlashes) => BOTH.map((rawHeaders) => ({ http, normalize, mergeSlashes, rawHeaders }))),
	),
);

const listenerOf = ({ normalize, mergeSlashes, rawHeaders }: Conditions) =>
	`payments-${[normalize, mergeSlashes, rawHeaders].map(Number).join("")}`;

export interface BypassWorld {
	/** Sends one request and says what came of it. */
	send(crafted: Crafted, conditions: Conditions): Promise<Outcome>;
	readonly edge: Edge;
	readonly authority: Authority;
	stop(): Promise<void>;
}

const MARK = "x-case";

export async function startBypassWorld(): Promise<BypassWorld> {
	const resources = new AsyncDisposableStack();
	try {
		const workspace = createWorkspace("bypass");
		resources.defer(workspace.remove);
		const authority = await createAuthority();
		const payments = await authority.issue({ uris: [spiffe("payments")] });
		const callers = new Map<string, Leaf>();
		for (const [name, uri] of Object.entries(CALLERS)) callers.set(name, await authority.issue({ uris: [uri] }));
		const edge = await startEdge({ rows: BYPASS_ROWS });
		resources.defer(edge.stop);
		const upstream = await startRecorder();
		resources.defer(upstream.stop);
		const files = {
			certificate: workspace.write("payments.pem", payments.certificate),
			key: workspace.write("payments.key", payments.key),
		};
		const sidecars = CONDITIONS.filter(({ http }) => http === 1).map(
			(conditions): SidecarOptions => ({
				name: listenerOf(conditions),
				files,
				upstreamPort: upstream.port,
				rawHeaders: conditions.rawHeaders,
				paths: { ...conditions, rejectEscapedSlashes: false },
				forwardedClientCert: "FORWARD_ONLY",
			}),
		);
		const envoy = await startEnvoy(workspace, {
			sidecars,
			firebreak: { port: edge.port },
			authorityFile: workspace.write("authority.pem", authority.certificate),
			accessLogFile: `${workspace.path}/access.log`,
			upgrades: ["websocket"],
			// A machine that has other things to do, too.
			authorizationTimeoutMs: 30_000,
		});
		resources.defer(envoy.stop);
		let cases = 0;
		return {
			edge,
			authority,
			stop: () => resources.disposeAsync(),
			async send(crafted, conditions) {
				const mark = String(++cases);
				const { from = "orders" } = crafted;
				const certificate = from === null ? null : (callers.get(from) as Leaf);
				const target = { port: envoy.port(listenerOf(conditions)), authority: authority.certificate, certificate };
				const statuses =
					conditions.http === 1
						? statusesOf(await sendRaw(target, headOf(crafted, mark)))
						: [await sendFrames(target, headersOf(crafted, mark), crafted.body)];
				const asked = edge.judged.filter(({ check }) => toldHeader(check, MARK) === mark);
				const seen = upstream.seen.get(mark) ?? [];
				const outcome = outcomeOf(asked, seen);
				// Not even a refusal of its own is Envoy's word that it could not ask.
				const wrong = statuses.filter((status) => status !== null && (status >= 500 || Number.isNaN(status)));
				if (wrong.length > 0) throw new Error(`${outcome}, and then ${wrong}`);
				return outcome;
			},
		};
	} catch (error) {
		await resources.disposeAsync();
		throw error;
	}
}

/** Throws when the service saw anything else than what was allowed. */
function outcomeOf(asked: Edge["judged"], seen: readonly Seen[]): Outcome {
	if (asked.length > 1) throw new Error("asked more than once");
	const [first] = asked;
	const http = first?.check.attributes?.request?.http;
	const allowed = first?.decision.allow
		? [{ method: http?.method, path: http?.path, host: http?.host, upgrade: undefined }]
		: [];
	if (JSON.stringify(seen) !== JSON.stringify(allowed)) {
		throw new Error(`the service saw ${JSON.stringify(seen)}, and ${JSON.stringify(allowed)} was allowed`);
	}
	return first ? wordsOf(first.decision) : "envoy";
}

function headOf(
	{ method = "GET", target, host = "payments.example.org", headers = [], body = "" }: Crafted,
	mark: string,
): Buffer {
	const lines = [
		`${method} ${target} HTTP/1.1`,
		`host: ${host}`,
		`${MARK}: ${mark}`,
		...headers.map(([name, value]) => `${name}: ${value}`),
		...(headers.some(([name]) => name === "connection") ? [] : ["connection: close"]),
	];
	return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`, "latin1");
}

function headersOf(crafted: Crafted, mark: string) {
	const { method = "GET", target, host = "payments.example.org", scheme = "https", headers = [] } = crafted;
	return [
		[":method", method],
		[":scheme", scheme],
		[":path", target],
		[":authority", host],
		...headers.filter(([name]) => name.startsWith(":")),
		[MARK, mark],
		...headers.filter(([name]) => !name.startsWith(":")),
	] as const;
}

/** What a service was asked. */
interface Seen {
	readonly method: string | undefined;
	readonly path: string | undefined;
	readonly host: string | undefined;
	readonly upgrade: string | undefined;
}

/** A service that keeps what it was asked, by mark. */
async function startRecorder() {
	const seen = new Map<string, Seen[]>();
	const keep = ({ headers, method, url }: IncomingMessage) => {
		const mark = String(headers[MARK]);
		const { host, upgrade } = headers;
		seen.set(mark, [...(seen.get(mark) ?? []), { method, path: url, host, upgrade }]);
	};
	const server = createServer({ insecureHTTPParser: true, maxHeaderSize: 131_072 }, (request, response) => {
		keep(request);
		response.end();
	});
	server.on("upgrade", (request, socket) => {
		keep(request);
		socket.destroy();
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		seen,
		port: (server.address() as AddressInfo).port,
		async stop() {
			server.close();
			server.closeAllConnections();
			await once(server, "close");
		},
	};
}
