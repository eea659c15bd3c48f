/** The judge of a soak: what it calls flat, and what not. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { MOST_GROWTH, type Sample, trendOf } from "./trend.ts";

const MINUTE = 60_000;
const MEBIBYTE = 2 ** 20;

/** Ten minutes, a sample each half second. */
const samples = (bytes: (share: number, index: number) => number, count = 1_200): Sample[] =>
	Array.from({ length: count }, (_, index) => ({
		at: (index * 10 * MINUTE) / count,
		bytes: bytes(index / count, index) * MEBIBYTE,
	}));

describe("flat", () => {
	test.each<[string, Sample[]]>([
		["a constant", samples(() => 150)],
		[
			"a beginning that grows to twice its size in the first third",
			samples((share) => 150 * Math.min(2, 1 + 3 * share)),
		],
		["a saw whose teeth are half of it", samples((_, index) => 150 + (index % 40) * 2)],
		["peaks that stand alone", samples((_, index) => (index % 97 < 3 ? 900 : 150))],
		["a step up and down again", samples((share) => (share > 0.6 && share < 0.7 ? 300 : 150))],
		["less and less", samples((share) => 300 - 100 * share)],
		["growth of 3 % over the judged part", samples((share) => 150 * (1 + 0.045 * share))],
	])("%s", (_name, given) => {
		expect(trendOf(given)).toMatchObject({ flat: true });
	});
});

describe("not flat", () => {
	test.each<[string, Sample[]]>([
		["growth of 8 % over the judged part", samples((share) => 150 * (1 + 0.13 * share))],
		["a leak under a saw", samples((share, index) => 150 + 40 * share + (index % 40) * 2)],
		["a leak with peaks", samples((share, index) => 150 + 60 * share + (index % 50 === 0 ? 500 : 0))],
		["a leak that begins in the middle", samples((share) => 150 + Math.max(0, share - 0.5) * 200)],
		["a staircase", samples((share) => 150 + Math.floor(share * 10) * 8)],
	])("%s", (_name, given) => {
		expect(trendOf(given)).toMatchObject({ flat: false });
	});
});

test("any steady leak is found whatever noise lies on it, and none is made up", () => {
	const noise = fc.array(fc.double({ min: 0, max: 0.3, noNaN: true }), { minLength: 1_200, maxLength: 1_200 });
	fc.assert(
		fc.property(noise, fc.double({ min: 0, max: 1, noNaN: true }), (jitter, leak) => {
			const { growth } = trendOf(samples((share, index) => 150 * (1 + leak * share) * (1 + jitter[index]!)));
			const real = (leak * (2 / 3)) / (1 + leak * (2 / 3));
			expect(Math.abs(growth - real)).toBeLessThan(0.5 * MOST_GROWTH);
		}),
		{ numRuns: 30 },
	);
});

test("too few samples are no verdict", () => {
	expect(() => trendOf([])).toThrow(RangeError);
	expect(() => trendOf(samples(() => 150, 50))).toThrow(RangeError);
});
