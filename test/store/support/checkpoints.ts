/** Checkpoints and the files that keep them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compilePolicySet } from "../../../src/core/compile/compile.ts";
import { runToEnd } from "../../../src/core/compile/generator.ts";
import { Lane } from "../../../src/core/lane/lane.ts";
import type { PolicySet } from "../../../src/core/model.ts";
import type { Snapshot } from "../../../src/core/snapshot.ts";
import type { Checkpoint } from "../../../src/store/checkpoint.ts";
import { readSnapshotFile, type SnapshotFile } from "../../../src/store/snapshot-file/reader.ts";
import { type WriteOptions, type Written, writeSnapshotFile } from "../../../src/store/snapshot-file/writer.ts";
import { policy, policySet, segment } from "../../support/policy-set.ts";

/** Between the times at which a checkpoint of this file was confirmed and written. */
export const WRITTEN = Date.UTC(2026, 0, 31, 12);

export function compiled(set: PolicySet): Snapshot {
	const result = runToEnd(compilePolicySet(set));
	if (!result.ok) throw new Error(JSON.stringify(result.problems));
	return result.snapshot;
}

/** A lane with these tokens of one issuer revoked, the first with number 1. */
export function laneOf(...tokens: string[]): Lane {
	const lane = new Lane();
	for (const [index, token_id] of tokens.entries()) {
		const payload = { issuer: "https://id.example.org", token_id };
		lane.apply({ seq: index + 1, kind: "revoke_token", key: token_id, payload, until: null });
	}
	return lane;
}

export function checkpointOf(set: PolicySet, lane = new Lane(), changes: Partial<Checkpoint> = {}): Checkpoint {
	return {
		snapshot: compiled(set),
		lane,
		seq: lane.seq,
		policyConfirmedAt: WRITTEN - 2_000,
		laneConfirmedAt: WRITTEN - 1_000,
		...changes,
	};
}

/** Segments `a` and `b`, and these policies from one to the other. */
export const people = (revision: number, ...names: string[]): PolicySet =>
	policySet(
		{
			segments: [segment({ name: "a" }), segment({ name: "b" })],
			policies: names.map((name) => policy({ name, source: "a", destination: "b" })),
		},
		revision,
	);

export const TIMERS = { breathe: () => Promise.resolve() };

export const write = (path: string, checkpoint: Checkpoint, options: Partial<WriteOptions> = {}): Promise<Written> =>
	writeSnapshotFile(path, checkpoint, { clock: () => WRITTEN, timers: TIMERS, version: "1.2.3", ...options });

export const read = (path: string): Promise<SnapshotFile> => readSnapshotFile(path, { timers: TIMERS });

/** What a server would enforce that starts from the file. */
export async function taken(path: string): Promise<Checkpoint> {
	const { header, set, lane } = await read(path);
	const { seq, policyConfirmedAt, laneConfirmedAt } = header;
	return { snapshot: compiled(set), lane: runToEnd(lane()), seq, policyConfirmedAt, laneConfirmedAt };
}

/** A folder that is gone after the test file. */
export function testFolder(): { readonly path: (name: string) => string; readonly remove: () => void } {
	const folder = mkdtempSync(join(tmpdir(), "firebreak-snapshot-"));
	return {
		path: (name) => join(folder, name),
		remove: () => rmSync(folder, { recursive: true, force: true }),
	};
}

/** What snapshot-writer.ts writes: enough for a write to take many turns. */
export function writerCheckpoint(revision: number): Checkpoint {
	const names = Array.from({ length: 4_000 }, (_, index) => `policy-${revision}-${index}`);
	return checkpointOf(people(revision, ...names), laneOf(...names.slice(0, 1_000)));
}
