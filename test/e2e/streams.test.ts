/** Probes, upgrades and what bounds them, through a real Envoy. */
import { once } from "node:events";
import { createServer } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { send } from "../../demo/client.ts";
import type { RunningEnvoy } from "../../demo/envoy.ts";
import { type Edge, startEdge, wordsOf } from "../support/edge.ts";
import { domain, policy, type Rows, segment } from "../support/policy-set.ts";
import { type Certified, Proxies } from "../support/proxies.ts";
import { spiffe } from "../support/requests.ts";

const allow = (name: string, destination: string, more: object) =>
	policy({ name, source: "orders", destination, ...more });
const ROWS: Rows = {
	domains: [domain({ name: "internal", flow: "mtls" })],
	segments: [
		segment({ name: "orders" }),
		segment({ name: "chat", probes: ["/healthz"] }),
		segment({ name: "plain", probes: ["/healthz"] }),
	],
	policies: [
		allow("sockets", "chat", { paths: ["/socket"], upgrade: "websocket" }),
		allow("pages", "chat", { paths: ["/page"] }),
		allow("everything", "plain", { paths: ["/**"], methods: ["*"] }),
	],
};
/** The same, and nothing is allowed any more. */
const REVOKED: Rows = { ...ROWS, policies: [] };

let proxies: Proxies;
let edge: Edge;
let envoy: RunningEnvoy;
/** The same, and no stream of its lives longer than five seconds: enough for a slow machine to open one. */
let hasty: RunningEnvoy;
let orders: Certified;

beforeAll(async () => {
	proxies = await Proxies.create();
	orders = await proxies.certify("orders", { uris: [spiffe("orders")] });
	edge = await startEdge({ rows: ROWS });
	proxies.defer(edge.stop);
	const web = await startWebSockets();
	proxies.defer(web.stop);
	const sidecars = await Promise.all(
		["chat", "plain"].map(async (name) => ({
			name,
			files: (await proxies.certify(name, { uris: [spiffe(name)] })).files,
			upstreamPort: web.port,
		})),
	);
	const setting = { sidecars, firebreak: { port: edge.port }, upgrades: ["websocket", "telemetry"] };
	envoy = await proxies.start(setting);
	hasty = await proxies.start({ ...setting, maxStreamDurationMs: 5_000 });
});
afterAll(async () => {
	await proxies?.stop();
});

const lastAnswer = () => wordsOf((edge.judged.at(-1) as Edge["judged"][number]).decision);

describe("probes", () => {
	const probe = async (path: string, method = "GET", http2 = false) => {
		const { status: got } = await send({
			port: envoy.port("chat"),
			authority: proxies.authority.certificate,
			server: spiffe("chat"),
			method,
			path,
			http2,
		});
		return [got, lastAnswer()];
	};

	test.each([
		["/healthz", "GET"],
		["/healthz", "HEAD"],
		["/healthz?verbose=1", "GET"],
	])("%s by %s", async (path, method) => {
		expect(await probe(path, method)).toEqual([200, "allowed_probe"]);
		expect(await probe(path, method, true)).toEqual([200, "allowed_probe"]);
	});

	test.each([
		["/healthz", "POST"],
		["/healthz", "OPTIONS"],
		["/healthz", "DELETE"],
		["/healthz/", "GET"],
		["/healthz/x", "GET"],
		["/HEALTHZ", "GET"],
		["/health", "GET"],
		["/x?/healthz", "GET"],
	])("not %s by %s", async (path, method) => {
		expect(await probe(path, method)).toEqual([401, "identity_missing"]);
		expect(await probe(path, method, true)).toEqual([401, "identity_missing"]);
	});

	test.each([["/%68ealthz"], ["//healthz"], ["/x/../healthz"], ["/healthz;x"]])("not %s", async (path) => {
		const [got, answer] = await probe(path);
		expect(got).toBe(400);
		expect(answer).toMatch(/^ambiguous_request /);
	});
});

interface Opened {
	readonly status: number;
	/** What comes over the stream, once it is open. */
	readonly stream: Duplex;
	readonly close: () => void;
}

/** An upgrade of HTTP/1.1. */
async function upgrade(name: string, path: string, protocol = "websocket", through = envoy): Promise<Opened> {
	const socket = connectTls({
		...{ host: "127.0.0.1", port: through.port(name), ca: proxies.authority.certificate, cert: orders.certificate },
		...{ key: orders.key, ALPNProtocols: ["http/1.1"], checkServerIdentity: () => undefined },
	});
	await once(socket, "secureConnect");
	const key = "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
	socket.write(`GET ${path} HTTP/1.1\r\nhost: chat\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n${key}\r\n\r\n`);
	const [head] = (await once(socket, "data")) as [Buffer];
	return { status: Number(head.toString("latin1", 9, 12)), stream: socket, close: () => socket.destroy() };
}

/** An extended CONNECT of HTTP/2 (RFC 8441). */
async function extendedConnect(name: string, path: string, protocol = "websocket", through = envoy): Promise<Opened> {
	const session = connectHttp2(`https://127.0.0.1:${through.port(name)}`, {
		...{ ca: proxies.authority.certificate, cert: orders.certificate, key: orders.key },
		checkServerIdentity: () => undefined,
	});
	session.on("error", () => {});
	await once(session, "remoteSettings");
	const stream = session.request(
		{ ":method": "CONNECT", ":protocol": protocol, ":path": path, ":authority": "chat" },
		{ endStream: false },
	);
	stream.on("error", () => {});
	const [headers] = (await once(stream, "response")) as [Readonly<Record<string, unknown>>];
	return { status: Number(headers[":status"]), stream, close: () => session.destroy() };
}

describe.each([
	["HTTP/1.1", upgrade, 101],
	["HTTP/2", extendedConnect, 200],
] as const)("upgrades of %s", (_version, open, switched) => {
	const tried = async (name: string, path: string, protocol?: string) => {
		const { status: got, close } = await open(name, path, protocol);
		close();
		return [got, lastAnswer()];
	};

	test("pass where a policy names the protocol, and bytes flow", async () => {
		const { status: got, stream, close } = await open("chat", "/socket");
		expect([got, lastAnswer()]).toEqual([switched, "allowed"]);
		stream.write("ping");
		const [chunk] = (await once(stream, "data")) as [Buffer];
		expect(chunk.toString()).toBe("echo ping");
		close();
	});

	test("pass nowhere else", async () => {
		// Another path of a service that has them; a probe; a service that has none, though everything is allowed.
		expect(await tried("chat", "/page")).toEqual([403, "no_policy"]);
		expect(await tried("chat", "/healthz")).toEqual([403, "no_policy"]);
		expect(await tried("plain", "/socket")).toEqual([400, "ambiguous_request upgrade"]);
		expect(await tried("plain", "/healthz")).toEqual([400, "ambiguous_request upgrade"]);
		expect(await tried("chat", "/socket", "telemetry")).toEqual([400, "ambiguous_request upgrade"]);
	});

	test("a policy that names one covers no plain request", async () => {
		const call = {
			port: envoy.port("chat"),
			authority: proxies.authority.certificate,
			server: spiffe("chat"),
			certificate: orders,
		};
		expect((await send({ ...call, path: "/socket" })).status).toBe(403);
		expect(lastAnswer()).toBe("no_policy");
		expect((await send({ ...call, path: "/page" })).status).toBe(200);
	});

	test("one that is open goes on when its policy is gone, and the next is refused", async () => {
		const { stream, close } = await open("chat", "/socket");
		try {
			edge.adopt(REVOKED);
			expect(await tried("chat", "/socket")).toEqual([400, "ambiguous_request upgrade"]);
			stream.write("still there");
			const [chunk] = (await once(stream, "data")) as [Buffer];
			expect(chunk.toString()).toBe("echo still there");
		} finally {
			edge.adopt(ROWS);
			close();
		}
	});

	test("max_stream_duration ends one that is open", async () => {
		const { status: got, stream, close } = await open("chat", "/socket", "websocket", hasty);
		expect(got).toBe(switched);
		stream.resume();
		await new Promise((resolve) => stream.once("close", resolve));
		close();
	});
});

/** Switches to anything, and echoes what comes. */
async function startWebSockets() {
	const open = new Set<Duplex>();
	const server = createServer((_request, response) => response.end());
	server.on("upgrade", (request, socket) => {
		open.add(socket);
		socket.on("error", () => {}).on("close", () => open.delete(socket));
		socket.write(
			`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${request.headers.upgrade}\r\n\r\n`,
		);
		socket.on("data", (chunk) => socket.write(`echo ${chunk}`));
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		port: (server.address() as AddressInfo).port,
		async stop() {
			for (const socket of open) socket.destroy();
			server.close();
			server.closeAllConnections();
			await once(server, "close");
		},
	};
}
