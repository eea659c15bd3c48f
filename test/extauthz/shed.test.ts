/** The shedder against a simulated event loop: time, load and chance are the test's own. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LIMITS } from "../../src/core/limits.ts";
import { patienceOf, Shedder } from "../../src/extauthz/shed.ts";

interface Load {
	/** Checks a second; one number for each of the seconds. */
	readonly perSecond: readonly number[];
	/** Milliseconds of the loop that a check takes, and a shed one. */
	readonly cost?: number;
	readonly shedCost?: number;
	/** Messages that one turn of the loop takes in at most: the windows of all connections. Headers are not held back. */
	readonly turnMost?: number;
	/** Milliseconds of other work in each turn of the loop. */
	readonly other?: number;
	readonly seed?: number;
	/** Checks that come at once at the beginning. */
	readonly burst?: number;
}

interface Second {
	/** Admitted and answered within 200 ms of when they were asked. */
	good: number;
	shed: number;
	late: number;
	/** Longest wait for an answer of either kind. */
	longest: number;
}

const DEADLINE = 200;
/** Of a check on a common machine, and of a shed one, in milliseconds. */
const COST = 0.2;
const SHED_COST = 0.04;

function simulate(load: Load) {
	const { cost = COST, shedCost = SHED_COST, turnMost = 900, other = 0, perSecond, burst = 0 } = load;
	let now = 0;
	let idle = 0;
	let state = load.seed ?? 1;
	// mulberry32
	const random = () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
	let endTurn: (() => void) | null = null;
	const changes: boolean[] = [];
	const shedder = new Shedder({
		stopwatch: () => now,
		idle: () => idle,
		random,
		afterTurn: (callback) => {
			endTurn = callback;
		},
		onChange: (shedding) => changes.push(shedding),
	});
	const seconds: Second[] = perSecond.map(() => ({ good: 0, shed: 0, late: 0, longest: 0 }));
	const end = perSecond.length * 1_000;
	let next = 0;
	const rate = () => perSecond[Math.min(perSecond.length - 1, Math.floor(next / 1_000))]! / 1_000;
	const asked: number[] = Array(burst).fill(0);
	const admitted: { readonly at: number; readonly seen: number }[] = [];
	const answer = (at: number, what: "shed" | "check") => {
		const second = seconds[Math.min(seconds.length - 1, Math.floor(at / 1_000))]!;
		second.longest = Math.max(second.longest, now - at);
		second[what === "shed" ? "shed" : now - at <= DEADLINE ? "good" : "late"]++;
	};
	while (now < end) {
		while (next <= now) {
			asked.push(next);
			// A pace of its own, not quite even.
			next += (0.5 + random()) / rate();
		}
		if (asked.length + admitted.length === 0) {
			const wait = other > 0 ? 0 : Math.min(next, end) - now;
			idle += wait;
			now += wait + other;
			continue;
		}
		let room = turnMost;
		const handle = () => {
			const { at, seen } = admitted.shift()!;
			room--;
			shedder.begin(now - seen, Infinity);
			now += cost;
			shedder.ended(true);
			answer(at, "check");
		};
		while (admitted.length > 0 && room > 0) handle();
		for (const at of asked.splice(0)) {
			if (shedder.admit()) {
				admitted.push({ at, seen: now });
				if (room > 0) handle();
			} else {
				now += shedCost;
				answer(at, "shed");
			}
		}
		now += other;
		(endTurn as (() => void) | null)?.();
	}
	return { seconds, changes, shedder, queued: asked.length + admitted.length };
}

const CAPACITY = 1_000 / COST;

describe("a load that can be answered", () => {
	test.each([0.1, 0.5, 0.9])("of %f of the capacity: nothing is shed", (share) => {
		const { shedder, changes } = simulate({ perSecond: Array(5).fill(CAPACITY * share) });
		expect(shedder.counts).toEqual({ delay: 0, streams: 0, deadline: 0 });
		expect(changes).toEqual([]);
	});

	test("with a burst of hundreds at once", () => {
		const { shedder } = simulate({ perSecond: Array(2).fill(CAPACITY / 4), burst: 500 });
		expect(shedder.counts.delay).toBe(0);
	});

	test("while something else keeps the loop busy in slices", () => {
		const { shedder } = simulate({ perSecond: Array(5).fill(CAPACITY / 3), other: 10 });
		expect(shedder.counts.delay).toBe(0);
	});

	test("while something else blocks the loop for long, when few checks come", () => {
		const { shedder } = simulate({ perSecond: Array(5).fill(50), other: 300 });
		expect(shedder.counts.delay).toBe(0);
	});
});

describe("a load that cannot", () => {
	test.each([
		["twice the capacity", 2, 900],
		["twice, over one connection", 2, 57],
		["twice, over few connections", 2, 250],
		["three times", 3, 900],
	])("%s: what is left for admitted checks is used, and they are answered in time", (_name, times, turnMost) => {
		const { seconds, queued } = simulate({ perSecond: Array(8).fill(CAPACITY * times), turnMost });
		const best = (CAPACITY * (1 - times * (SHED_COST / COST))) / (1 - SHED_COST / COST);
		for (const second of seconds.slice(2)) {
			expect(second.good).toBeGreaterThan(0.85 * best);
			expect(second.late).toBeLessThan(0.05 * best);
			expect(second.longest).toBeLessThan(DEADLINE * 1.5);
		}
		expect(queued).toBeLessThan(CAPACITY);
	});

	test("is over within two seconds, and nothing is shed from then on", () => {
		const { seconds, changes, shedder } = simulate({
			perSecond: [...Array(5).fill(CAPACITY * 2), ...Array(4).fill(CAPACITY / 2)],
		});
		expect(seconds[4]!.shed).toBeGreaterThan(0);
		expect(seconds.slice(7).map(({ shed, late }) => shed + late)).toEqual([0, 0]);
		expect(shedder.share).toBe(1);
		expect(changes.at(0)).toBe(true);
		expect(changes.at(-1)).toBe(false);
	});

	test("that ends at once leaves no trace for the first check that comes much later", () => {
		const { shedder, changes } = simulate({ perSecond: [...Array(3).fill(CAPACITY * 2), 0.4, 0.4, 0.4, 0.4] });
		expect(shedder.share).toBe(1);
		expect(changes.at(-1)).toBe(false);
	});

	test("random loads, whatever they were: after some quiet seconds all is as if nothing had been", () => {
		fc.assert(
			fc.property(
				fc.array(fc.double({ min: 0.05, max: 4, noNaN: true }), { minLength: 1, maxLength: 4 }),
				fc.integer(),
				fc.integer({ min: 57, max: 2_000 }),
				(times, seed, turnMost) => {
					const perSecond = [...times.map((factor) => factor * CAPACITY), ...Array(4).fill(CAPACITY / 5)];
					const { shedder, seconds } = simulate({ perSecond, seed, turnMost });
					expect(shedder.share).toBe(1);
					expect(seconds.at(-1)).toMatchObject({ shed: 0, late: 0 });
				},
			),
			{ numRuns: 25 },
		);
	});
});

describe("room", () => {
	const options = { stopwatch: () => 0, idle: () => 0, random: () => 0, afterTurn: () => {}, onChange: () => {} };

	test("no more checks than the limit are under way", () => {
		const shedder = new Shedder({ ...options, limits: { grpcChecks: 2 } });
		expect([shedder.admit(), shedder.admit(), shedder.admit()]).toEqual([true, true, false]);
		shedder.ended(false);
		expect(shedder.admit()).toBe(true);
		expect(shedder.counts).toEqual({ delay: 0, streams: 1, deadline: 0 });
	});

	test("no work is done for a caller that has given up", () => {
		const shedder = new Shedder(options);
		expect(shedder.begin(199, 200)).toBe(true);
		expect(shedder.begin(200, 200)).toBe(false);
		expect(shedder.counts.deadline).toBe(1);
	});
});

test.each([
	["200", 200],
	["0", Infinity],
	["-1", Infinity],
	["1e3", Infinity],
	["", Infinity],
	[undefined, Infinity],
	[Buffer.from("200"), Infinity],
	["9999999999", Infinity],
])("a proxy that says %p waits %p ms", (header, expected) => {
	expect(patienceOf(header)).toBe(expected);
});

test("the limits fit together: an answer comes within Envoy's own 200 ms even when the queue stands", () => {
	expect(LIMITS.shedDelayMs * 3).toBeLessThan(DEADLINE);
	expect(LIMITS.shedWindowMs).toBeGreaterThanOrEqual(LIMITS.shedDelayMs);
});
