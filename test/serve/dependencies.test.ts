/**
 * Postgres, Redis, the OTLP collector, an issuer's keys and the disk hang or are gone: every check is answered all the same and
 * as before, while the part provably does not answer. No time is measured. Where the server itself bounds a wait, it runs with
 * that bound raised to an hour (PATIENT), so that a check which waited would meet its client's deadline and fail. A check that
 * asked a hanging Redis does wait, for at most LIMITS.redisDeadlineMs: of that one it is shown that those after it do not ask.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
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

const CHECKS = 200;

/** Milliseconds; the client of these tests gives up long before. */
const HOUR = 3_600_000;
/** Bounds of the server's waits for parts. And keys are fetched for each unknown key id, not one in a while. */
const PATIENT = {
	databaseConnectMs: HOUR,
	databaseStatementMs: HOUR,
	databaseSilenceMs: HOUR,
	redisDeadlineMs: HOUR,
	redisConnectMs: HOUR,
	jwksTimeoutMs: HOUR,
	jwksCooldownMs: 0,
};

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

/** A machine with other work would shed checks, and which of them would say nothing of the parts. */
const CALM: Readonly<Record<string, number>> = { shedDelayMs: HOUR };

/** With other bounds than its own, which are set before the server's modules are loaded. */
async function start(settings: Readonly<Record<string, string>> = {}, bounds = CALM): Promise<RealServer> {
	const limits = pathToFileURL(path.resolve(import.meta.dirname, "../../src/core/limits.ts"));
	const file = workspace.write(
		"bounds.mjs",
		`import { LIMITS } from "${limits}";
		for (const [name, value] of Object.entries(${JSON.stringify(bounds)})) {
			if (!(name in LIMITS)) throw new Error(name + " is no limit");
			LIMITS[name] = value;
		}`,
	);
	const server = await startRealServer(database.url, { NODE_OPTIONS: `--import=${pathToFileURL(file)}`, ...settings });
	running.push(server.stop);
	return server;
}

const startPatient = (settings: Readonly<Record<string, string>> = {}): Promise<RealServer> =>
	start(settings, { ...CALM, ...PATIENT });

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

const read = () =>
	checkRequest({ from: "orders", to: "payments", path: "/v1/7", headers: { authorization: `Bearer ${tokenOf()}` } });

/** The part hangs; then it dies, and comes back. */
async function expectAnswersWhileHungAndDead(server: RealServer, relay: Relay): Promise<void> {
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
	const server = await startPatient({ DATABASE_URL: url.href, FIREBREAK_POLL_INTERVAL: "100ms" });
	await expectAnswers(server);
	relay.hang();
	await until("Postgres is asked, and does not answer", () => relay.swallowed > 0);
	await expectAnswersWhileHungAndDead(server, relay);
});

(hasRedis("test/serve/dependencies.test.ts, Redis,") ? describe : describe.skip)("Redis", () => {
	/** In front of a port; counts the scripts that pass, one for each check that asks Redis. */
	async function tapped(port: number): Promise<{ readonly port: number; scripts: () => number }> {
		let scripts = 0;
		const open = new Set<Socket>();
		const tap = createServer((near) => {
			const far = connect(port, "127.0.0.1");
			for (const [one, other] of [
				[near, far],
				[far, near],
			] as const) {
				open.add(one);
				one.on("error", () => {});
				one.on("close", () => {
					open.delete(one);
					other.destroy();
				});
				one.pipe(other);
			}
			near.on("data", (chunk) => {
				scripts += chunk.toString("latin1").split("EVALSHA").length - 1;
			});
		});
		tap.listen(0, "127.0.0.1");
		await once(tap, "listening");
		running.push(() => {
			for (const socket of open) socket.destroy();
			tap.close();
		});
		return { port: (tap.address() as AddressInfo).port, scripts: () => scripts };
	}

	async function startParts() {
		const redis = await startRedis();
		running.push(redis.stop);
		const relay = await relayed(Number(new URL(redis.url).port));
		const tap = await tapped(relay.port);
		const settings = { FIREBREAK_RATE_STORE: "redis", FIREBREAK_REDIS_URL: `redis://127.0.0.1:${tap.port}` };
		return { relay, tap, settings };
	}

	test("that hangs is asked until one answer is late, and then by no check", async () => {
		const { relay, tap, settings } = await startParts();
		const server = await start(settings);
		await until("Redis is asked", async () => {
			await server.client.check(read());
			return tap.scripts() > 0;
		});
		relay.hang();
		await until("an answer is late", async () => {
			expect(await server.client.check(read())).toMatchObject({ okResponse: {} });
			return relay.swallowed > 0 && (await metric(server, "firebreak_rate_fallbacks_total")) > 0;
		});
		const asked = tap.scripts();
		await expectAnswers(server);
		expect(tap.scripts()).toBe(asked);
		await expectAnswersWhileHungAndDead(server, relay);
	});

	test("that never answered, or dies, is waited for by no check", async () => {
		const { relay, tap, settings } = await startParts();
		relay.hang();
		const server = await startPatient(settings);
		await until("Redis is greeted, and does not answer", () => relay.swallowed > 0);
		await expectAnswers(server);
		expect(tap.scripts()).toBe(0);
		await expectAlive(server);
		relay.cut();
		await until("Redis is asked", async () => {
			await server.client.check(read());
			return tap.scripts() > 0;
		});
		relay.die();
		await expectAnswers(server);
		await expectAlive(server);
	});
});

test("the OTLP collector", async () => {
	const relay = await relayed(await freePort());
	relay.hang();
	const server = await start({
		OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${relay.port}`,
		OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
		OTEL_BSP_SCHEDULE_DELAY: "50",
		OTEL_BSP_EXPORT_TIMEOUT: String(HOUR),
		OTEL_EXPORTER_OTLP_TIMEOUT: String(HOUR),
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

	/** Fetches from now on hang until `release`, which has them come and all later ones too. */
	function holdKeys(): { release(): void } {
		const held: (() => void)[] = [];
		keys.answer = (response) => held.push(() => response.end(JSON.stringify(jwksOf(remoteKey))));
		return {
			release() {
				keys.serve(jwksOf(remoteKey));
				for (const answer of held) answer();
			},
		};
	}

	/** A check that waits for a fetch, with a look at whether it still does. */
	function waiter({ client }: RealServer, request: unknown) {
		let answered = false;
		const answer = client.check(request).finally(() => {
			answered = true;
		});
		answer.catch(() => {});
		return { answer, answered: () => answered };
	}

	test("that do not come delay nobody who does not need them", async () => {
		const held = holdKeys();
		const before = keys.requests;
		const server = await startPatient();
		await until("the keys are asked for", () => keys.requests > before);
		const waiting = waiter(server, far());
		for (let turn = 0; turn < 10; turn++) {
			expect(await server.client.check(read())).toMatchObject({ okResponse: {} });
		}
		expect(waiting.answered()).toBe(false);
		held.release();
		expect(await waiting.answer).toMatchObject({ okResponse: {} });
	});

	test("that came go on, while unknown ones do not", async () => {
		keys.serve(jwksOf(remoteKey));
		const server = await startPatient();
		await until("the keys are there", async () => (await server.client.check(far())).okResponse !== undefined);
		const before = keys.requests;
		const held = holdKeys();
		const stranger = makeSigningKey("ES256", "unknown");
		const headers = { authorization: `Bearer ${tokenOf(stranger, REMOTE)}` };
		const waiting = waiter(server, checkRequest({ from: "near", to: "far", path: "/v1/7", headers }));
		await until("the unknown key is asked for", () => keys.requests > before);
		for (let turn = 0; turn < 10; turn++) {
			expect(await server.client.check(far())).toMatchObject({ okResponse: {} });
			expect(await server.client.check(read())).toMatchObject({ okResponse: {} });
		}
		expect(waiting.answered()).toBe(false);
		held.release();
		expect((await waiting.answer).deniedResponse?.status?.code).toBe(401);
	});
});

/** Mounts a file system of some pages. @throws when this user may not. */
const mountTiny = (folder: string) =>
	execFileSync("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], { stdio: "ignore" });
const unmount = (folder: string) => execFileSync("umount", ["-l", folder], { stdio: "ignore" });

function mayMount(): boolean {
	const folder = mkdtempSync(path.join(tmpdir(), "firebreak-mount-"));
	try {
		mountTiny(folder);
		unmount(folder);
		return true;
	} catch {
		process.stderr.write(
			"test/serve/dependencies.test.ts, the disk, is skipped: this user may not mount a full one.\n",
		);
		return false;
	} finally {
		rmdirSync(folder);
	}
}

(mayMount() ? test : test.skip)("a full disk", async () => {
	const folder = path.join(workspace.path, "disk");
	mkdirSync(folder, { recursive: true });
	mountTiny(folder);
	running.push(() => unmount(folder));
	expect(() => writeFileSync(path.join(folder, "filler"), Buffer.alloc(65_536))).toThrow("ENOSPC");
	const server = await start({ FIREBREAK_SNAPSHOT_PATH: path.join(folder, "snapshot") });
	await until("it is tried in vain", () => server.process.output().includes("policy cannot be kept on disk"));
	await expectAnswers(server);
	await expectAlive(server);
	expect(() => readFileSync(path.join(folder, "snapshot"))).toThrow("ENOENT");
});
