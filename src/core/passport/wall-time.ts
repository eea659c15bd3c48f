/** From wall clocks to instants. Wall times are written as the milliseconds that they would be in UTC. */
import type { WallClock } from "../condition/zone.ts";

export const LOCAL_DAY_MS = 86_400_000;

/** The local date at an instant, as its midnight. */
export function localDayOf(clock: WallClock, now: number): number {
	return Math.floor(clock(now).getTime() / LOCAL_DAY_MS) * LOCAL_DAY_MS;
}

/** The first instant at which the wall clock shows `wall` or a later time of about that day. */
export function instantOf(clock: WallClock, wall: number): number {
	const offsetAt = (instant: number) => clock(instant).getTime() - instant;
	const around = [offsetAt(wall - LOCAL_DAY_MS), offsetAt(wall + LOCAL_DAY_MS)];
	const exact = around.map((offset) => wall - offset).filter((instant) => clock(instant).getTime() === wall);
	if (exact.length > 0) return Math.min(...exact);
	// Clocks skip it: the change of the clocks lies between the two readings.
	let before = wall - Math.max(...around);
	let after = wall - Math.min(...around);
	while (after - before > 1) {
		const middle = Math.floor((before + after) / 2);
		if (clock(middle).getTime() >= wall) after = middle;
		else before = middle;
	}
	return after;
}
