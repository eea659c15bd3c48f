/** Times of the week in which a token may be used. */
import { type WallClock, wallClock } from "../condition/zone.ts";
import { LIMITS } from "../limits.ts";
import { instantOf, LOCAL_DAY_MS, localDayOf } from "./wall-time.ts";

/** Whether the window is open at an instant, milliseconds since the epoch. */
export type Window = (now: number) => boolean;

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS = ["days", "from", "until", "zone"];
const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/;

/** Reads windows as WindowJson has them; null when one of them is not so. */
export function readWindows(value: unknown): readonly Window[] | null {
	if (!Array.isArray(value) || value.length > LIMITS.passportWindows) return null;
	const windows = value.map(readWindow);
	return windows.every((window) => window !== null) ? windows : null;
}

function readWindow(value: unknown): Window | null {
	if (typeof value !== "object" || value === null) return null;
	const { days = DAYS, from, until, zone } = value as Readonly<Record<string, unknown>>;
	if (Object.keys(value).some((field) => !FIELDS.includes(field))) return null;
	if (!Array.isArray(days) || days.length === 0 || !days.every((day) => DAYS.includes(day))) return null;
	const [opens, closes] = [timeOf(from), until === "24:00" ? LOCAL_DAY_MS : timeOf(until)];
	const clock = typeof zone === "string" && IANA.test(zone) ? wallClock(zone) : null;
	if (opens === null || closes === null || clock === null) return null;
	const closesAfter = closes > opens ? closes : closes + LOCAL_DAY_MS;
	return createWindow(clock, new Set(days.map((day) => DAYS.indexOf(day))), opens, closesAfter);
}

/** A zone with its rules, never a bare offset, which does not say when clocks change. */
const IANA = /^(?:UTC|[A-Za-z_]+(?:\/[A-Za-z0-9_+-]+)+)$/;

function timeOf(text: unknown): number | null {
	const match = typeof text === "string" ? TIME.exec(text) : null;
	return match && (Number(match[1]) * 60 + Number(match[2])) * 60_000;
}

/**
 * The window of a day runs between two instants: the first at which the wall clock shows `opens` or later, and the first
 * at which it shows `closes` or later. So an hour that clocks skip belongs to no window, one that they repeat counts
 * until the window's end is shown for the first time, and no window opens twice in a day.
 */
function createWindow(clock: WallClock, days: ReadonlySet<number>, opens: number, closes: number): Window {
	/** The windows around the local day that was asked for last; clocks that go back at midnight show it twice. */
	let known: { readonly day: number; readonly spans: readonly (readonly [number, number])[] } | null = null;
	return (now) => {
		const day = localDayOf(clock, now);
		if (known?.day !== day) {
			const begins = [day - LOCAL_DAY_MS, day, day + LOCAL_DAY_MS].filter((date) =>
				days.has(new Date(date).getUTCDay()),
			);
			const spans = begins.map((date) => [instantOf(clock, date + opens), instantOf(clock, date + closes)] as const);
			known = { day, spans };
		}
		return known.spans.some(([start, end]) => now >= start && now < end);
	};
}
