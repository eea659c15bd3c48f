import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Budget } from "../../src/core/budget.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { keyOf, MemoryLimiter } from "../../src/limiter/memory.ts";
import { budget, grantsWithinBounds, spendings } from "./support.ts";

let now = 0;
const limiterOf = (options: { servers?: () => number; max?: number } = {}) =>
	new MemoryLimiter({ stopwatch: () => now, liveServers: options.servers ?? (() => 1), max: options.max ?? 1_000 });

/** How many of `count` requests at once pass. */
const pass = (limiter: MemoryLimiter, budgets: readonly Budget[], count: number) =>
	Array.from({ length: count }, () => limiter.take(budgets)).filter((overdrawn) => overdrawn === null).length;

describe("a bucket", () => {
	test("never grants more than its burst and what time pays, in any window, nor keeps anybody out who waited", () => {
		fc.assert(
			fc.property(spendings, ({ perSecond, burst, steps }) => {
				now = 0;
				const limiter = limiterOf();
				const one = [budget({ perSecond, burst })];
				const grants: number[] = [];
				for (const { pause, requests } of steps) {
					now += pause;
					for (let request = 0; request < requests; request++) if (limiter.take(one) === null) grants.push(now);
				}
				grantsWithinBounds(grants, perSecond, burst);
				const overdrawn = limiter.take(one);
				if (overdrawn === null) return;
				expect(overdrawn.retryAfter).toBeGreaterThan(0);
				expect(overdrawn.retryAfter).toBeLessThanOrEqual(1 / perSecond + 1e-6);
				now += overdrawn.retryAfter * 1_000;
				expect(limiter.take(one)).toBeNull();
			}),
			{ numRuns: 300 },
		);
	});

	test("is full at first, and again after a long time", () => {
		const limiter = limiterOf();
		const one = [budget({ perSecond: 2, burst: 5 })];
		expect(pass(limiter, one, 10)).toBe(5);
		now += 1_000;
		expect(pass(limiter, one, 10)).toBe(2);
		now += 3_600_000;
		expect(pass(limiter, one, 10)).toBe(5);
	});

	test("may flow slower than once a second", () => {
		const limiter = limiterOf();
		const one = [budget({ perSecond: 0.01, burst: 1 })];
		expect(limiter.take(one)).toBeNull();
		expect(limiter.take(one)).toMatchObject({ retryAfter: 100 });
		now += 99_000;
		expect(limiter.take(one)).toMatchObject({ retryAfter: expect.closeTo(1) });
		now += 1_000;
		expect(limiter.take(one)).toBeNull();
	});

	test("takes new figures at once, and remembers what was spent", () => {
		const limiter = limiterOf();
		expect(pass(limiter, [budget({ perSecond: 1, burst: 10 })], 20)).toBe(10);
		expect(pass(limiter, [budget({ perSecond: 1, burst: 15 })], 20)).toBe(5);
		expect(limiter.take([budget({ perSecond: 1, burst: 3 })])).toMatchObject({ retryAfter: 1 });
		expect(limiter.take([budget({ perSecond: 100, burst: 3 })])).toMatchObject({ retryAfter: 0.01 });
	});

	test("gets back what is given back, and never more than it had", () => {
		const limiter = limiterOf();
		const one = budget({ perSecond: 1, burst: 2 });
		expect(pass(limiter, [one], 3)).toBe(2);
		limiter.giveBack(one);
		expect(pass(limiter, [one], 3)).toBe(1);
		for (let turn = 0; turn < 10; turn++) limiter.giveBack(one);
		expect(pass(limiter, [one], 5)).toBe(2);
		expect(() => limiter.giveBack(budget({ key: "never seen" }))).not.toThrow();
	});
});

describe("several budgets", () => {
	const wide = budget({ kind: "domain", key: "internal", perSecond: 10, burst: 10 });
	const narrow = budget({ kind: "segment", key: "payments", perSecond: 1, burst: 3 });

	test("are spent together or not at all", () => {
		const limiter = limiterOf();
		expect(pass(limiter, [wide, narrow], 8)).toBe(3);
		expect(pass(limiter, [wide], 20)).toBe(7);
	});

	test("the one to wait for longest is named", () => {
		const limiter = limiterOf();
		pass(limiter, [wide], 10);
		pass(limiter, [narrow], 3);
		expect(limiter.take([wide, narrow])).toEqual({ budget: narrow, retryAfter: 1 });
		expect(limiter.take([narrow, wide])).toEqual({ budget: narrow, retryAfter: 1 });
	});

	test("of one key and two kinds are two", () => {
		const limiter = limiterOf();
		expect(pass(limiter, [budget({ kind: "domain", key: "a" })], 3)).toBe(1);
		expect(pass(limiter, [budget({ kind: "segment", key: "a" })], 3)).toBe(1);
	});

	test("none at all lets pass", () => expect(limiterOf().take([])).toBeNull());
});

describe("many servers", () => {
	test("have a share each; a server's own budgets are its own", () => {
		const limiter = limiterOf({ servers: () => 4 });
		expect(pass(limiter, [budget({ perSecond: 8, burst: 20 })], 30)).toBe(5);
		now += 1_000;
		expect(pass(limiter, [budget({ perSecond: 8, burst: 20 })], 30)).toBe(2);
		expect(pass(limiter, [budget({ kind: "source", burst: 20, own: true })], 30)).toBe(20);
	});

	test("each lets at least one request at once pass", () => {
		const limiter = limiterOf({ servers: () => 10 });
		const one = [budget({ perSecond: 1, burst: 2 })];
		expect(pass(limiter, one, 5)).toBe(1);
		expect(limiter.take(one)).toMatchObject({ retryAfter: 10 });
	});

	test("a share follows as servers come and go", () => {
		let servers = 2;
		const limiter = limiterOf({ servers: () => servers });
		const one = [budget({ perSecond: 1, burst: 10 })];
		expect(pass(limiter, one, 20)).toBe(5);
		servers = 1;
		expect(pass(limiter, one, 20)).toBe(5);
	});
});

describe("memory", () => {
	test("stays bounded under a million keys, and one kind's flood makes no other forget", () => {
		const limiter = limiterOf({ max: 4_096 });
		const domain = [budget({ kind: "domain", key: "internal" })];
		expect(pass(limiter, domain, 2)).toBe(1);
		for (let index = 0; index < 1_000_000; index++) limiter.take([budget({ kind: "address", key: `10.${index}` })]);
		expect(limiter.size).toBe(4_097);
		expect(pass(limiter, domain, 2)).toBe(0);
	});

	test("keys are of bounded length, and long ones differ still", () => {
		const long = "x".repeat(LIMITS.tokenBytes);
		expect(keyOf(budget({ key: long })).length).toBeLessThanOrEqual(LIMITS.budgetKeyChars);
		const limiter = limiterOf();
		for (const key of [`${long}a`, `${long}b`]) expect(pass(limiter, [budget({ kind: "token", key })], 2)).toBe(1);
	});
});
