import { afterEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import type { RecordedCheck } from "../../src/audit/record.ts";
import { createRecorder, type Recorder, type RecorderOptions } from "../../src/audit/recorder.ts";
import { RowRefused } from "../../src/audit/sink.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { deniedCheck, recordedCheck } from "../support/checks.ts";
import { facts, TOKEN } from "../support/decisions.ts";
import { MemorySink } from "../support/memory-sink.ts";

const T = Date.UTC(2026, 0, 31, 12);

function harness(changes: Partial<RecorderOptions> = {}) {
	const sink = new MemorySink();
	const told: unknown[] = [];
	let now = T;
	const recorder = createRecorder({
		queueMax: 1_000,
		sink,
		clock: () => now,
		random: () => 0.5,
		events: {
			lost: (counts) => told.push(["lost", counts]),
			sinkDown: (error) => told.push(["down", (error as Error).message]),
			sinkBack: () => told.push(["back"]),
		},
		...changes,
	});
	return {
		sink,
		told,
		recorder,
		setTime: (at: number) => {
			now = at;
		},
	};
}

const total = (recorder: Recorder) => Object.values(recorder.lost).reduce((sum, count) => sum + count, 0);

describe("what is kept", () => {
	test("denials, would-be denials, crossings and first-seen edges in full; all that passed as flows", async () => {
		const { recorder, sink } = harness();
		recorder.record(recordedCheck());
		recorder.record(recordedCheck());
		recorder.record(recordedCheck({ crossing: "partner" }));
		recorder.record(
			recordedCheck({ reason: "allowed_monitor", would: { reason: "no_policy", detail: null, policy: null } }),
		);
		recorder.record(deniedCheck());
		await recorder.stop(1_000);
		expect([...sink.decisions.values()].map(({ kind }) => kind)).toEqual(["edge", "crossing", "monitor", "denial"]);
		expect(sink.storedFlows()).toBe(4);
		expect(total(recorder)).toBe(0);
	});

	test("of a domain that audits denials only: no flows and no edges, but crossings", async () => {
		const { recorder, sink } = harness();
		recorder.record(recordedCheck({}, { audit: "denials" }));
		recorder.record(recordedCheck({ crossing: "partner" }, { audit: "denials" }));
		recorder.record(deniedCheck({}, { audit: "denials" }));
		await recorder.stop(1_000);
		expect([...sink.decisions.values()].map(({ kind }) => kind)).toEqual(["crossing", "denial"]);
		expect(sink.flows).toEqual([]);
	});

	test.each(["full", "denials"] as const)(
		"uses of tokens that have a passport, where the domain audits %s",
		async (audit) => {
			const { recorder, sink } = harness();
			recorder.record(recordedCheck({}, { audit, at: T + 3 }));
			recorder.record(recordedCheck({ crossing: "partner" }, { audit, at: T + 5 }));
			recorder.record(deniedCheck({}, { audit, at: T + 7 }));
			recorder.record(recordedCheck({ token: { ...TOKEN, owner: null } }, { audit }));
			recorder.record(recordedCheck({ token: { ...TOKEN, id: null } }, { audit }));
			recorder.record(recordedCheck({ token: null }, { audit }));
			recorder.recordUse("https://other.example.org", "exchanged", T + 9);
			expect(recorder.lost.use).toBe(0);
			await recorder.stop(1_000);
			expect(sink.uses).toEqual([
				{ issuer: TOKEN.issuer, tokenId: TOKEN.id, count: 2, last: T + 5 },
				{ issuer: "https://other.example.org", tokenId: "exchanged", count: 1, last: T + 9 },
			]);
			recorder.recordUse("https://other.example.org", "exchanged", T + 10);
			expect(recorder.lost.use).toBe(1);
		},
	);

	test("a check that is no check is counted, and nothing is thrown", () => {
		const { recorder } = harness();
		expect(() => recorder.record({} as RecordedCheck)).not.toThrow();
		expect(recorder.lost.denial).toBe(1);
	});
});

describe("the queue", () => {
	test("is bounded, and what it has no place for is counted by kind", async () => {
		const { recorder, sink, told } = harness({ queueMax: 5 });
		for (let index = 0; index < 8; index++) recorder.record(deniedCheck({ detail: `d${index}` }));
		recorder.record(recordedCheck({ crossing: "c" }));
		expect(recorder.queued).toBe(5);
		expect(recorder.lost).toEqual({ denial: 3, monitor: 0, crossing: 1, edge: 0, flow: 0, use: 0 });
		await recorder.stop(1_000);
		expect(sink.stored("denial")).toBe(5);
		expect(told).toEqual([["lost", { denial: 3, monitor: 0, crossing: 1, edge: 0, flow: 0, use: 0 }]]);
	});

	test("is written in batches", async () => {
		const { recorder, sink } = harness({ queueMax: 10_000 });
		for (let index = 0; index < 2_500; index++) recorder.record(deniedCheck({ detail: `d${index}` }));
		await recorder.stop(1_000);
		expect(sink.batches).toEqual([1_000, 1_000, 500]);
	});
});

describe("a row that the sink refuses", () => {
	test("is given up alone, and counted", async () => {
		const { recorder, sink } = harness({ queueMax: 10_000 });
		sink.trouble = (rows) => {
			if (rows.some((row) => "detail" in row && row.detail === "d77")) throw new RowRefused("no");
		};
		for (let index = 0; index < 200; index++) recorder.record(deniedCheck({ detail: `d${index}` }));
		await recorder.stop(1_000);
		expect(sink.stored("denial")).toBe(199);
		expect(recorder.lost.denial).toBe(1);
	});
});

describe("the end", () => {
	test("writes the minute and the windows under way", async () => {
		const { recorder, sink } = harness();
		for (let index = 0; index < 50; index++) recorder.record(deniedCheck());
		for (let index = 0; index < 50; index++) recorder.record(recordedCheck());
		await recorder.stop(1_000);
		expect([sink.stored("denial"), sink.storedFlows(), recorder.queued]).toEqual([50, 50, 0]);
		expect(sink.decisions.size).toBe(LIMITS.recordBurst + 1 + 1);
	});

	test("gives up after its time, counts what is left, and what comes later", async () => {
		const { recorder, sink, told } = harness();
		sink.trouble = () => new Promise(() => {});
		for (let index = 0; index < 50; index++) recorder.record(deniedCheck());
		recorder.record(recordedCheck());
		await recorder.stop(20);
		expect(recorder.lost).toEqual({ denial: 50, monitor: 0, crossing: 0, edge: 1, flow: 1, use: 1 });
		expect(told).toEqual([["lost", { ...recorder.lost }]]);
		recorder.record(deniedCheck());
		recorder.record(recordedCheck({ crossing: "c" }));
		expect(recorder.lost).toEqual({ denial: 51, monitor: 0, crossing: 1, edge: 1, flow: 2, use: 2 });
		expect(recorder.queued).toBe(0);
	});

	test("waits for a sink that comes back in time", async () => {
		const { recorder, sink } = harness();
		let failures = 1;
		sink.trouble = () => {
			if (failures-- > 0) throw new Error("away");
		};
		recorder.record(deniedCheck());
		await recorder.stop(5_000);
		expect(sink.stored("denial")).toBe(1);
	});
});

/** Stops a recorder while time stands still. */
async function end(recorder: Recorder): Promise<void> {
	const stopped = recorder.stop(0);
	await jest.advanceTimersByTimeAsync(1);
	await stopped;
}

describe("at intervals", () => {
	afterEach(() => {
		jest.useRealTimers();
	});

	test("rows are written, windows and minutes when they ended", async () => {
		jest.useFakeTimers({ now: T });
		const { recorder, sink } = harness({ clock: Date.now });
		recorder.start();
		for (let index = 0; index < 50; index++) recorder.record(deniedCheck());
		for (let index = 0; index < 50; index++) recorder.record(recordedCheck());
		await jest.advanceTimersByTimeAsync(LIMITS.recordFlushMs);
		expect([sink.stored("denial"), sink.storedFlows()]).toEqual([LIMITS.recordBurst, 0]);
		await jest.advanceTimersByTimeAsync(LIMITS.recordWindowMs);
		expect([sink.stored("denial"), sink.storedFlows()]).toEqual([50, 0]);
		await jest.advanceTimersByTimeAsync(60_000);
		expect([sink.stored("denial"), sink.storedFlows()]).toEqual([50, 50]);
		await end(recorder);
	});

	test("a sink that is away is tried again ever more slowly, said once, and loses nothing that has a place", async () => {
		jest.useFakeTimers({ now: T });
		const { recorder, sink, told } = harness({ clock: Date.now });
		const tries: number[] = [];
		let away = true;
		sink.trouble = () => {
			tries.push(Date.now() - T);
			if (away) throw new Error("away");
		};
		recorder.start();
		recorder.record(deniedCheck());
		await jest.advanceTimersByTimeAsync(60_000);
		const waits = tries.slice(1).map((at, index) => at - tries[index]!);
		expect(waits.slice(0, 4)).toEqual([187, 375, 750, 1_500]);
		expect(Math.max(...waits)).toBeLessThanOrEqual(LIMITS.recordRetryMaxMs);
		expect(told).toEqual([["down", "away"]]);
		away = false;
		await jest.advanceTimersByTimeAsync(LIMITS.recordRetryMaxMs);
		expect(told).toEqual([["down", "away"], ["back"]]);
		expect(sink.stored("denial")).toBe(1);
		await end(recorder);
	});

	test("losses are said once a period", async () => {
		jest.useFakeTimers({ now: T });
		const { recorder, sink, told } = harness({ clock: Date.now, queueMax: 1 });
		sink.trouble = () => {
			throw new Error("away");
		};
		recorder.start();
		for (let second = 0; second < 130; second++) {
			recorder.record(deniedCheck({ detail: `d${second}` }, { at: Date.now() }));
			await jest.advanceTimersByTimeAsync(1_000);
		}
		const losses = told.filter((event) => (event as string[])[0] === "lost") as [string, { denial: number }][];
		expect(losses.length).toBeGreaterThanOrEqual(2);
		expect(losses.length).toBeLessThanOrEqual(3);
		await end(recorder);
		const said = told.filter((event) => (event as string[])[0] === "lost") as [string, { denial: number }][];
		expect(said.reduce((sum, [, { denial }]) => sum + denial, 0)).toBe(recorder.lost.denial);
	});

	test("a queue that fills is written before its time", async () => {
		jest.useFakeTimers({ now: T });
		const { recorder, sink } = harness({ clock: Date.now, queueMax: 10 });
		recorder.start();
		for (let index = 0; index < 5; index++) recorder.record(deniedCheck({ detail: `d${index}` }));
		await jest.advanceTimersByTimeAsync(1);
		expect(sink.stored("denial")).toBe(5);
		await end(recorder);
	});
});

describe("under random floods and outages", () => {
	const anyCheck = fc
		.record({
			kind: fc.constantFrom("flow", "denial", "monitor", "crossing"),
			who: fc.nat({ max: 3 }),
			detail: fc.nat({ max: 40 }),
			token: fc.nat({ max: 40 }),
			ms: fc.nat({ max: 20_000 }),
		})
		.map(({ kind, who, detail, token, ms }) => {
			const source = { segment: `s${who}`, domain: "internal", environment: "prod" };
			const tokenFacts = { ...TOKEN, id: `t${token}` };
			const request = facts({ rawPath: `/${detail}` });
			const make = (at: number) => {
				if (kind === "denial") return deniedCheck({ source, detail: `d${detail}` }, { at, request });
				if (kind === "monitor") return recordedCheck({ source, reason: "allowed_monitor", token: tokenFacts }, { at });
				const crossing = kind === "crossing" ? "c" : null;
				return recordedCheck({ source, crossing, token: tokenFacts }, { at, request });
			};
			return { kind, ms, make };
		});

	test("stored and lost account for every check", async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(anyCheck, { maxLength: 300 }),
				fc.integer({ min: 1, max: 50 }),
				fc.array(fc.constantFrom("works", "away", "refuses")),
				async (checks, queueMax, weather) => {
					const { recorder, sink, setTime } = harness({ queueMax });
					let turn = 0;
					sink.trouble = () => {
						const now = weather[turn++] ?? "works";
						if (now === "away") throw new Error("away");
						if (now === "refuses") throw new RowRefused("no");
					};
					const seen: Record<string, number> = { flow: 0, denial: 0, monitor: 0, crossing: 0, use: 0 };
					let at = T;
					jest.useFakeTimers({ now: T });
					recorder.start();
					for (const { kind, ms, make } of checks) {
						at += ms;
						setTime(at);
						recorder.record(make(at));
						seen[kind] = (seen[kind] ?? 0) + 1;
						if (kind === "monitor" || kind === "crossing") seen.flow = (seen.flow ?? 0) + 1;
						if (kind !== "denial") seen.use = (seen.use ?? 0) + 1;
						if (ms > 10_000) await jest.advanceTimersByTimeAsync(2_000);
					}
					const stopped = recorder.stop(3_600_000);
					await jest.advanceTimersByTimeAsync(3_600_000);
					await stopped;
					jest.useRealTimers();
					const kinds = ["denial", "monitor", "crossing"] as const;
					const stored = kinds.map((kind) => [kind, sink.stored(kind) + recorder.lost[kind]] as const);
					expect({
						...Object.fromEntries(stored),
						flow: sink.storedFlows() + recorder.lost.flow,
						use: sink.storedUses() + recorder.lost.use,
					}).toEqual(seen);
					expect(recorder.queued).toBe(0);
				},
			),
			{ numRuns: 100 },
		);
	});
});
