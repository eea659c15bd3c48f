/** Timestamps and durations: their notations, their arithmetic, and the calendar fields of CEL's getters. */
import { Duration, Timestamp, type Value } from "./value.ts";

/** CEL's range: the years 1 to 9999. */
const MIN_MS = -62_135_596_800_000;
const MAX_MS = 253_402_300_799_999;

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

/** Undefined outside the years 1 to 9999. */
export function timestamp(ms: number): Timestamp | undefined {
	return ms >= MIN_MS && ms <= MAX_MS ? new Timestamp(ms) : undefined;
}

/** `timestamp(x)`: RFC 3339 text, or seconds since the epoch, as tokens have them, fractions allowed. */
export function toTimestamp(value: Value): Timestamp | undefined {
	if (value instanceof Timestamp) return value;
	if (typeof value === "bigint" || typeof value === "number") return timestamp(Math.floor(Number(value) * 1_000));
	return typeof value === "string" ? parseTimestamp(value) : undefined;
}

function parseTimestamp(text: string): Timestamp | undefined {
	const match = RFC_3339.exec(text);
	if (!match) return undefined;
	const [, date, time, fraction = "", zone = ""] = match;
	const wall = Date.parse(`${date}T${time}Z`);
	// Date.parse rolls the 30th of February over into March.
	if (Number.isNaN(wall) || new Date(wall).toISOString() !== `${date}T${time}.000Z`) return undefined;
	const ms = Date.parse(`${date}T${time}${fraction.slice(0, 4)}${zone.toUpperCase()}`);
	return Number.isNaN(ms) ? undefined : timestamp(ms);
}

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const DURATION = /^[+-]?(?:\d{1,12}(?:\.\d{1,9})?(?:ms|[hms]))+$/;
const DURATION_PART = /(\d+(?:\.\d+)?)(ms|[hms])/g;

/** Go's notation, `1h30m`, `-1.5s`, `250ms`, to the millisecond; undefined for anything else, or beyond 10,000 years. */
export function parseDuration(text: string): Duration | undefined {
	if (text.length > 64 || !DURATION.test(text)) return undefined;
	let ms = 0;
	for (const [, amount, unit] of text.matchAll(DURATION_PART)) ms += Number(amount) * UNIT_MS[unit!]!;
	return duration(Math.round(text.startsWith("-") ? -ms : ms));
}

/** Undefined beyond 10,000 years. */
export function duration(ms: number): Duration | undefined {
	return Math.abs(ms) <= MAX_MS - MIN_MS ? new Duration(ms) : undefined;
}

/** `left + right` where one of them is a duration. */
export function addTimes(left: Timestamp | Duration, right: Value): Timestamp | Duration | undefined {
	if (right instanceof Duration) {
		const ms = left.ms + right.ms;
		return left instanceof Timestamp ? timestamp(ms) : duration(ms);
	}
	return left instanceof Duration && right instanceof Timestamp ? timestamp(left.ms + right.ms) : undefined;
}

export function subtractTimes(left: Timestamp | Duration, right: Value): Timestamp | Duration | undefined {
	if (right instanceof Duration) {
		const ms = left.ms - right.ms;
		return left instanceof Timestamp ? timestamp(ms) : duration(ms);
	}
	return left instanceof Timestamp && right instanceof Timestamp ? duration(left.ms - right.ms) : undefined;
}

/** Calendar fields as CEL counts them, of a time whose UTC fields are the wanted ones. */
export const CALENDAR: ReadonlyMap<string, (date: Date) => number> = new Map([
	["getFullYear", (date: Date) => date.getUTCFullYear()],
	["getMonth", (date: Date) => date.getUTCMonth()],
	["getDate", (date: Date) => date.getUTCDate()],
	["getDayOfMonth", (date: Date) => date.getUTCDate() - 1],
	["getDayOfWeek", (date: Date) => date.getUTCDay()],
	["getDayOfYear", (date: Date) => Math.floor((date.getTime() - startOfYear(date)) / 86_400_000)],
	["getHours", (date: Date) => date.getUTCHours()],
	["getMinutes", (date: Date) => date.getUTCMinutes()],
	["getSeconds", (date: Date) => date.getUTCSeconds()],
	["getMilliseconds", (date: Date) => date.getUTCMilliseconds()],
]);

/** The same names on durations, where there are such: whole units, rounded towards zero. */
export const DURATION_GETTERS: ReadonlyMap<string, number> = new Map([
	["getHours", 3_600_000],
	["getMinutes", 60_000],
	["getSeconds", 1_000],
	["getMilliseconds", 1],
]);

function startOfYear(date: Date): number {
	const start = new Date(date);
	start.setUTCMonth(0, 1);
	return start.setUTCHours(0, 0, 0, 0);
}
