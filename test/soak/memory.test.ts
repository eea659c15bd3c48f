/** Which servers of a soak are judged by their trend, and which by their peak. */
import { expect, test } from "@jest/globals";
import { judgeMemory, type Remembered } from "./memory.ts";

const FIRST = 1_000;
const WARM = 10_000;
const END = 100_000;

const life = (name: string, begun: number, end: number, mebibytes: (at: number) => number): Remembered => ({
	name,
	begun,
	samples: Array.from({ length: Math.floor((end - begun) / 250) + 1 }, (_, index) => begun + index * 250).map((at) => ({
		at,
		bytes: mebibytes(at) * 2 ** 20,
	})),
});
const flat = life("flat", 0, END, () => 150);

test.each<[string, Remembered[], boolean[]]>([
	["a flat one", [flat], [true]],
	["growth in the warm-up alone", [life("a", 0, END, (at) => (at < WARM ? 50 : 150))], [true]],
	["growth", [life("a", 0, END, (at) => 150 + at / 1_000)], [false]],
	["growth of a second one that lasts", [flat, life("b", 500, END, (at) => 150 + at / 1_000)], [true, false]],
	["growth of one that began later", [flat, life("b", 50_000, END, (at) => 100 + at / 1_000)], [true, true]],
	["growth of one that ended", [flat, life("b", 0, 50_000, (at) => 100 + at / 1_000)], [true, true]],
	["a high one that did not last", [flat, life("b", 20_000, 30_000, () => 226)], [true, false]],
	["one that ended before a sample was taken", [flat, { name: "b", begun: 20_000, samples: [] }], [true, true]],
])("%s", (_name, lives, good) => {
	expect(judgeMemory(lives, FIRST, WARM).map((each) => each.good)).toEqual(good);
});

test("without a server that lasted there is no verdict", () => {
	expect(() => judgeMemory([life("late", 50_000, END, () => 150)], FIRST, WARM)).toThrow(RangeError);
	expect(() => judgeMemory([], FIRST, WARM)).toThrow(RangeError);
});
