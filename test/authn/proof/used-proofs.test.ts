import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { UsedProofs, type UsedProofsOptions } from "../../../src/authn/proof/used-proofs.ts";
import { LIMITS } from "../../../src/core/limits.ts";

/** How long a proof is good beyond its iat, in milliseconds. */
const LIFE = (LIMITS.proofSeconds + LIMITS.clockSkewSeconds) * 1000;
const SKEW = LIMITS.clockSkewSeconds * 1000;
const START = 1_780_000_000_000;

const memory = (options: Partial<UsedProofsOptions> = {}) => new UsedProofs({ since: 0, ...options });
const proof = (id: string, issuedAt = START, key = "k") => ({ id, key, issuedAt, until: issuedAt + LIFE });

test("a proof is new once", () => {
	const used = memory();
	expect(used.has("a")).toBe(false);
	expect(used.add(proof("a"), START)).toBe("new");
	expect(used.has("a")).toBe(true);
	expect(used.add(proof("a"), START)).toBe("used");
	expect(used.add(proof("b"), START)).toBe("new");
	expect(used.size).toBe(2);
});

test("proofs are forgotten once they are over, and are then refused for that", () => {
	const used = memory();
	used.add(proof("a"), START);
	used.add(proof("late", START + SKEW), START);
	used.add(proof("b", START + LIFE), START + LIFE);
	expect(used.size).toBe(3);
	expect(used.add(proof("c", START + LIFE), START + LIFE + SKEW)).toBe("new");
	expect(used.size).toBe(2);
	// The clock goes back to when the forgotten ones were good.
	expect(used.add(proof("a"), START)).toBe("forgotten");
	expect(used.add(proof("never", START + SKEW), START)).toBe("forgotten");
});

test("proofs from before the memory began may have been used", () => {
	const used = memory({ since: START });
	expect(used.add(proof("a", START - 1), START + 5)).toBe("forgotten");
	expect(used.add(proof("a", START), START + 5)).toBe("new");
});

describe("it is full", () => {
	test("at its limit, until proofs are over", () => {
		const used = memory({ entries: 3 });
		for (const id of ["a", "b", "c"]) expect(used.add(proof(id), START)).toBe("new");
		expect(used.add(proof("d"), START)).toBe("full");
		expect(used.add(proof("a"), START)).toBe("used");
		expect(used.size).toBe(3);
		expect(used.add(proof("e", START + LIFE), START + LIFE)).toBe("new");
		expect(used.size).toBe(1);
	});

	test("for one key at a part of it", () => {
		const used = memory({ entries: 10, entriesOfKey: 2 });
		for (const id of ["a", "b"]) expect(used.add(proof(id, START, "greedy"), START)).toBe("new");
		const later = START + LIMITS.replayGenerationMs;
		expect(used.add(proof("c", later, "greedy"), later)).toBe("full_of_key");
		expect(used.add(proof("d", later, "other"), later)).toBe("new");
	});
});

test("whatever the clock does, a proof is new at most once, and no more are kept than may be", () => {
	const step = fc.record({
		wait: fc.oneof(fc.integer({ min: -200_000, max: 200_000 }), fc.integer({ min: 0, max: 2_000 })),
		id: fc.constantFrom("a", "b", "c", "d"),
		// The proof that an id stands for is signed once: its iat never changes.
	});
	fc.assert(
		fc.property(
			fc.array(step, { maxLength: 60 }),
			fc.array(fc.nat(120_000), { minLength: 4, maxLength: 4 }),
			(steps, ages) => {
				const used = memory({ entries: 3 });
				const accepted = new Map<string, number>();
				let now = START;
				for (const { wait, id } of steps) {
					now += wait;
					const issuedAt = START + ages["abcd".indexOf(id)]!;
					const good = now < issuedAt + LIFE && issuedAt <= now + SKEW;
					if (good && used.add(proof(id, issuedAt), now) === "new") accepted.set(id, (accepted.get(id) ?? 0) + 1);
					expect(used.size).toBeLessThanOrEqual(3);
				}
				expect([...accepted.values()].every((times) => times === 1)).toBe(true);
			},
		),
		{ numRuns: 500 },
	);
});
