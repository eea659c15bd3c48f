import { beforeEach, expect, test } from "@jest/globals";
import { MemoryLimiter } from "../../src/limiter/memory.ts";
import { SharedLimiter } from "../../src/limiter/shared.ts";
import { budget } from "./support.ts";

let now: number;
let trouble: string | null;
let reply: () => unknown;
let runs: { keys: readonly string[]; args: readonly string[] }[];
let limiter: SharedLimiter;

beforeEach(() => {
	now = 0;
	trouble = null;
	reply = () => [0, "0"];
	runs = [];
	const stopwatch = () => now;
	limiter = new SharedLimiter({
		script: {
			get trouble() {
				return trouble;
			},
			async run(keys, args) {
				runs.push({ keys, args });
				return reply();
			},
		},
		alone: new MemoryLimiter({ stopwatch, liveServers: () => 2 }),
		stopwatch,
	});
});

const domain = budget({ kind: "domain", key: "internal", perSecond: 2.5, burst: 4 });
const token = budget({ kind: "token", key: "https://id.example.org jti 1", perSecond: 1, burst: 10 });
const own = budget({ kind: "source", key: "orders", perSecond: 1, burst: 2, own: true });

test("all budgets go in one script, by kind and key", async () => {
	expect(await limiter.take([domain, token])).toBeNull();
	expect(runs).toEqual([
		{
			keys: ["firebreak:rate:domain:internal", "firebreak:rate:token:https://id.example.org jti 1"],
			args: ["2.5", "4", "1", "10"],
		},
	]);
});

test("a server's own budgets need no Redis, and are answered at once", () => {
	expect(limiter.take([own])).toBeNull();
	expect(limiter.take([])).toBeNull();
	expect(runs).toEqual([]);
});

test("a budget that is found empty is not asked for until it can have filled, so that a flood costs nothing", async () => {
	reply = () => [2, "1.5"];
	expect(await limiter.take([domain, token])).toEqual({ budget: token, retryAfter: 1.5 });
	now += 1_000;
	expect(limiter.take([domain, token])).toEqual({ budget: token, retryAfter: 0.5 });
	expect(runs).toHaveLength(1);
	await limiter.take([domain]);
	expect(runs).toHaveLength(2);
	now += 500;
	await limiter.take([token]);
	expect(runs).toHaveLength(3);
});

test("new figures are asked for at once", async () => {
	reply = () => [1, "60"];
	await limiter.take([domain]);
	await limiter.take([{ ...domain, burst: 100 }]);
	expect(runs).toHaveLength(2);
});

test("own budgets are given back when a shared one is empty", async () => {
	reply = () => [1, "0.1"];
	for (let turn = 0; turn < 10; turn++) {
		expect(await limiter.take([own, domain])).toMatchObject({ budget: domain });
		now += 1;
	}
	expect([limiter.take([own]), limiter.take([own]), limiter.take([own])].map((each) => each === null)).toEqual([
		true,
		true,
		false,
	]);
});

test("an own budget that is empty spends nothing of the shared ones", () => {
	limiter.take([own]);
	limiter.take([own]);
	expect(limiter.take([own, domain])).toMatchObject({ budget: own });
	expect(runs).toEqual([]);
});

test.each([
	["there is no connection", "unreachable", () => (trouble = "unreachable")],
	["it rests after a late answer", "slow", () => (trouble = "slow")],
])("while %s, this server spends its share at once, and counts that", (_, cause, happen) => {
	happen();
	const answers = Array.from({ length: 5 }, () => limiter.take([domain]));
	expect(answers.map((answer) => answer === null)).toEqual([true, true, false, false, false]);
	expect(runs).toEqual([]);
	expect(limiter.fallbacks).toEqual({ unreachable: 0, slow: 0, error: 0, [cause]: 5 });
});

test.each([
	["a failure", () => Promise.reject(Object.assign(new Error("x"), { trouble: "slow" })), "slow"],
	["a bug", () => Promise.reject(new TypeError("x")), "error"],
	["nonsense", () => "OK", "error"],
	["nothing", () => null, "error"],
	["a budget that was not asked for", () => [7, "1"], "error"],
	["no time", () => [1, "soon"], "error"],
])("%s in answer: this server spends its share, never an open door", async (_, answer, cause) => {
	reply = answer;
	const answers = [];
	for (let turn = 0; turn < 4; turn++) answers.push(await limiter.take([domain]));
	expect(answers.map((each) => each === null)).toEqual([true, true, false, false]);
	expect(limiter.fallbacks[cause]).toBe(4);
});
