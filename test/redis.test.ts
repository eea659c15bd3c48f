import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { LIMITS } from "../src/core/limits.ts";
import { luaScript, Redis, RedisUnavailable } from "../src/redis.ts";
import { hasRedis, startRedis, type TestRedis } from "./support/redis.ts";
import { Relay } from "./support/relay.ts";
import { until } from "./support/wait.ts";

const ECHO = luaScript("return { KEYS[1], ARGV[1] }");
const WRONG = luaScript("return redis.call('GET')");

(hasRedis("test/redis.test.ts") ? describe : describe.skip)("Redis", () => {
	let server: TestRedis;
	let redis: Redis;
	let told: string[];

	/** For tests in which Redis does not answer; else a slow machine is not to be taken for a slow Redis. */
	const SHORT_MS = 200;
	const connect = (url: string, deadlineMs = 60_000) =>
		new Redis({
			url,
			random: () => 0,
			deadlineMs,
			events: { down: (trouble, code) => told.push(`${trouble} ${code}`), up: () => told.push("up") },
		});
	const ready = (one: Redis) => until("Redis answers", () => one.trouble === null);
	const run = async (one = redis) => {
		try {
			return await one.run(ECHO, ["key"], ["argument"]);
		} catch (error) {
			return (error as RedisUnavailable).trouble;
		}
	};

	beforeAll(async () => {
		server = await startRedis();
		redis = connect(server.url);
		await ready(redis);
	});
	beforeEach(() => {
		told = [];
	});
	afterAll(async () => {
		redis?.stop();
		await server?.stop();
	});

	test("runs a script that it has not seen, and one that it has", async () => {
		expect(await run()).toEqual(["key", "argument"]);
		expect(await run()).toEqual(["key", "argument"]);
		expect(told).toEqual([]);
	});

	test("an answer that is an error is trouble, told of once, until one is none", async () => {
		for (let turn = 0; turn < 3; turn++) {
			await expect(redis.run(WRONG, [], [])).rejects.toThrow(new RedisUnavailable("error"));
		}
		expect(told).toEqual(["error ERR"]);
		expect(redis.trouble).toBeNull();
		await run();
		expect(told).toEqual(["error ERR", "up"]);
	});

	test("one that sleeps is given up within the deadline, then at once; and found when it wakes", async () => {
		const one = connect(server.url, SHORT_MS);
		await ready(one);
		server.sleep();
		const first = await Promise.all([run(one), run(one), run(one)]);
		expect(first).toEqual(["slow", "slow", "slow"]);
		expect(one.trouble).toBe("slow");
		expect(await run(one)).toBe("slow");
		expect(told).toEqual(["slow null"]);
		server.wake();
		await until("it is told", () => told.length > 1);
		expect(told).toEqual(["slow null", "up"]);
		await until("it answers", async () => Array.isArray(await run(one)));
		one.stop();
	});

	test("more commands than may wait are refused, none is kept waiting", async () => {
		const one = connect(server.url, SHORT_MS);
		await ready(one);
		server.sleep();
		const many = await Promise.all(Array.from({ length: LIMITS.redisCommands + 500 }, () => run(one)));
		expect(new Set(many)).toEqual(new Set(["slow", "unreachable"]));
		one.stop();
		server.wake();
	});

	test("one that goes is unreachable, and found when it is back", async () => {
		const passing = await startRedis();
		const relay = await Relay.start(passing.port);
		const one = connect(`redis://127.0.0.1:${relay.port}`);
		await ready(one);
		await passing.stop();
		await until("it is unreachable", () => one.trouble === "unreachable");
		expect(await run(one)).toBe("unreachable");
		expect(told).toEqual([expect.stringMatching(/^unreachable /)]);
		const back = await startRedis();
		relay.lead(back.port);
		await ready(one);
		expect(await run(one)).toEqual(["key", "argument"]);
		expect(told.at(-1)).toBe("up");
		one.stop();
		await relay.stop();
		await back.stop();
	});

	test("a connection that stays silent is made anew", async () => {
		const silent = await startRedis();
		const one = connect(silent.url, SHORT_MS);
		await ready(one);
		silent.sleep();
		expect(await run(one)).toBe("slow");
		await until("it connects anew", () => one.trouble === "unreachable");
		silent.wake();
		await until("it answers", async () => Array.isArray(await run(one)));
		one.stop();
		await silent.stop();
	});

	test("a wrong password is told of without it", async () => {
		const locked = await startRedis({ args: ["--requirepass", "right-s3cret"] });
		const one = connect(locked.url.replace("redis://", "redis://:wrong-s3cret@"));
		await until("it is told", () => told.length > 0);
		expect(told).toEqual(["unreachable WRONGPASS"]);
		expect(one.trouble).toBe("unreachable");
		one.stop();
		const other = connect(locked.url.replace("redis://", "redis://:right-s3cret@"));
		await ready(other);
		expect(await run(other)).toEqual(["key", "argument"]);
		other.stop();
		await locked.stop();
	});

	test("nobody there: unreachable, and stopping ends it", async () => {
		const one = connect("redis://127.0.0.1:1");
		await until("it is told", () => told.length > 0);
		expect(told).toEqual(["unreachable ECONNREFUSED"]);
		one.stop();
	});
});
