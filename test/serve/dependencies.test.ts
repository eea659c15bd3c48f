/**
 * Postgres, Redis, the OTLP collector, an issuer's keys and the disk hang or are gone: every check is answered all the same and
 * as before, while the part provably does not answer. No time is measured: a check that waited for the part would not end.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { freePort } from "../../demo/ports.ts";
import { jwksOf, makeSigningKey } from "../../demo/tokens.ts";
import { createWorkspace, type Workspace } from "../../demo/workspace.ts";
import { checkRequest } from "../support/check-requests.ts";
import { JwksServer } from "../support/jwks-server.ts";
import type { TestDatabase } from "../support/postgres.ts";
import { hasRedis, startRedis } from "../support/redis.ts";
import { Relay } from "../support/relay.ts";
import { until } from "../support/wait.ts";
import {
	createCompanyDatabase,
	ISSUER,
	key,
	metric,
	REMOTE,
	type RealServer,
	remoteKey,
	startRealServer,
	tokenOf,
} from "./real-server.ts";

jest.setTimeout(180_000);

const CHECKS = 200;

let workspace: Workspace;
let database: TestDatabase;
let keys: JwksServer;
const running: (() => unknown)[] = [];

beforeAll(async () => {
	workspace = createWorkspace("dependencies");
	keys = await JwksServer.start();
	database = await createCompanyDatabase(keys.uri);
});
afterEach(async () => {
	for (const stop of running.splice(0).reverse()) await stop();
});
afterAll(async () => {
	await keys?.stop();
	await database?.drop();
	workspace?.remove();
});

async function start(settings: Readonly<Record<string, string>> = {}): Promise<RealServer> {
	const server = await startRealServer(database.url, settings);
	running.push(server.stop);
	return server;
}

/** In front of a part on 127.0.0.1. */
async function relayed(port: number): Promise<Relay> {
	const relay = await Relay.start(port);
	running.push(() => relay.stop());
	return relay;
}

/** Allows, denials of policy and denials of tokens, new tokens each time; some at once and some one after the other. */
async function expectAnswers({ client }: RealServer): Promise<void> {
	const kinds = [
		{ code: undefined, send: () => ({ path: "/v1/7", headers: { authorization: `Bearer ${tokenOf()}` } }) },
		{ code: 403, send: () => ({ path: "/v2/7", headers: { authorization: `Bearer ${tokenOf()}` } }) },
		{
			code: 403,
			send: () => ({ path: "/v1/7", headers: { authorization: `Bearer ${tokenOf(key, ISSUER, "other")}` } }),
		},
		{
			code: 401,
			send: () => ({
				path: "/v1/7",
				headers: { authorization: `Bearer ${tokenOf(makeSigningKey("ES256", "known"))}` },
			}),
		},
		{ code: 401, send: () => ({ path: "/v1/7" }) },
	];
	const ask = async (turn: number) => {
		const { code, send } = kinds[turn % kinds.length]!;
		const answer = await client.check(checkRequest({ from: "orders", to: "payments", ...send() }));
		expect(answer.deniedResponse?.status?.code).toBe(code);
		if (code === undefined) expect(answer.okResponse).toBeDefined();
	};
	await Promise.all(Array.from({ length: CHECKS / 2 }, (_, turn) => ask(turn)));
	for (let turn = 0; turn < CHECKS / 2; turn++) await ask(turn);
}

async function expectAlive({ adminUrl, client }: RealServer): Promise<void> {
	expect((await fetch(`${adminUrl}/livez`)).status).toBe(200);
	expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200);
	expect(await client.health()).toBe(1);
}

/** Hangs the part, sees that it is asked in vain, and that checks are answered; then lets it die, and the same. */
async function hangAndDie(server: RealServer, relay: Relay, poke: () => Promise<unknown>): Promise<void> {
	await expectAnswers(server);
	relay.hang();
	await until("the part is asked, and does not answer", async () => {
		await poke();
		return relay.swallowed > 0;
	});
	await expectAnswers(server);
	await expectAlive(server);
	relay.die();
	await expectAnswers(server);
	await expectAlive(server);
	relay.cut();
	await expectAnswers(server);
}

test("Postgres", async () => {
	const relay = await relayed(Number(new URL(database.url).port));
	const url = new URL(database.url);
	url.port = String(relay.port);
	const server = await start({ DATABASE_URL: url.href, FIREBREAK_POLL_INTERVAL: "100ms" });
	await hangAndDie(server, relay, async () => {});
});

(hasRedis("test/serve/dependencies.test.ts, Redis,") ? test : test.skip)("Redis", async () => {
	const redis = await startRedis();
	running.push(redis.stop);
	const relay = await relayed(Number(new URL(redis.url).port));
	const server = await start({ FIREBREAK_RATE_STORE: "redis", FIREBREAK_REDIS_URL: `redis://127.0.0.1:${relay.port}` });
	await hangAndDie(server, relay, async () => {
		await server.client.check(
			checkRequest({
				from: "orders",
				to: "payments",
				path: "/v1/7",
				headers: { authorization: `Bearer ${tokenOf()}` },
			}),
		);
	});
	expect(await metric(server, "firebreak_rate_fallbacks_total")).toBeGreaterThan(0);
});

test("the OTLP collector", async () => {
	const relay = await relayed(await freePort());
	relay.hang();
	const server = await start({
		OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${relay.port}`,
		OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
		OTEL_BSP_SCHEDULE_DELAY: "50",
	});
	await until("spans are offered, and not taken", async () => {
		await expectAnswers(server);
		return relay.swallowed > 0;
	});
	await expectAnswers(server);
	await expectAlive(server);
	relay.die();
	await expectAnswers(server);
	await expectAlive(server);
});

describe("an issuer's keys", () => {
	const far = () =>
		checkRequest({
			from: "near",
			to: "far",
			path: "/v1/7",
			headers: { authorization: `Bearer ${tokenOf(remoteKey, REMOTE)}` },
		});

	test("that do not come delay nobody who does not need them", async () => {
		let release = () => {};
		keys.answer = (response) => {
			release = () => response.end(JSON.stringify(jwksOf(remoteKey)));
		};
		const before = keys.requests;
		const server = await start();
		await until("the keys are asked for", () => keys.requests > before);
		let answered = false;
		const waiting = server.client.check(far()).then((answer) => {
			answered = true;
			return answer;
		});
		for (let turn = 0; turn < 10 && !answered; turn++) {
			await server.client.check(
				checkRequest({
					from: "orders",
					to: "payments",
					path: "/v1/7",
					headers: { authorization: `Bearer ${tokenOf()}` },
				}),
			);
		}
		expect(answered).toBe(false);
		release();
		expect(await waiting).toMatchObject({ okResponse: {} });
	});

	test("that came go on, while unknown ones do not", async () => {
		keys.serve(jwksOf(remoteKey));
		const server = await start();
		await until("the keys are there", async () => (await server.client.check(far())).okResponse !== undefined);
		const before = keys.requests;
		keys.answer = () => {};
		const stranger = makeSigningKey("ES256", "unknown");
		const headers = { authorization: `Bearer ${tokenOf(stranger, REMOTE)}` };
		const waiting = server.client.check(checkRequest({ from: "near", to: "far", path: "/v1/7", headers }));
		await Promise.race([until("the unknown key is asked for", () => keys.requests > before), waiting]);
		for (let turn = 0; turn < CHECKS; turn++)
			expect(await server.client.check(far())).toMatchObject({ okResponse: {} });
		await expectAnswers(server);
		expect([401, 503]).toContain((await waiting).deniedResponse?.status?.code);
	});
});

describe("the disk", () => {
	/** A file system of some pages, if this user may make one. */
	function tinyDisk(): string | null {
		const folder = path.join(workspace.path, "disk");
		mkdirSync(folder, { recursive: true });
		try {
			execFileSync("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], { stdio: "ignore" });
		} catch {
			return null;
		}
		running.push(() => execFileSync("umount", ["-l", folder]));
		return folder;
	}

	test("that is full", async () => {
		const folder = tinyDisk();
		if (folder === null) {
			process.stderr.write("test/serve/dependencies.test.ts, the disk, is skipped: only root may mount a full one.\n");
			return;
		}
		expect(() => writeFileSync(path.join(folder, "filler"), Buffer.alloc(65_536))).toThrow("ENOSPC");
		const server = await start({ FIREBREAK_SNAPSHOT_PATH: path.join(folder, "snapshot") });
		await until("it is tried in vain", () => server.process.output().includes("policy cannot be kept on disk"));
		await expectAnswers(server);
		await expectAlive(server);
		expect(() => readFileSync(path.join(folder, "snapshot"))).toThrow("ENOENT");
	});
});
