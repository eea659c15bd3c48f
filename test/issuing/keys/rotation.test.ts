/** Rotations of keys, planned: whatever their order and times, nothing in flight breaks. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LIMITS } from "../../../src/core/limits.ts";
import { chooseSigningKey } from "../../../src/issuing/keys/choose.ts";
import { type KeyAge, planRotation, type RotationOrder } from "../../../src/issuing/keys/rotation.ts";
import { issuer } from "../../support/policy-set.ts";

const NOW = Date.UTC(2026, 0, 31, 12);
const HOUR = 3_600_000;
const OWN = issuer({
	url: "https://tokens.example.org",
	domain: "internal",
	jwks: null,
	options: { signer: "firebreak" },
});
const LEAST = OWN.max_lifetime * 1_000 + LIMITS.clockSkewSeconds * 1_000;

const order = (changes: Partial<RotationOrder> = {}): RotationOrder => ({
	domain: "internal",
	announce: null,
	overlap: LIMITS.keyOverlapMs,
	algorithm: null,
	ifOlderThan: null,
	...changes,
});

/** The keys after a rotation, as the database would have them. */
function rotate(keys: readonly KeyAge[], kid: string, changes: Partial<RotationOrder>, now: number): readonly KeyAge[] {
	const plan = planRotation(order(changes), keys, [OWN], now);
	if (plan === null) return keys;
	const untils = new Map(plan.withdrawn.map(({ kid, until }) => [kid, until]));
	const before = keys.map((key) => ({ ...key, until: untils.get(key.kid) ?? key.until }));
	return [
		...before,
		{ kid, from: plan.signsFrom, until: Number.POSITIVE_INFINITY, publishedAt: now, quarantined: false },
	];
}

describe("a rotation", () => {
	test("of the first key signs at once; a later one is announced", () => {
		const first = rotate([], "a", {}, NOW);
		expect(first).toEqual([
			{ kid: "a", from: NOW, until: Number.POSITIVE_INFINITY, publishedAt: NOW, quarantined: false },
		]);
		const second = rotate(first, "b", { overlap: 2 * HOUR }, NOW + HOUR);
		const from = NOW + HOUR + LIMITS.keyAnnounceMs;
		expect(second).toMatchObject([
			{ kid: "a", until: from + 2 * HOUR },
			{ kid: "b", from },
		]);
	});

	test("in place of a key in quarantine signs at once, and lets the other end", () => {
		const stolen = { kid: "stolen", from: 0, until: Number.POSITIVE_INFINITY, publishedAt: 0, quarantined: true };
		const plan = planRotation(order(), [stolen], [OWN], NOW);
		expect(plan).toMatchObject({ signsFrom: NOW, withdrawn: [{ kid: "stolen" }] });
		expect(planRotation(order({ ifOlderThan: 2 * NOW }), [stolen], [OWN], NOW)).toEqual(plan);
		const young = { ...stolen, quarantined: false };
		expect(planRotation(order({ ifOlderThan: 2 * NOW }), [young], [OWN], NOW)).toBeNull();
	});

	test("never prolongs a key that was to end sooner, nor touches one that is over", () => {
		const keys = [
			{ kid: "over", from: 0, until: NOW, publishedAt: 0, quarantined: false },
			{ kid: "ending", from: 0, until: NOW + HOUR, publishedAt: 0, quarantined: false },
		];
		const plan = planRotation(order(), keys, [OWN], NOW);
		expect(plan).toMatchObject({ withdrawn: [], retired: ["over"] });
	});

	test("keeps as many keys as one set holds", () => {
		const keys = Array.from({ length: LIMITS.jwksKeys }, (_, index) => ({
			kid: `k${index}`,
			from: NOW,
			until: Number.POSITIVE_INFINITY,
			publishedAt: NOW,
			quarantined: false,
		}));
		expect(() => planRotation(order(), keys, [OWN], NOW)).toThrow("not retired");
	});
});

test("every token that was signed with the key of its instant is good to its end, whatever was rotated before and after", () => {
	const steps = fc.array(
		fc.record({
			wait: fc.integer({ min: 0, max: 3 * HOUR }),
			rotates: fc.boolean(),
			announce: fc.option(fc.integer({ min: 0, max: 2 * HOUR }), { nil: null }),
			overlap: fc.integer({ min: LEAST, max: 2 * LEAST }),
			ifOlderThan: fc.option(fc.integer({ min: 0, max: HOUR }), { nil: null }),
			lifetime: fc.integer({ min: 1, max: OWN.max_lifetime }),
		}),
		{ maxLength: 12 },
	);
	let signed = 0;
	fc.assert(
		fc.property(steps, (list) => {
			let now = NOW;
			let keys = rotate([], "first", {}, now);
			const tokens: { readonly kid: string; readonly exp: number }[] = [];
			for (const [index, { wait, rotates, lifetime, ...changes }] of list.entries()) {
				now += wait;
				if (rotates) keys = rotate(keys, `k${index}`, changes, now);
				const exp = now + lifetime * 1_000;
				// As issuing/issue.ts chooses; there is always one.
				const { kid } = chooseSigningKey("internal", keys, ({ until }) => until >= exp, now);
				tokens.push({ kid, exp });
			}
			for (const { kid, exp } of tokens) {
				signed++;
				expect(keys.find((key) => key.kid === kid)!.until).toBeGreaterThanOrEqual(exp);
			}
		}),
		{ numRuns: 1_000 },
	);
	expect(signed).toBeGreaterThan(1_000);
});
