import { connect as connectSocket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { AUTHORIZATION_SERVICE } from "../../src/extauthz/proto.ts";
import type { GrpcServer } from "../../src/extauthz/server.ts";
import { codeName } from "./client.ts";
import { checkOf } from "./fixtures.ts";
import { ALLOWED, Harness, portOf, until } from "./harness.ts";

let harness: Harness;

beforeEach(() => {
	harness = new Harness();
});
afterEach(() => harness.end());

describe("health", () => {
	const [SERVING, NOT_SERVING, SERVICE_UNKNOWN] = [1, 2, 3];

	test("not serving until told, for the server and its service", async () => {
		const server = await harness.start();
		const client = harness.client(server);
		expect(await client.health()).toBe(NOT_SERVING);
		server.setServing(true);
		expect(await client.health()).toBe(SERVING);
		expect(await client.health(AUTHORIZATION_SERVICE)).toBe(SERVING);
		expect(await client.health("other")).toBe("NOT_FOUND");
		server.setServing(false);
		expect(await client.health(AUTHORIZATION_SERVICE)).toBe(NOT_SERVING);
	});

	test("watchers see every change once, and the end", async () => {
		const server = await harness.start();
		const client = harness.client(server);
		const [whole, service, other] = [client.watch(), client.watch(AUTHORIZATION_SERVICE), client.watch("other")];
		await until(() => whole.seen.length + service.seen.length + other.seen.length === 3);
		server.setServing(true);
		server.setServing(true);
		await until(() => whole.seen.length === 2 && service.seen.length === 2);
		expect(await server.drain({ noticeMs: 0, timeoutMs: 60_000 })).toBe(true);
		await Promise.all([whole.ended, service.ended, other.ended]);
		expect(whole.seen).toEqual([NOT_SERVING, SERVING, NOT_SERVING]);
		expect(service.seen).toEqual([NOT_SERVING, SERVING, NOT_SERVING]);
		expect(other.seen).toEqual([SERVICE_UNKNOWN]);
	});

	test("watchers beyond the limit are refused, until others leave", async () => {
		const server = await harness.start(undefined, { limits: { healthWatchers: 1 } });
		const client = harness.client(server);
		const first = client.watch();
		await until(() => first.seen.length === 1);
		const second = client.watch();
		await second.ended;
		expect(second.seen).toEqual([]);
		expect(await client.health()).toBe(NOT_SERVING);
		first.cancel();
		await first.ended;
		let later = client.watch();
		while (later.seen.length === 0) {
			await Promise.race([later.ended, until(() => later.seen.length > 0)]);
			if (later.seen.length === 0) later = client.watch();
		}
		expect(later.seen).toEqual([NOT_SERVING]);
	});

	test("a watcher that left is no trouble", async () => {
		const server = await harness.start();
		const watch = harness.client(server).watch();
		await until(() => watch.seen.length === 1);
		watch.cancel();
		await watch.ended;
		server.setServing(true);
		expect(await harness.client(server).health()).toBe(SERVING);
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
		const server = await harness.start(async () => {
			arrived();
			await released;
			return ALLOWED;
		});
		const client = harness.client(server);
		const answer = client.check(checkOf()).catch(codeName);
		await underWay;
		return { server, client, answer, release };
	}

	test("calls under way are answered", async () => {
		const { server, answer, release } = await slow();
		const drained = server.drain({ noticeMs: 0, timeoutMs: 60_000 });
		setTimeout(release, 50);
		expect(await answer).toMatchObject({ okResponse: {} });
		expect(await drained).toBe(true);
		expect(await connectOnce(server)).toBe("ECONNREFUSED");
	});

	test("during the notice health says no, and checks are still answered", async () => {
		// A machine that is too slow to ask within the notice gets a longer one: answers from after it say nothing.
		for (let noticeMs = 400, inTime = false; !inTime; noticeMs *= 4) {
			const server = await harness.start();
			server.setServing(true);
			const client = harness.client(server);
			expect(await client.health()).toBe(1);
			const begun = performance.now();
			const drained = server.drain({ noticeMs, timeoutMs: noticeMs + 60_000 });
			server.setServing(true);
			const health = await client.health();
			const answer = await client.check(checkOf()).catch(codeName);
			inTime = performance.now() - begun < noticeMs - 50;
			if (inTime) expect([health, answer]).toEqual([2, expect.objectContaining({ okResponse: expect.anything() })]);
			expect(await drained).toBe(true);
		}
	});

	test("calls that do not end are cut off at the timeout", async () => {
		const { server, answer, release } = await slow();
		expect(await server.drain({ noticeMs: 0, timeoutMs: 100 })).toBe(false);
		expect(await server.drain({ noticeMs: 0, timeoutMs: 100_000 })).toBe(false);
		expect(["CANCELLED", "UNAVAILABLE", "INTERNAL", "UNKNOWN"]).toContain(await answer);
		release();
	});
});

function connectOnce(server: GrpcServer): Promise<string> {
	return new Promise((resolve) => {
		const socket = connectSocket(portOf(server), "127.0.0.1", () => {
			socket.destroy();
			resolve("connected");
		});
		socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
	});
}
