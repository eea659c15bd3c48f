/** Postgres, Redis and the OTLP collector hang or are gone. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { hasRedis, startRedis } from "../../support/redis.ts";
import type { Relay } from "../../support/relay.ts";
import { until } from "../../support/wait.ts";
import { metric, type RealServer } from "../real-server.ts";
import { expectAlive, expectAnswers, HOUR, Parts, read } from "./parts.ts";

let parts: Parts;
beforeAll(async () => {
	parts = await Parts.open();
});
afterEach(() => parts?.stopAll());
afterAll(() => parts?.close());

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
	const relay = await parts.relayed(Number(new URL(parts.database.url).port));
	const url = new URL(parts.database.url);
	url.port = String(relay.port);
	const server = await parts.startPatient({ DATABASE_URL: url.href, FIREBREAK_POLL_INTERVAL: "100ms" });
	await expectAnswers(server);
	relay.hang();
	await until("Postgres is asked, and does not answer", () => relay.swallowed > 0);
	await expectAnswersWhileHungAndDead(server, relay);
});

(hasRedis("test/serve/dependencies/connections.test.ts, Redis,") ? describe : describe.skip)("Redis", () => {
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
		parts.defer(() => {
			for (const socket of open) socket.destroy();
			tap.close();
		});
		return { port: (tap.address() as AddressInfo).port, scripts: () => scripts };
	}

	async function startParts() {
		const redis = await startRedis();
		parts.defer(redis.stop);
		const relay = await parts.relayed(Number(new URL(redis.url).port));
		const tap = await tapped(relay.port);
		const settings = { FIREBREAK_RATE_STORE: "redis", FIREBREAK_REDIS_URL: `redis://127.0.0.1:${tap.port}` };
		return { relay, tap, settings };
	}

	test("that hangs is asked until one answer is late, and then by no check", async () => {
		const { relay, tap, settings } = await startParts();
		const server = await parts.start(settings);
		await until("Redis is asked", async () => {
			await server.client.check(read());
			return tap.scripts() > 0;
		});
		relay.hang();
		const late = await metric(server, "firebreak_rate_fallbacks_total");
		await until("an answer is late", async () => {
			expect(await server.client.check(read())).toMatchObject({ okResponse: {} });
			return relay.swallowed > 0 && (await metric(server, "firebreak_rate_fallbacks_total")) > late;
		});
		const asked = tap.scripts();
		await expectAnswers(server);
		expect(tap.scripts()).toBe(asked);
		await expectAnswersWhileHungAndDead(server, relay);
	});

	test("that never answered, or dies, is waited for by no check", async () => {
		const { relay, tap, settings } = await startParts();
		relay.hang();
		const server = await parts.startPatient(settings);
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

/** The relay hangs before anybody would be asked there. */
const NOBODY = 9;

test("the OTLP collector", async () => {
	const relay = await parts.relayed(NOBODY);
	relay.hang();
	const server = await parts.start({
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
