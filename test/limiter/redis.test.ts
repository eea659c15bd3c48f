/** The take script in a real Redis: as the bucket in memory, shared by servers, and gone when nothing is owed. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createClient } from "@redis/client";
import type { Budget } from "../../src/core/budget.ts";
import { type StartedLimiter, startLimiter } from "../../src/serve/limiter.ts";
import { memoryLogger } from "../support/memory-logger.ts";
import { hasRedis, startRedis, type TestRedis } from "../support/redis.ts";
import { Relay } from "../support/relay.ts";
import { until } from "../support/wait.ts";
import { budget } from "./support.ts";

(hasRedis("test/limiter/redis.test.ts") ? describe : describe.skip)("budgets in Redis", () => {
	let server: TestRedis;
	let client: ReturnType<typeof createClient>;
	const started: StartedLimiter[] = [];
	const log = memoryLogger();

	/** But for tests in which Redis does not answer, a slow machine is not to be taken for a slow Redis. */
	const start = (redisUrl = server.url, deadlineMs = 60_000) => {
		const one = startLimiter({
			redisUrl,
			liveServers: () => 2,
			stopwatch: () => performance.now(),
			random: () => 0,
			logger: log.logger,
			deadlineMs,
		});
		started.push(one);
		return one;
	};
	/** Waits for the connection, without spending what tests look at. */
	const ready = (one: StartedLimiter) =>
		until("it counts in Redis", async () => {
			const before = total(one);
			await one.limiter.take([budget({ key: "warm-up", perSecond: 1e6, burst: 1e7 })]);
			return total(one) === before;
		});
	const pass = async (one: StartedLimiter, budgets: readonly Budget[], count: number) => {
		let passed = 0;
		for (let turn = 0; turn < count; turn++) if ((await one.limiter.take(budgets)) === null) passed++;
		return passed;
	};

	/** Seconds, less what flowed back while the test took its time. */
	const expectWait = (seconds: number | undefined, full: number) => {
		expect(seconds).toBeLessThanOrEqual(full);
		expect(seconds).toBeGreaterThan(full - 120);
	};

	beforeAll(async () => {
		server = await startRedis();
		client = createClient({ url: server.url });
		await client.connect();
	});
	afterAll(async () => {
		for (const one of started) one.stop();
		client?.destroy();
		await server?.stop();
	});

	test("all servers spend one budget", async () => {
		const [one, other] = [start(), start()];
		await Promise.all([ready(one), ready(other)]);
		const shared = [budget({ key: "shared", perSecond: 0.001, burst: 10 })];
		expect(await pass(one, shared, 4)).toBe(4);
		expect(await pass(other, shared, 20)).toBe(6);
		const overdrawn = await one.limiter.take(shared);
		expect(overdrawn).toMatchObject({ budget: shared[0] });
		expectWait(overdrawn?.retryAfter, 1_000);
	});

	test("several budgets are spent together or not at all", async () => {
		const one = start();
		await ready(one);
		const wide = budget({ kind: "domain", key: "wide", perSecond: 0.001, burst: 10 });
		const narrow = budget({ kind: "segment", key: "narrow", perSecond: 0.001, burst: 3 });
		expect(await pass(one, [wide, narrow], 8)).toBe(3);
		expect(await pass(one, [wide], 20)).toBe(7);
	});

	test("what was spent flows back, and is forgotten once nothing is owed", async () => {
		const one = start();
		await ready(one);
		const quick = budget({ key: "quick", perSecond: 50, burst: 5 });
		const begun = performance.now();
		expect(await pass(one, [quick], 5)).toBe(5);
		const lifetime = await client.pTTL("firebreak:rate:domain:quick");
		expect(lifetime).toBeGreaterThan(1_000 - (performance.now() - begun));
		expect(lifetime).toBeLessThanOrEqual(1_101);
		await until("one flows back", async () => (await one.limiter.take([quick])) === null);
		await until("the key is gone", async () => (await client.exists("firebreak:rate:domain:quick")) === 0);
	});

	test("new figures take effect at once, and what was spent stays", async () => {
		const one = start();
		await ready(one);
		const figures = (burst: number) => [budget({ key: "figures", perSecond: 0.001, burst })];
		expect(await pass(one, figures(5), 9)).toBe(5);
		expect(await pass(one, figures(8), 9)).toBe(3);
		expectWait((await one.limiter.take(figures(2)))?.retryAfter, 1_000);
	});

	test("slow, then gone: this server's share at once, counted and said once; and back", async () => {
		const passing = await startRedis();
		const relay = await Relay.start(passing.port);
		const one = start(`redis://127.0.0.1:${relay.port}`, 500);
		try {
			await ready(one);
			const said = log.lines().length;
			const half = [budget({ key: "half", perSecond: 0.001, burst: 10 })];
			passing.sleep();
			const before = one.fallbacks().slow!;
			expect(await pass(one, half, 20)).toBe(5);
			expect(one.fallbacks().slow! - before).toBe(20);
			const unreachable = one.fallbacks().unreachable!;
			await passing.stop();
			await until("it is unreachable", async () => {
				await one.limiter.take(half);
				return one.fallbacks().unreachable! > unreachable;
			});
			expect(await pass(one, half, 20)).toBe(0);
			expect(log.lines().slice(said)).toMatchObject([{ level: "warn", kind: "slow" }]);
			const back = await startRedis();
			relay.lead(back.port);
			await ready(one);
			expect(log.lines().slice(said)).toContainEqual(
				expect.objectContaining({ level: "info", msg: expect.stringMatching(/answers again/) }),
			);
			// None falls back, but on a machine so busy that Redis seems slow again.
			const fallen = total(one);
			const passed = await pass(one, half, 20);
			expect(passed).toBeGreaterThanOrEqual(10);
			expect(passed).toBeLessThanOrEqual(10 + total(one) - fallen);
			await back.stop();
		} finally {
			await relay.stop();
			await passing.stop();
		}
	});
});

const total = (one: StartedLimiter) => Object.values(one.fallbacks()).reduce((sum, count) => sum + count, 0);
