import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { LaneEffect } from "../../src/core/lane/entries.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import type { LaneRow } from "../../src/core/model.ts";

const NOW = Date.UTC(2026, 0, 1);
const ISSUERS = ["https://a.example.org", "https://b.example.org"];
const NAMES = ["x", "y", ""];
const KINDS = ["workload", "segment", "domain", "issuer", "key"];

const until = fc.constantFrom(null, NOW - 1, NOW, NOW + 1, NOW + 1_000);
const issuer = fc.constantFrom(...ISSUERS);
const name = fc.constantFrom(...NAMES);
const effects: fc.Arbitrary<LaneEffect> = fc.oneof(
	fc.record({ kind: fc.constant("revoke_token"), payload: fc.record({ issuer, token_id: name }), until }),
	fc.record({
		kind: fc.constant("revoke_before"),
		payload: fc.record({ issuer, issued_before: fc.integer({ min: 0, max: 5 }), subject: fc.option(name) }),
		until: fc.constant(null),
	}),
	fc.record({
		kind: fc.constantFrom("quarantine", "quarantine", "lift"),
		payload: fc.record({ kind: fc.constantFrom(...KINDS), name: fc.oneof(name, issuer) }),
		until,
	}),
);

function laneOf(rows: readonly LaneEffect[]): Lane {
	const lane = new Lane();
	for (const [index, row] of rows.entries()) lane.apply({ ...row, key: "", seq: index + 1 } as LaneRow);
	return lane;
}

function restored(rows: Iterable<LaneEffect>): Lane {
	const lane = new Lane();
	for (const row of rows) lane.restore(row);
	return lane;
}

/** Every answer that the lane can give about the names of this test. */
function answers(lane: Lane, now: number): unknown[] {
	const all: unknown[] = [lane.unknownKind];
	for (const issuer of ISSUERS) {
		for (const id of [...NAMES, null]) {
			for (const subject of NAMES) {
				for (const issuedAt of [0, 2, 5, null]) {
					all.push(lane.revocationOf({ issuer, id, subject, issuedAt, keyThumbprint: "x" }, now));
				}
			}
		}
	}
	for (const one of [...NAMES, ...ISSUERS]) all.push(lane.quarantined(one, one, one, now));
	return all;
}

describe("rows", () => {
	test("say all that is in force, at any time", () => {
		fc.assert(
			fc.property(fc.array(effects, { maxLength: 60 }), (rows) => {
				const lane = laneOf(rows);
				const again = restored(lane.rows());
				for (const now of [0, NOW, NOW + 1, NOW + 2_000]) expect(answers(again, now)).toEqual(answers(lane, now));
			}),
			{ numRuns: 300 },
		);
	});

	test("applied again behind them, later ones and those that are in them alike, change nothing but what is new", () => {
		fc.assert(
			fc.property(fc.array(effects, { maxLength: 40 }), fc.nat(), fc.nat(), (rows, one, two) => {
				const [from, to] = [one % (rows.length + 1), two % (rows.length + 1)].sort((a, b) => a - b) as [number, number];
				const again = restored(laneOf(rows.slice(0, to)).rows());
				again.seq = from;
				for (const [index, row] of rows.entries()) again.apply({ ...row, key: "", seq: index + 1 } as LaneRow);
				expect(answers(again, NOW)).toEqual(answers(laneOf(rows), NOW));
				expect(again.seq).toBe(Math.max(from, rows.length));
			}),
			{ numRuns: 300 },
		);
	});

	test("leave out what was lifted, and what another row outdid", () => {
		const about = { kind: "workload", name: "x" };
		const before = (issued_before: number) => ({ issuer: "i", issued_before, subject: null });
		const lane = laneOf([
			{ kind: "quarantine", payload: about, until: null },
			{ kind: "revoke_before", payload: before(7), until: null },
			{ kind: "revoke_before", payload: before(5), until: null },
			{ kind: "lift", payload: about, until: null },
		]);
		expect([...lane.rows()]).toEqual([{ kind: "revoke_before", payload: before(7), until: null }]);
	});

	test("of a lane that met an unknown kind make a lane that is as stale", () => {
		const lane = laneOf([{ kind: "banish", payload: { name: "x" }, until: null }]);
		expect(restored(lane.rows()).unknownKind).toBe("banish");
		const malformed = laneOf([{ kind: "revoke_token", payload: { nobody: 1 }, until: null }]);
		expect(restored(malformed.rows()).unknownKind).toBe("revoke_token");
	});

	test("of a new lane are none", () => {
		expect([...new Lane().rows()]).toEqual([]);
	});
});
