import { connect as connectSocket, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { CallFacts } from "../../src/extauthz/server.ts";
import type { CheckRequest } from "../../src/extauthz/wire.ts";
import { codeName } from "./client.ts";
import { checkOf } from "./fixtures.ts";
import { ALLOWED, FAILURE, Harness, portOf } from "./harness.ts";

let harness: Harness;

beforeEach(() => {
	harness = new Harness();
});
afterEach(() => harness.end());

describe("check", () => {
	test("gets what the proxy asks and what its call says, and its answer goes back", async () => {
		const asked: [CheckRequest, CallFacts][] = [];
		const server = await harness.start((request, caller) => {
			asked.push([request, caller]);
			return ALLOWED;
		});
		const answer = await harness.client(server).check(checkOf({ headers: { "x-a": "b" } }), {
			traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			tracestate: "a=b",
		});
		expect(answer).toMatchObject({ status: {}, okResponse: {} });
		const [request, caller] = asked[0] as [CheckRequest, CallFacts];
		expect(request.attributes?.request?.http).toMatchObject({ method: "GET", headers: { "x-a": "b" } });
		expect(caller).toMatchObject({
			enforcer: null,
			traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			tracestate: "a=b",
		});
	});

	test("a call may say nothing of its trace", async () => {
		const seen: unknown[] = [];
		const server = await harness.start((_request, { traceparent, tracestate }) => {
			seen.push([traceparent, tracestate]);
			return ALLOWED;
		});
		await harness.client(server).check(checkOf());
		expect(seen).toEqual([[undefined, undefined]]);
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
		const client = harness.client(await harness.start(check));
		expect(await client.check(checkOf())).toMatchObject(FAILURE);
		expect(harness.errors).toEqual([new Error("bug")]);
	});

	test("answers later", async () => {
		const client = harness.client(await harness.start(async () => ALLOWED));
		expect(await client.check(checkOf())).toMatchObject({ okResponse: {} });
	});

	test("bytes that are no CheckRequest are told apart, not failed", async () => {
		const seen: (boolean | undefined)[] = [];
		const client = harness.client(
			await harness.start(({ malformed }) => {
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
		const client = harness.client(await harness.start());
		await expect(client.call("/envoy.service.auth.v3.Authorization/Other")).rejects.toMatchObject({ code: 12 });
		await expect(client.call("/x")).rejects.toMatchObject({ code: 12 });
	});

	test("a message above the limit; the next one is answered", async () => {
		const client = harness.client(await harness.start(undefined, { limits: { grpcMessageBytes: 2_000 } }));
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
		const server = await harness.start();
		const port = portOf(server);
		await new Promise<void>((resolve) => {
			const socket: Socket = connectSocket(port, "127.0.0.1", () => {
				socket.end(bytes, () => socket.destroy());
			});
			socket.on("error", () => {});
			socket.once("close", () => resolve());
		});
		expect(await harness.client(server).check(checkOf())).toMatchObject({ okResponse: {} });
	});
});

test("connections that have grown old are replaced, and no call is lost", async () => {
	const server = await harness.start(undefined, {
		limits: { grpcConnectionAgeMs: 100, grpcConnectionAgeGraceMs: 60_000 },
	});
	const client = harness.client(server);
	for (let call = 0; call < 30; call++) {
		expect(await client.check(checkOf())).toMatchObject({ okResponse: {} });
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
});
