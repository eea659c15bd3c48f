/** What stands in each section: rows to frames, and frames to rows. */
import type { LaneEffect } from "../../core/lane/entries.ts";
import { Lane } from "../../core/lane/lane.ts";
import type { PolicyRow, PolicySet } from "../../core/model.ts";
import { decodePolicies, encodePolicies, POLICIES_PER_FRAME } from "./columns.ts";
import type { Counts } from "./format.ts";
import { Gatherer, packFrame, unpackFrames } from "./frames.ts";

/** Everything of a set that is neither owner nor policy, in the order of the file. */
const OBJECTS = ["domains", "issuers", "segments", "crossings", "rate_limits"] as const;
type Objects = Pick<PolicySet, (typeof OBJECTS)[number]>;

/** Frames, at the end the number of rows of each kind; null in between is only an occasion to rest. */
type Frames<Kind extends keyof Counts> = Generator<Buffer | null, Pick<Counts, Kind>>;

export function* objectFrames(set: Objects): Frames<keyof Objects> {
	const counts = { domains: 0, issuers: 0, segments: 0, crossings: 0, rate_limits: 0 };
	for (const kind of OBJECTS) {
		const gatherer = new Gatherer();
		const frame = (rows: string) => packFrame(`{"kind":"${kind}","rows":[${rows}]}`);
		for (const row of set[kind]) {
			counts[kind]++;
			const rows = gatherer.add(JSON.stringify(row));
			if (rows !== null) yield frame(rows);
		}
		const rest = gatherer.take();
		if (rest !== null) yield frame(rest);
	}
	return counts;
}

/** @throws TypeError for a kind that this version does not know. */
export function* readObjects(section: Buffer): Generator<void, Objects> {
	const lists: Record<string, unknown[]> = { domains: [], issuers: [], segments: [], crossings: [], rate_limits: [] };
	for (const frame of unpackFrames(section)) {
		const { kind, rows } = frame as { kind: string; rows: unknown[] };
		if (!Object.hasOwn(lists, kind)) throw new TypeError(`objects of kind ${kind} are unknown`);
		// A file of before there were origins has none.
		for (const row of rows) lists[kind]!.push(kind === "segments" ? { origins: [], ...(row as object) } : row);
		yield;
	}
	return lists as unknown as Objects;
}

export function* policyFrames(policies: Iterable<PolicyRow>): Frames<"policies"> {
	let rows: PolicyRow[] = [];
	let count = 0;
	for (const row of policies) {
		count++;
		if (rows.push(row) < POLICIES_PER_FRAME) continue;
		yield packFrame(encodePolicies(rows));
		rows = [];
	}
	if (rows.length > 0) yield packFrame(encodePolicies(rows));
	return { policies: count };
}

/** Made as they are asked for, so that no more of them are in memory than a frame has; `progress` hears how many were. */
export function* readPolicies(
	section: Buffer,
	progress: (policies: number) => void = () => undefined,
): Generator<PolicyRow, void> {
	let count = 0;
	for (const frame of unpackFrames(section)) {
		for (const row of decodePolicies(frame)) {
			count++;
			yield row;
		}
		progress(count);
	}
}

/** Only what is in force at `now`, milliseconds since the epoch. */
export function* laneFrames(rows: Iterable<LaneEffect>, now: number): Frames<"revocations"> {
	const gatherer = new Gatherer();
	let count = 0;
	let over = 0;
	for (const { kind, payload, until } of rows) {
		if (until !== null && until <= now) {
			if (++over % ROWS_PER_REST === 0) yield null;
			continue;
		}
		count++;
		const texts = gatherer.add(JSON.stringify([kind, payload, until]));
		if (texts !== null) yield packFrame(`[${texts}]`);
	}
	const rest = gatherer.take();
	if (rest !== null) yield packFrame(`[${rest}]`);
	return { revocations: count };
}

/** @param seq up to where the lane was read that the rows are of. */
export function* readLane(section: Buffer, seq: number): Generator<void, Lane> {
	const lane = new Lane();
	for (const frame of unpackFrames(section)) {
		for (const [kind, payload, until] of frame as [string, LaneEffect["payload"], number | null][]) {
			lane.restore({ kind, payload, until });
		}
		yield;
	}
	lane.seq = seq;
	return lane;
}

const ROWS_PER_REST = 4_096;
