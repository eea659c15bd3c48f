import { describe, expect, test } from "@jest/globals";
import { UseTable } from "../../src/audit/uses.ts";

const MINUTE = Date.UTC(2026, 0, 31, 12);
const A = "https://a.example.org";
const B = "https://b.example.org";

describe("UseTable", () => {
	test("adds up a minute's uses of a token, which its issuer and its id tell apart", () => {
		const table = new UseTable();
		for (const at of [5, 9, 7]) table.add(A, "1", MINUTE + at);
		table.add(A, "2", MINUTE + 59_999);
		table.add(B, "1", MINUTE + 1);
		expect(table.takeEnded(MINUTE + 59_999)).toEqual([]);
		expect(table.takeEnded(MINUTE + 60_000)).toEqual([
			{ issuer: A, tokenId: "1", count: 3, last: MINUTE + 9 },
			{ issuer: A, tokenId: "2", count: 1, last: MINUTE + 59_999 },
			{ issuer: B, tokenId: "1", count: 1, last: MINUTE + 1 },
		]);
		expect(table.takeAll()).toEqual([]);
	});

	test("begins anew with each minute, whichever way its clock goes", () => {
		const table = new UseTable();
		table.add(A, "1", MINUTE + 60_000);
		table.add(A, "1", MINUTE);
		table.add(A, "1", MINUTE + 120_000);
		expect(table.takeAll()).toEqual([
			{ issuer: A, tokenId: "1", count: 2, last: MINUTE + 60_000 },
			{ issuer: A, tokenId: "1", count: 1, last: MINUTE + 120_000 },
		]);
	});

	test("is bounded: what it has no place for is said, and known tokens go on", () => {
		const table = new UseTable(2);
		expect(["1", "2", "3", "2", "1"].map((id) => table.add(A, id, MINUTE))).toEqual([true, true, false, true, true]);
		expect(table.takeAll().map(({ tokenId, count }) => [tokenId, count])).toEqual([
			["1", 2],
			["2", 2],
		]);
		expect(table.add(A, "3", MINUTE)).toBe(true);
	});
});
