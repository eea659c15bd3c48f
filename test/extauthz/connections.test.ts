/** Connections that say nothing: none keeps its place for long, and none keeps a proxy out. */
import { EventEmitter, once } from "node:events";
import type { Http2Server } from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { LIMITS } from "../../src/core/limits.ts";
import { Connections, type Drop } from "../../src/extauthz/connections.ts";
import type { GrpcServer } from "../../src/extauthz/server.ts";
import { PREFACE } from "../support/http2-frames.ts";
import { until } from "../support/wait.ts";
import type { TestClient } from "./client.ts";
import { Harness, portOf } from "./harness.ts";
import { ask, createPki, type Pki, TlsHarness } from "./tls-harness.ts";

const NEVER = 600_000;
let pki: Pki;
let harness: TlsHarness;
let server: GrpcServer;
let drops: Drop[];
const sockets: Socket[] = [];

beforeAll(async () => {
	pki = await createPki();
});
beforeEach(() => {
	harness = new TlsHarness(pki);
	drops = [];
});
afterEach(async () => {
	for (const socket of sockets.splice(0)) socket.destroy();
	await harness.end();
});

const begin = async (limits: { tlsHandshakeMs?: number; grpcConnections?: number }) => {
	server = await harness.serve({ limits, onDrop: (drop) => drops.push(drop) });
};
const dropped = () => server.connections().dropped;

/** A connection of which we know when it is over; what comes is thrown away. */
function kept(socket: Socket): { ended: boolean } {
	const state = { ended: false };
	sockets.push(socket);
	socket.on("error", () => {});
	socket.on("close", () => {
		state.ended = true;
	});
	socket.resume();
	return state;
}
const silent = (port = harness.port) => kept(connect({ port, host: "127.0.0.1" }));
const secured = () => {
	const socket = connectTls({ host: "127.0.0.1", port: harness.port, ...harness.clientTls() });
	return { state: kept(socket), ready: once(socket, "secureConnect").then(() => socket) };
};

/** What a client says first. */
async function clientHello(): Promise<Buffer> {
	const listener = createServer().listen(0, "127.0.0.1");
	await once(listener, "listening");
	const { port } = listener.address() as { port: number };
	kept(connectTls({ host: "127.0.0.1", port, ...harness.clientTls() }));
	const [socket] = (await once(listener, "connection")) as [Socket];
	const [hello] = (await once(socket, "data")) as [Buffer];
	socket.destroy();
	listener.close();
	return hello;
}

describe("a connection that does not begin is closed in time", () => {
	let ms: number;
	let proxy: TestClient;
	/** A time as short as a proxy's handshakes allow on this machine, however slow it is. */
	beforeEach(async () => {
		for (ms = 300; ; ms *= 4) {
			drops = [];
			await begin({ tlsHandshakeMs: ms });
			proxy = harness.proxy();
			if ((await ask(proxy)) === "OK" && drops.length === 0) return;
		}
	});

	test.each<[string, () => Promise<{ readonly ended: boolean }>]>([
		["TCP, and then silence", async () => silent()],
		[
			"a TLS handshake that comes byte by byte",
			async () => {
				const hello = await clientHello();
				const state = silent();
				const socket = sockets.at(-1)!;
				for (const byte of hello) {
					if (state.ended) break;
					socket.write(Uint8Array.of(byte));
					await new Promise((resolve) => setTimeout(resolve, ms / 10));
				}
				return state;
			},
		],
		[
			"a proxy's handshake, and then silence",
			async () => {
				const { state, ready } = secured();
				await ready;
				return state;
			},
		],
		[
			"a proxy's handshake, and HTTP/2's preface without SETTINGS",
			async () => {
				const { state, ready } = secured();
				(await ready).write(PREFACE);
				return state;
			},
		],
	])("%s; one that began is not", async (_what, open) => {
		const state = await open();
		await until("it is closed", () => state.ended);
		expect(drops).toEqual([{ cause: "handshake", address: "127.0.0.1" }]);
		expect(dropped()).toEqual({ limit: 0, displaced: 0, handshake: 1 });
		// The proxy's alone, silent for as long.
		expect(server.connections().open).toBe(1);
		expect(await ask(proxy)).toBe("OK");
		expect(server.connections().open).toBe(1);
	});

	test("the same over a socket with TLS, where peers have no address", async () => {
		const path = join(harness.directory, "grpc.sock");
		const again = await harness.serve({
			address: { kind: "unix", path },
			limits: { tlsHandshakeMs: ms },
			onDrop: (drop) => drops.push(drop),
		});
		const proxy = harness.proxy();
		expect(await ask(proxy)).toBe("OK");
		const state = kept(connect({ path }));
		await until("it is closed", () => state.ended);
		expect(drops).toEqual([{ cause: "handshake", address: null }]);
		expect(await ask(proxy)).toBe("OK");
		expect(again.connections()).toEqual({ open: 1, dropped: { limit: 0, displaced: 0, handshake: 1 } });
	});

	test("the same without TLS", async () => {
		const plain = new Harness();
		try {
			server = await plain.start(undefined, { limits: { tlsHandshakeMs: ms } });
			const proxy = plain.client(server);
			expect(await ask(proxy)).toBe("OK");
			const states = [silent(portOf(server)), silent(portOf(server))];
			sockets.at(-1)!.write(PREFACE);
			await until("they are closed", () => states.every(({ ended }) => ended));
			expect(server.connections()).toEqual({ open: 1, dropped: { limit: 0, displaced: 0, handshake: 2 } });
			expect(await ask(proxy)).toBe("OK");
		} finally {
			await plain.end();
		}
	});
});

test("handshakes have the same time as on the public side", () => {
	expect(LIMITS.tlsHandshakeMs).toBe(10_000);
});

describe("as many connections as there may be", () => {
	test("that are all silent keep no proxy out: the oldest makes room for it", async () => {
		await begin({ tlsHandshakeMs: NEVER, grpcConnections: 20 });
		const first = silent();
		await until("it came", () => server.connections().open === 1);
		const crowd = Array.from({ length: 60 }, () => silent());
		await until("the places are taken", () => dropped().displaced === 42);
		await until("the first of them is closed", () => first.ended);
		expect(crowd.filter(({ ended }) => !ended).length).toBeGreaterThanOrEqual(19);
		expect(await ask(harness.proxy())).toBe("OK");
		expect(server.connections().open).toBe(19);
		expect(dropped()).toMatchObject({ limit: 0, handshake: 0 });
		expect(drops.every(({ cause, address }) => cause === "displaced" && address === "127.0.0.1")).toBe(true);
	});

	test("that are all proxies' stay, and more are refused until one leaves", async () => {
		await begin({ tlsHandshakeMs: NEVER, grpcConnections: 3 });
		const proxies = [harness.proxy(), harness.proxy(), harness.proxy()];
		for (const proxy of proxies) expect(await ask(proxy)).toBe("OK");
		expect(await ask(harness.proxy())).toBe("UNAVAILABLE");
		expect(dropped()).toMatchObject({ displaced: 0, handshake: 0 });
		expect(dropped().limit).toBeGreaterThanOrEqual(1);
		expect(drops[0]).toEqual({ cause: "limit", address: "127.0.0.1" });
		for (const proxy of proxies) expect(await ask(proxy)).toBe("OK");
		proxies[0]!.close();
		await until("it has left", () => server.connections().open === 2);
		expect(await ask(harness.proxy())).toBe("OK");
	});
});

test("where Node does not tell which connection a session stands on, none is dropped as one that never began", () => {
	const options = { stopwatch: () => 0, onDrop: (drop: Drop) => drops.push(drop) };
	const connections = new Connections(options, { grpcConnections: 2, tlsHandshakeMs: NEVER });
	const listener = new EventEmitter();
	connections.watch(listener as unknown as Http2Server);
	const arrive = () => {
		const socket = Object.assign(new EventEmitter(), { destroy: () => {} });
		listener.emit("connection", socket);
		return socket;
	};
	const arrived = [arrive(), arrive()];
	expect(drops).toMatchObject([{ cause: "displaced" }]);
	for (const socket of arrived) socket.emit("close");
	listener.emit("session", Object.assign(new EventEmitter(), { socket: new EventEmitter() }));
	arrive();
	arrive();
	connections.stop();
	expect(drops).toHaveLength(1);
	expect(connections.figures.open).toBe(2);
});
