/** Times of the week, against an oracle that looks at the wall clock of every minute. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LIMITS } from "../../../src/core/limits.ts";
import type { WindowJson } from "../../../src/core/passport/passport.ts";
import { readWindows } from "../../../src/core/passport/window.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

function isOpen(window: WindowJson, instant: string | number): boolean {
	const windows = readWindows([window]);
	if (windows === null) throw new Error(`${JSON.stringify(window)} cannot be read`);
	return windows.some((opens) => opens(typeof instant === "number" ? instant : Date.parse(instant)));
}

interface Minute {
	readonly now: number;
	/** `2026-03-29 01:59` of a zone as minutes since 1970 on its calendar, by Intl alone. */
	readonly wall: number;
}

function minutesAround(zone: string, instant: number): readonly Minute[] {
	const format = new Intl.DateTimeFormat("sv-SE", {
		timeZone: zone,
		dateStyle: "short",
		timeStyle: "short",
		hourCycle: "h23",
	});
	return Array.from({ length: 180 * 60 }, (_, index) => {
		const now = instant + index * MINUTE - 90 * HOUR;
		return { now, wall: Date.parse(`${format.format(now).replace(" ", "T")}Z`) / MINUTE };
	});
}

/**
 * Whether the window is open in each minute of the inner three days: from the first minute of its day that shows `from` or
 * later, until the first that shows `until` or later.
 */
function oracle(window: WindowJson, known: readonly Minute[]): { readonly now: number; readonly open: boolean }[] {
	const minutes = known.map((minute) => ({ ...minute, open: false }));
	const minuteOf = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
	const [opens, closes] = [minuteOf(window.from), minuteOf(window.until)];
	const length = closes > opens ? closes - opens : closes - opens + 1_440;
	const first = (wall: number) => minutes.findIndex((minute) => minute.wall >= wall);
	const firstDay = Math.floor(minutes[0]!.wall / 1_440) + 1;
	const lastDay = Math.floor(minutes.at(-1)!.wall / 1_440) - 1;
	for (let day = firstDay; day <= lastDay; day++) {
		const weekday = DAYS[new Date(day * 24 * HOUR).getUTCDay()]!;
		if (!(window.days ?? DAYS).includes(weekday)) continue;
		const begin = first(day * 1_440 + opens);
		const end = first(day * 1_440 + opens + length);
		for (let index = begin; index < end; index++) minutes[index]!.open = true;
	}
	return minutes.slice(54 * 60, -54 * 60);
}

/** Instants in whose days clocks were changed, or do something else that is odd. */
const ODD: readonly (readonly [zone: string, instant: string, what: string])[] = [
	["Europe/Berlin", "2026-03-29T01:00Z", "clocks skip 02:00 to 03:00"],
	["Europe/Berlin", "2026-10-25T01:00Z", "clocks repeat 02:00 to 03:00"],
	["America/New_York", "2026-03-08T07:00Z", "clocks skip an hour"],
	["America/New_York", "2026-11-01T06:00Z", "clocks repeat an hour"],
	["Australia/Lord_Howe", "2026-04-04T15:00Z", "clocks repeat half an hour"],
	["Australia/Lord_Howe", "2026-10-03T15:30Z", "clocks skip half an hour"],
	["Africa/Cairo", "2026-04-23T22:00Z", "clocks skip the hour behind midnight"],
	["Africa/Cairo", "2026-10-29T21:00Z", "clocks repeat the hour before midnight"],
	["America/St_Johns", "2010-11-07T02:31Z", "clocks go back from one minute past midnight"],
	["America/Sao_Paulo", "2018-11-04T03:00Z", "clocks skip the hour behind midnight"],
	["Pacific/Apia", "2011-12-30T10:00Z", "a whole day is skipped"],
	["Asia/Kathmandu", "2026-06-01T00:00Z", "an offset of 5:45"],
	["Pacific/Kiritimati", "2026-06-01T00:00Z", "an offset of 14 hours"],
	["UTC", "2026-06-01T00:00Z", "no offset"],
];

describe.each(ODD)("%s, %s: %s", (zone, instant) => {
	const known = minutesAround(zone, Date.parse(instant));
	const windows: readonly Omit<WindowJson, "zone">[] = [
		{ from: "02:00", until: "03:00" },
		{ from: "02:30", until: "03:30" },
		{ from: "01:30", until: "02:30" },
		{ from: "00:00", until: "24:00" },
		{ from: "00:00", until: "00:00" },
		{ from: "23:30", until: "00:30" },
		{ from: "00:00", until: "00:15" },
		{ from: "23:00", until: "24:00" },
		{ from: "22:00", until: "06:00", days: ["sat", "thu"] },
		{ from: "08:00", until: "18:00", days: ["mon", "tue", "wed", "thu", "fri"] },
	];

	test.each(windows)("%j", (window) => {
		const given = { ...window, zone };
		const [opens] = readWindows([given])!;
		const wrong = oracle(given, known).filter(({ now, open }) => opens!(now) !== open);
		expect(wrong.map(({ now, open }) => `${new Date(now).toISOString()} ${open}`)).toEqual([]);
	});

	test("any window, at the second and asked in any order", () => {
		const time = fc.nat({ max: 1_439 }).map((m) => `${clock(Math.floor(m / 60))}:${clock(m % 60)}`);
		const window = fc.record({
			days: fc.subarray(DAYS, { minLength: 1 }),
			from: time,
			until: fc.oneof(time, fc.constant("24:00")),
			zone: fc.constant(zone),
		});
		fc.assert(
			fc.property(window, fc.infiniteStream(fc.nat()), (given, stream) => {
				const [opens] = readWindows([given])!;
				const minutes = oracle(given, known);
				for (let asked = 0; asked < 200; asked++) {
					const { now, open } = minutes[stream.next().value! % minutes.length]!;
					expect([now, opens!(now), opens!(now + MINUTE - 1)]).toEqual([now, open, open]);
				}
			}),
			{ numRuns: 20 },
		);
	});
});

const clock = (number: number) => String(number).padStart(2, "0");

describe("what the rules come to", () => {
	const berlin = { from: "08:00", until: "18:00", zone: "Europe/Berlin" };

	test("is half-open on the instant", () => {
		expect(isOpen(berlin, "2026-06-01T05:59:59.999Z")).toBe(false);
		expect(isOpen(berlin, "2026-06-01T06:00:00.000Z")).toBe(true);
		expect(isOpen(berlin, "2026-06-01T15:59:59.999Z")).toBe(true);
		expect(isOpen(berlin, "2026-06-01T16:00:00.000Z")).toBe(false);
	});

	test("days are of the zone's calendar, and of the day on which it opens", () => {
		const night = { days: ["fri"], from: "22:00", until: "06:00", zone: "Asia/Tokyo" };
		expect(isOpen(night, "2026-06-05T12:59:59Z")).toBe(false);
		expect(isOpen(night, "2026-06-05T13:00:00Z")).toBe(true);
		expect(isOpen(night, "2026-06-05T20:59:59Z")).toBe(true);
		expect(isOpen(night, "2026-06-05T21:00:00Z")).toBe(false);
		expect(isOpen(night, "2026-06-04T14:00:00Z")).toBe(false);
	});

	test("a window in the hour that clocks skip does not open on that day", () => {
		const skipped = { from: "02:00", until: "03:00", zone: "Europe/Berlin" };
		for (const minute of [0, 30, 59, 60, 90]) {
			expect(isOpen(skipped, Date.UTC(2026, 2, 29, 0, 30 + minute))).toBe(false);
		}
		expect(isOpen(skipped, "2026-03-28T01:30Z")).toBe(true);
	});

	test("a window over the hour that clocks repeat is open once, and longer", () => {
		const repeated = { from: "02:00", until: "03:00", zone: "Europe/Berlin" };
		expect(isOpen(repeated, "2026-10-24T23:59:59Z")).toBe(false);
		for (const time of ["00:00", "00:59", "01:00", "01:59"]) expect(isOpen(repeated, `2026-10-25T${time}Z`)).toBe(true);
		expect(isOpen(repeated, "2026-10-25T02:00Z")).toBe(false);
	});

	test("a window that ends within the repeated hour does not open a second time", () => {
		const half = { from: "02:00", until: "02:30", zone: "Europe/Berlin" };
		expect(isOpen(half, "2026-10-25T00:29Z")).toBe(true);
		for (const time of ["00:30", "01:00", "01:29"]) expect(isOpen(half, `2026-10-25T${time}Z`)).toBe(false);
	});
});

describe("what cannot be read", () => {
	const good = { from: "08:00", until: "18:00", zone: "Europe/Berlin" };
	test.each([
		null,
		{},
		"always",
		[null],
		["always"],
		[[]],
		[{ ...good, days: [] }],
		[{ ...good, days: "mon" }],
		[{ ...good, days: ["Mon"] }],
		[{ ...good, days: [1] }],
		[{ ...good, from: "24:00" }],
		[{ ...good, from: "8:00" }],
		[{ ...good, from: 8 }],
		[{ ...good, until: "24:01" }],
		[{ ...good, until: "18:60" }],
		[{ ...good, until: "18:00:00" }],
		[{ from: "08:00", zone: "UTC" }],
		[{ ...good, zone: "+01:00" }],
		[{ ...good, zone: "Mars/Olympus" }],
		[{ ...good, zone: "" }],
		[{ from: "08:00", until: "18:00" }],
		[{ ...good, except: "christmas" }],
		[good, { ...good, zone: null }],
		Array(LIMITS.passportWindows + 1).fill(good),
	])("%j", (value) => {
		expect(readWindows(value)).toBeNull();
	});

	test("and as much as may be can", () => {
		expect(readWindows(Array(LIMITS.passportWindows).fill(good))).toHaveLength(LIMITS.passportWindows);
	});
});
