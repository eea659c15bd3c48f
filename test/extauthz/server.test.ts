import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { FirebreakError } from "../../src/core/errors.ts";
import type { ListenAddress } from "../../src/extauthz/listen.ts";
import { AUTHORIZATION_SERVICE } from "../../src/extauthz/proto.ts";
import { type CallFacts, type GrpcServer, type GrpcServerOptions, startGrpcServer } from "../../src/extauthz/server.ts";
import type { CheckRequest, CheckResponse } from "../../src/extauthz/wire.ts";
import { codeName, connect, type TestClient } from "./client.ts";
import { checkOf } from "./fixtures.ts";

const LOOPBACK: ListenAddress = { kind: "tcp", host: "127.0.0.1", port: 0 };
const ALLOWED: CheckResponse = { allowed: true, headers: [], headersToRemove: [], metadata: {} };

let directory: string;
let servers: GrpcServer[];
let clients: TestClient[];
let errors: unknown[];

beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "firebreak-grpc-"));
	[servers, clients, errors] = [[], [], []];
});
afterEach(async () => {
	for (const client of clients) client.close();
	await Promise.all(servers.map((server) => server.drain({ noticeMs: 0, timeoutMs: 0 })));
	rmSync(directory, { recursive: true, force: true });
});

async function start(
	check: GrpcServerOptions["check"] = () => ALLOWED,
	options: Partial<GrpcServerOptions> = {},
): Promise<GrpcServer> {
	const server = await startGrpcServer({
		address: LOOPBACK,
		tls: null,
		check,
		onError: (error) => errors.push(error),
		onTlsReload: () => {},
		...options,
	});
	servers.push(server);
	return server;
}

function clientOf(server: GrpcServer): TestClient {
	const client = connect(server.address);
	clients.push(client);
	return client;
}

const DENIED = { status: { code: 13 }, deniedResponse: { status: { code: 500 } } };

describe("check", () => {
	test("gets what the proxy asks and what its call says, and its answer goes back", async () => {
		const asked: [CheckRequest, CallFacts][] = [];
		const server = await start((request, caller) => {
			asked.push([request, caller]);
			return ALLOWED;
		});
		const answer = await clientOf(server).check(checkOf({ headers: { "x-a": "b" } }), {
			traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			tracestate: "a=b",
			"x-envoy-expected-rq-timeout-ms": "200",
		});
		expect(answer).toMatchObject({ status: {}, okResponse: {} });
		const [request, caller] = asked[0] as [CheckRequest, CallFacts];
		expect(request.attributes?.request?.http).toMatchObject({ method: "GET", headers: { "x-a": "b" } });
		expect(caller).toMatchObject({
			enforcer: null,
			traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			tracestate: "a=b",
			expectedTimeoutMs: 200,
		});
	});

	test("a call may say nothing, or nonsense, of its trace and time", async () => {
		const seen: unknown[] = [];
		const server = await start((_request, { traceparent, expectedTimeoutMs }) => {
			seen.push([traceparent, expectedTimeoutMs]);
			return ALLOWED;
		});
		const client = clientOf(server);
		await client.check(checkOf());
		for (const value of ["", "soon", "-1", "NaN", "1e999"]) {
			await client.check(checkOf(), { "x-envoy-expected-rq-timeout-ms": value });
		}
		expect(seen).toEqual(Array.from({ length: 6 }, () => [undefined, undefined]));
	});

	test.each([
		[
			"throws",
			() => {
				throw new Error("bug");
			},
		],
		["rejects", () => Promise.reject(new Error("bug"))],
	])("that %s is a denial and told of", async (_name, check) => {
		const client = clientOf(await start(check));
		expect(await client.check(checkOf())).toMatchObject(DENIED);
		expect(errors).toEqual([new Error("bug")]);
	});

	test("answers later", async () => {
		const client = clientOf(await start(async () => ALLOWED));
		expect(await client.check(checkOf())).toMatchObject({ okResponse: {} });
	});

	test("bytes that are no CheckRequest are told apart, not failed", async () => {
		const seen: (boolean | undefined)[] = [];
		const client = clientOf(
			await start(({ malformed }) => {
				seen.push(malformed);
				return ALLOWED;
			}),
		);
		await client.send(Buffer.from([0x0a, 0xff, 0xff]));
		await client.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
		await client.send(Buffer.alloc(0));
		expect(seen).toEqual([true, true, undefined]);
	});
});

describe("what is no check", () => {
	test("unknown methods", async () => {
		const client = clientOf(await start());
		await expect(client.call("/envoy.service.auth.v3.Authorization/Other")).rejects.toMatchObject({ code: 12 });
		await expect(client.call("/x")).rejects.toMatchObject({ code: 12 });
	});

	test("a message above the limit; the next one is answered", async () => {
		const client = clientOf(await start(undefined, { limits: { grpcMessageBytes: 2_000 } }));
		const large = checkOf({ headers: { x: "a".repeat(4_000) } });
		expect(await client.check(large).catch(codeName)).toBe("RESOURCE_EXHAUSTED");
		expect(await client.check(checkOf())).toMatchObject({ okResponse: {} });
	});

	test.each([
		["noise", Buffer.from("\u0000\u0001\u0002noise noise noise noise noise noise")],
		["HTTP/1.1", Buffer.from("POST /envoy.service.auth.v3.Authorization/Check HTTP/1.1\r\nHost: x\r\n\r\n")],
		["a preface and noise", Buffer.from(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${"\u00ff".repeat(100)}`, "latin1")],
		["TLS", Buffer.from("1603010200010001fc0303", "hex")],
		["nothing", Buffer.alloc(0)],
	])("%s on the port, and a hang-up; others are answered", async (_name, bytes) => {
		const server = await start();
		const { port } = server.address as { port: number };
		await new Promise<void>((resolve) => {
			const socket: Socket = connectSocket(port, "127.0.0.1", () => {
				socket.end(bytes, () => socket.destroy());
			});
			socket.on("error", () => {});
			socket.once("close", () => resolve());
		});
		expect(await clientOf(server).check(checkOf())).toMatchObject({ okResponse: {} });
	});
});

describe("health", () => {
	const [SERVING, NOT_SERVING, SERVICE_UNKNOWN] = [1, 2, 3];

	test("not serving until told, for the server and its service", async () => {
		const server = await start();
		const client = clientOf(server);
		expect(await client.health()).toBe(NOT_SERVING);
		server.setServing(true);
		expect(await client.health()).toBe(SERVING);
		expect(await client.health(AUTHORIZATION_SERVICE)).toBe(SERVING);
		expect(await client.health("other")).toBe("NOT_FOUND");
		server.setServing(false);
		expect(await client.health(AUTHORIZATION_SERVICE)).toBe(NOT_SERVING);
	});

	test("watchers see every change once, and the end", async () => {
		const server = await start();
		const client = clientOf(server);
		const [whole, service, other] = [client.watch(), client.watch(AUTHORIZATION_SERVICE), client.watch("other")];
		await until(() => whole.seen.length + service.seen.length + other.seen.length === 3);
		server.setServing(true);
		server.setServing(true);
		await until(() => whole.seen.length === 2 && service.seen.length === 2);
		expect(await server.drain({ noticeMs: 0, timeoutMs: 5_000 })).toBe(true);
		await Promise.all([whole.ended, service.ended, other.ended]);
		expect(whole.seen).toEqual([NOT_SERVING, SERVING, NOT_SERVING]);
		expect(service.seen).toEqual([NOT_SERVING, SERVING, NOT_SERVING]);
		expect(other.seen).toEqual([SERVICE_UNKNOWN]);
	});

	test("a watcher that left is no trouble", async () => {
		const server = await start();
		const watch = clientOf(server).watch();
		await until(() => watch.seen.length === 1);
		watch.cancel();
		await watch.ended;
		server.setServing(true);
		expect(await clientOf(server).health()).toBe(SERVING);
	});
});

describe("drain", () => {
	/** A server whose check waits for `release`. */
	async function slow() {
		let release: () => void = () => {};
		const released = new Promise<void>((resolve) => {
			release = resolve;
		});
		let arrived: () => void = () => {};
		const underWay = new Promise<void>((resolve) => {
			arrived = resolve;
		});
		const server = await start(async () => {
			arrived();
			await released;
			return ALLOWED;
		});
		const client = clientOf(server);
		const answer = client.check(checkOf()).catch(codeName);
		await underWay;
		return { server, client, answer, release };
	}

	test("calls under way are answered", async () => {
		const { server, answer, release } = await slow();
		const drained = server.drain({ noticeMs: 0, timeoutMs: 10_000 });
		setTimeout(release, 50);
		expect(await answer).toMatchObject({ okResponse: {} });
		expect(await drained).toBe(true);
		expect(await connectOnce(server)).toBe("ECONNREFUSED");
	});

	test("during the notice health says no, and checks are still answered", async () => {
		const server = await start();
		server.setServing(true);
		const client = clientOf(server);
		expect(await client.health()).toBe(1);
		const drained = server.drain({ noticeMs: 400, timeoutMs: 10_000 });
		server.setServing(true);
		expect(await client.health()).toBe(2);
		expect(await client.check(checkOf())).toMatchObject({ okResponse: {} });
		expect(await drained).toBe(true);
	});

	test("calls that do not end are cut off at the timeout", async () => {
		const { server, answer, release } = await slow();
		expect(await server.drain({ noticeMs: 0, timeoutMs: 100 })).toBe(false);
		expect(await server.drain({ noticeMs: 0, timeoutMs: 100_000 })).toBe(false);
		expect(["CANCELLED", "UNAVAILABLE", "INTERNAL", "UNKNOWN"]).toContain(await answer);
		release();
	});
});

describe("where it listens", () => {
	test("an address that is taken", async () => {
		const server = await start();
		const second = start(undefined, { address: server.address });
		await expect(second).rejects.toMatchObject({ code: "config_invalid" });
		await expect(second).rejects.toBeInstanceOf(FirebreakError);
	});

	test("IPv6", async () => {
		const server = await start(undefined, { address: { kind: "tcp", host: "::1", port: 0 } });
		const { port } = server.address as { port: number };
		const client = connect({ kind: "tcp", host: "[::1]", port });
		clients.push(client);
		expect(await client.check(checkOf())).toMatchObject({ okResponse: {} });
	});

	const socketAt = (): ListenAddress & { path: string } => ({ kind: "unix", path: join(directory, "s") });

	test("a socket, for its owner and group, that is gone afterwards", async () => {
		const address = socketAt();
		const server = await start(undefined, { address });
		expect(server.address).toEqual(address);
		expect(await clientOf(server).check(checkOf())).toMatchObject({ okResponse: {} });
		expect(statSync(address.path).mode & 0o777).toBe(0o660);
		expect(await server.drain({ noticeMs: 0, timeoutMs: 1_000 })).toBe(true);
		expect(existsSync(address.path)).toBe(false);
	});

	test("a socket that a dead process left is replaced", async () => {
		const address = socketAt();
		await leaveStaleSocket(address.path);
		expect(statSync(address.path).isSocket()).toBe(true);
		const server = await start(undefined, { address });
		expect(await clientOf(server).check(checkOf())).toMatchObject({ okResponse: {} });
	});

	test("a socket that is in use is not", async () => {
		const address = socketAt();
		const server = await start(undefined, { address });
		await expect(start(undefined, { address })).rejects.toMatchObject({
			code: "config_invalid",
			message: expect.stringContaining("another process listens"),
		});
		expect(await clientOf(server).check(checkOf())).toMatchObject({ okResponse: {} });
	});

	test("nor is a file that is no socket, and it stays", async () => {
		const address = socketAt();
		writeFileSync(address.path, "precious");
		chmodSync(address.path, 0o600);
		await expect(start(undefined, { address })).rejects.toMatchObject({
			code: "config_invalid",
			message: expect.stringContaining("is no socket"),
		});
		expect(existsSync(address.path)).toBe(true);
	});
});

test("connections that have grown old are replaced, and no call is lost", async () => {
	const server = await start(undefined, { limits: { grpcConnectionAgeMs: 100, grpcConnectionAgeGraceMs: 2_000 } });
	const client = clientOf(server);
	for (let call = 0; call < 30; call++) {
		expect(await client.check(checkOf())).toMatchObject({ okResponse: {} });
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
});

/** A socket file with nobody behind it, as a killed process leaves it. */
async function leaveStaleSocket(path: string): Promise<void> {
	const held = `${path}.held`;
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(held, resolve));
	renameSync(held, path);
	await new Promise((resolve) => server.close(resolve));
}

async function until(condition: () => boolean): Promise<void> {
	while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function connectOnce(server: GrpcServer): Promise<string> {
	const { port } = server.address as { port: number };
	return new Promise((resolve) => {
		const socket = connectSocket(port, "127.0.0.1", () => {
			socket.destroy();
			resolve("connected");
		});
		socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
	});
}
