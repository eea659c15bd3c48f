/** What a soak excuses, and that it does not excuse the rest. */
import { describe, expect, test } from "@jest/globals";
import { type Excusing, Ledger } from "./excuses.ts";
import { NO_ANSWER, reasonIn } from "./refusals.ts";

const HARMLESS: Excusing = { name: "the collector hangs", excuses: [] };
const STOP: Excusing = { name: "a stop", excuses: [{ reason: NO_ANSWER, kinds: "all", mostShare: 0.05 }] };
const KEYS: Excusing = {
	name: "no keys",
	excuses: [{ reason: "keys_unavailable", kinds: ["partner"], mostShare: 1 }],
};

test.each<[excused: boolean, reason: string, kind: string, faults: readonly Excusing[]]>([
	[false, NO_ANSWER, "row 1", []],
	[false, NO_ANSWER, "row 1", [HARMLESS]],
	[false, "policy_stale", "row 1", [HARMLESS, STOP, KEYS]],
	[true, NO_ANSWER, "row 1", [STOP]],
	[true, NO_ANSWER, "row 1", [HARMLESS, STOP]],
	[true, "keys_unavailable", "partner", [KEYS]],
	[false, "keys_unavailable", "row 1", [KEYS]],
	[true, "overloaded", "row 1", []],
])("excused %s: %s, %s", (excused, reason, kind, faults) => {
	expect(new Ledger().excuses(reason, kind, faults)).toBe(excused);
});

describe("of 100 requests", () => {
	test.each([
		["overloaded", 2, true],
		["overloaded", 3, false],
		[NO_ANSWER, 5, true],
		[NO_ANSWER, 6, false],
	])("%s: %i is good: %s", (reason, refused, good) => {
		const ledger = new Ledger();
		for (let each = 0; each < 100; each++) ledger.answered([STOP]);
		for (let each = 0; each < refused; each++) ledger.excuses(reason, "row 1", [STOP]);
		expect(ledger.shares().every((share) => share.good)).toBe(good);
	});

	test("a fault's share is of the requests under it alone", () => {
		const ledger = new Ledger();
		for (let each = 0; each < 100; each++) ledger.answered(each < 10 ? [STOP] : []);
		ledger.excuses(NO_ANSWER, "row 1", [STOP]);
		expect(ledger.shares()).toContainEqual({ text: expect.stringContaining("1 of 10, 10 %"), good: false });
	});
});

test.each([
	[{ firebreak: { reason: "overloaded" }, details: "ext_authz_denied" }, "overloaded"],
	[{ firebreak: null, details: "ext_authz_error" }, NO_ANSWER],
	[{ firebreak: null, details: "upstream_reset" }, "Envoy: upstream_reset"],
])("%j is told as %s", (entry, reason) => {
	expect(reasonIn(entry)).toBe(reason);
});
