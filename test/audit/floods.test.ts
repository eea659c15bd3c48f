import { describe, expect, test } from "@jest/globals";
import { FloodTable } from "../../src/audit/floods.ts";
import { deniedCheck, recordedCheck } from "../support/checks.ts";
import { facts } from "../support/decisions.ts";

const limits = { windowMs: 10_000, burst: 3, floods: 5 };
const T = Date.UTC(2026, 0, 31, 12);

describe("FloodTable", () => {
	test("keeps the first alike one by one, and makes one row of the rest", () => {
		const table = new FloodTable(limits);
		const checks = Array.from({ length: 10 }, (_, index) => deniedCheck({}, { at: T + index }));
		const kept = checks.map((check) => table.add("denial", check));
		expect(kept.map((row) => row?.id ?? null)).toEqual([
			...checks.slice(0, 3).map(({ id }) => id),
			...Array<null>(7).fill(null),
		]);
		expect(table.takeEnded(T + 9_999)).toEqual([]);
		expect(table.takeEnded(T + 10_000)).toMatchObject([{ id: checks[3]?.id, at: T + 3, count: 7 }]);
		expect(table.takeEnded(T + 10_000)).toEqual([]);
	});

	test("begins anew with each window", () => {
		const table = new FloodTable(limits);
		const kept = [0, 1, 2, 3, 10_000, 10_001].map((ms) => table.add("denial", deniedCheck({}, { at: T + ms })));
		expect(kept.map((row) => row !== null)).toEqual([true, true, true, false, true, true]);
		expect(table.takeEnded(T + 10_001)).toMatchObject([{ count: 1 }]);
	});

	test("does not begin anew when the clock goes back", () => {
		const table = new FloodTable(limits);
		const kept = [0, -60_000, 1, -60_000].map((ms) => table.add("denial", deniedCheck({}, { at: T + ms })));
		expect(kept.map((row) => row !== null)).toEqual([true, true, true, false]);
	});

	test.each([
		["reasons", deniedCheck({ reason: "policy_denied" })],
		["causes", deniedCheck({ detail: "other" })],
		["policies", deniedCheck({ policy: "other" })],
		["sources", deniedCheck({ source: { segment: "other", domain: "internal", environment: "prod" } })],
		["unknown sources", deniedCheck({ source: null, principal: "spiffe://x/y" })],
		["anonymous addresses", deniedCheck({ source: null, principal: null })],
		["destinations", deniedCheck({ destination: null })],
		["methods", deniedCheck({}, { request: facts({ method: "PUT" }) })],
	])("tells %s apart", (_title, other) => {
		const table = new FloodTable({ ...limits, burst: 1 });
		expect(table.add("denial", deniedCheck())).not.toBeNull();
		expect(table.add("denial", other)).not.toBeNull();
		expect(table.add("denial", deniedCheck())).toBeNull();
	});

	test("does not tell paths apart, which a scanner varies", () => {
		const table = new FloodTable({ ...limits, burst: 1 });
		table.add("denial", deniedCheck());
		expect(table.add("denial", deniedCheck({}, { request: facts({ rawPath: "/other" }) }))).toBeNull();
	});

	test("tells kinds apart", () => {
		const table = new FloodTable({ ...limits, burst: 1 });
		expect(table.add("crossing", recordedCheck())).not.toBeNull();
		expect(table.add("edge", recordedCheck())).not.toBeNull();
	});

	test("is bounded: beyond its limit only the reason is told apart, and nothing is lost", () => {
		const table = new FloodTable({ ...limits, burst: 1 });
		let kept = 0;
		for (let index = 0; index < 1_000; index++) {
			const check = deniedCheck({ source: null, principal: `spiffe://x/${index}` }, { at: T });
			if (table.add("denial", check) !== null) kept++;
		}
		expect(kept).toBe(limits.floods + 1);
		expect(table.takeAll()).toMatchObject([{ reason: "no_policy", count: 1_000 - kept }]);
	});
});
