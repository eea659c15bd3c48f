/** Time windows at instants around changes of the clocks: case 40. What is open is told in words of the wall clock. */
import type { WindowJson } from "../../../src/core/passport/passport.ts";

export interface WindowCase {
	readonly name: string;
	readonly window: WindowJson;
	/** Instants at which a token with that window passes, and at which it does not. */
	readonly open: readonly string[];
	readonly closed: readonly string[];
}

const berlin = (from: string, until: string, days?: readonly string[]): WindowJson => ({
	from,
	until,
	zone: "Europe/Berlin",
	...(days && { days }),
});

export const WINDOWS: readonly WindowCase[] = [
	{
		name: "office hours are of the zone's clock, summer and winter",
		window: berlin("08:00", "18:00", ["mon", "tue", "wed", "thu", "fri"]),
		open: ["2026-07-01T06:00:00Z", "2026-07-01T15:59:59.999Z", "2026-01-07T07:00:00Z", "2026-01-07T16:59:59.999Z"],
		closed: ["2026-07-01T05:59:59.999Z", "2026-07-01T16:00:00Z", "2026-01-07T06:59:59.999Z", "2026-07-04T10:00:00Z"],
	},
	{
		name: "the hour that clocks skip is in no window",
		window: berlin("02:00", "03:00"),
		open: ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"],
		closed: ["2026-03-29T00:59:59.999Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
	},
	{
		name: "a window that begins within the hour that clocks skip begins when they have skipped it",
		window: berlin("02:30", "04:00"),
		open: ["2026-03-29T01:00:00Z", "2026-03-29T01:59:59.999Z"],
		closed: ["2026-03-29T00:59:59.999Z", "2026-03-29T02:00:00Z"],
	},
	{
		name: "the hour that clocks repeat counts both times while the window's end has not come",
		window: berlin("02:00", "03:00"),
		open: ["2026-10-25T00:00:00Z", "2026-10-25T00:59:59.999Z", "2026-10-25T01:00:00Z", "2026-10-25T01:59:59.999Z"],
		closed: ["2026-10-24T23:59:59.999Z", "2026-10-25T02:00:00Z"],
	},
	{
		name: "a window that ends within the hour that clocks repeat ends the first time",
		window: berlin("01:00", "02:30"),
		open: ["2026-10-24T23:00:00Z", "2026-10-25T00:29:59.999Z"],
		closed: ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:29:59.999Z"],
	},
	{
		name: "a night over the change of clocks is an hour shorter",
		window: berlin("22:00", "06:00", ["sat"]),
		open: ["2026-03-28T21:00:00Z", "2026-03-29T03:59:59.999Z"],
		closed: ["2026-03-28T20:59:59.999Z", "2026-03-29T04:00:00Z", "2026-03-29T20:30:00Z"],
	},
	{
		name: "midnight itself is the end of its day",
		window: { days: ["fri"], from: "23:00", until: "24:00", zone: "Asia/Tokyo" },
		open: ["2026-06-05T14:00:00Z", "2026-06-05T14:59:59.999Z"],
		closed: ["2026-06-05T13:59:59.999Z", "2026-06-05T15:00:00Z"],
	},
	{
		name: "an offset that is no whole hour, and half an hour that is repeated",
		window: { from: "01:30", until: "02:00", zone: "Australia/Lord_Howe" },
		open: ["2026-04-04T14:30:00Z", "2026-04-04T14:59:59.999Z", "2026-04-04T15:00:00Z", "2026-04-04T15:29:59.999Z"],
		closed: ["2026-04-04T14:29:59.999Z", "2026-04-04T15:30:00Z"],
	},
];
