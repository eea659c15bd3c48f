/** Wall clocks of time zones, for `now.getHours("Europe/Berlin")`. */

/** A date whose UTC fields are the zone's wall clock at that instant, milliseconds since the epoch. */
export type WallClock = (ms: number) => Date;

/** One for each zone of the platform's time zone data, which bounds them. */
const clocks = new Map<string, WallClock>();

/** `name` is an IANA zone or an offset such as `+02:00`; null when it is neither. */
export function wallClock(name: string): WallClock | null {
	let format: Intl.DateTimeFormat;
	try {
		format = new Intl.DateTimeFormat("en-US", {
			timeZone: name,
			calendar: "gregory",
			numberingSystem: "latn",
			hourCycle: "h23",
			year: "numeric",
			month: "numeric",
			day: "numeric",
			hour: "numeric",
			minute: "numeric",
			second: "numeric",
		});
	} catch {
		return null;
	}
	const zone = format.resolvedOptions().timeZone;
	let clock = clocks.get(zone);
	if (!clock) {
		clock = (ms) => wallTime(format, ms);
		clocks.set(zone, clock);
	}
	return clock;
}

function wallTime(format: Intl.DateTimeFormat, ms: number): Date {
	const fields: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
	for (const { type, value } of format.formatToParts(ms)) {
		if (type !== "literal") fields[type] = Number(value);
	}
	const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields;
	const wall = new Date(0);
	wall.setUTCFullYear(year, month - 1, day);
	// A zone's offset is whole seconds, so the milliseconds are the instant's own, also before the epoch.
	wall.setUTCHours(hour, minute, second, ((ms % 1_000) + 1_000) % 1_000);
	return wall;
}
