/** What the parts of the lane have in common. */
import type { LaneRow } from "../model.ts";

/** What a row does, without its place in the sequence. */
export type LaneEffect = Pick<LaneRow, "kind" | "payload" | "until">;

/** Names with the instant, milliseconds since the epoch, at which each is over; infinite for never. */
export type Ends = Map<string, number>;

/** Half-open: at the instant itself it is over. */
export const isLive = (until: number | undefined, now: number): boolean => until !== undefined && now < until;

export function textOf(payload: Readonly<Record<string, unknown>>, field: string): string | null {
	const value = payload[field];
	return typeof value === "string" ? value : null;
}

/** A number that is finite; null for anything else. */
export function numberOf(payload: Readonly<Record<string, unknown>>, field: string): number | null {
	const value = payload[field];
	return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function mapOf<V>(maps: Map<string, Map<string, V>>, key: string): Map<string, V> {
	let map = maps.get(key);
	if (!map) {
		map = new Map();
		maps.set(key, map);
	}
	return map;
}
