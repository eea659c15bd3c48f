/** Budgets and requests for tests of limiters. */
import { expect } from "@jest/globals";
import fc from "fast-check";
import type { Budget } from "../../src/core/budget.ts";

export const budget = (some: Partial<Budget> = {}): Budget => ({
	kind: "domain",
	key: "internal",
	perSecond: 1,
	burst: 1,
	own: false,
	...some,
});

/** Requests that come in bunches, milliseconds apart. */
export const spendings = fc.record({
	perSecond: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.double({ min: 0.001, max: 50, noNaN: true })),
	burst: fc.integer({ min: 1, max: 50 }),
	steps: fc.array(
		fc.record({
			pause: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.double({ min: 0, max: 5_000, noNaN: true })),
			requests: fc.integer({ min: 0, max: 30 }),
		}),
		{ maxLength: 30 },
	),
});

/**
 * Asserts that no window from one grant to a later one holds more than `burst` and what its time paid.
 * @param grants milliseconds of each, in order.
 */
export function grantsWithinBounds(grants: readonly number[], perSecond: number, burst: number): void {
	let least = Number.POSITIVE_INFINITY;
	grants.forEach((at, index) => {
		const ahead = index - (perSecond * at) / 1_000;
		least = Math.min(least, ahead);
		if (ahead - least + 1 > burst + 1e-5)
			expect({ at, granted: ahead - least + 1, burst, perSecond }).toBe("within bounds");
	});
}
