/** Writes snapshot files: whole or not at all, and in pieces that no request notices. */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { rowsOf } from "../../core/compile/rows.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Snapshot } from "../../core/snapshot.ts";
import type { Clock } from "../../core/time.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { Timers } from "../follow/timers.ts";
import { type Counts, encodeHeader, type Section, type SectionName, type SnapshotHeader } from "./format.ts";
import { laneFrames, objectFrames, policyFrames } from "./sections.ts";
import { Sink } from "./sink.ts";

export interface WriteOptions {
	readonly clock: Clock;
	readonly timers: Pick<Timers, "breathe">;
	/** Of the program. */
	readonly version: string;
	/** What the last write left at the path: sections that are the same are copied from there. */
	readonly previous?: Written | null;
	/** Ends it; the file stays as it was. */
	readonly signal?: AbortSignal;
}

/** Snapshot and lane are not kept from being forgotten: they may be a million policies. */
export interface Written {
	readonly header: SnapshotHeader;
	readonly snapshot: WeakRef<Snapshot>;
	readonly lane: WeakRef<Checkpoint["lane"]>;
}

/**
 * Puts the checkpoint in place of the file at `path`, readable by its owner alone. Whenever the process or the machine
 * dies, the old file is there or the new one.
 *
 * @throws NodeJS.ErrnoException when the folder is gone, full or not ours; what the signal was aborted with.
 */
export async function writeSnapshotFile(path: string, checkpoint: Checkpoint, options: WriteOptions): Promise<Written> {
	await removeLeftovers(path, options.clock());
	const temporary = `${path}.${randomBytes(8).toString("hex")}.tmp`;
	const file = await open(temporary, "wx", OWNER_ONLY);
	try {
		const header = await writeContent(file, path, checkpoint, options);
		await file.sync();
		await file.close();
		await rename(temporary, path);
		await syncFolder(dirname(path));
		return { header, snapshot: new WeakRef(checkpoint.snapshot), lane: new WeakRef(checkpoint.lane) };
	} catch (error) {
		await Promise.allSettled([file.close(), rm(temporary, { force: true })]);
		throw error;
	}
}

async function writeContent(
	file: FileHandle,
	path: string,
	{ snapshot, lane, seq, policyConfirmedAt, laneConfirmedAt }: Checkpoint,
	{ clock, timers, version, previous = null, signal }: WriteOptions,
): Promise<SnapshotHeader> {
	const now = clock();
	const set = rowsOf(snapshot);
	const samePolicy = previous?.snapshot.deref() === snapshot;
	const sameLane = previous?.lane.deref() === lane && previous.header.seq === seq;
	const parts = [
		{ name: "objects", same: samePolicy, frames: objectFrames(set) },
		{ name: "policies", same: samePolicy, frames: policyFrames(set.policies) },
		{ name: "lane", same: sameLane, frames: laneFrames(lane.rows(), now) },
	] as const;
	const sink = new Sink(file, timers, signal);
	const old = samePolicy || sameLane ? await open(path).catch(() => null) : null;
	const sections: Partial<Record<SectionName, Section>> = {};
	const counts: Partial<Counts> = { ...previous?.header.counts };
	try {
		for (const { name, same, frames } of parts) {
			const copied = same && old ? await sink.copy(old, previous!.header, name) : null;
			if (copied === null) {
				const { section, result } = await sink.write<Partial<Counts>>(frames);
				Object.assign(counts, result);
				sections[name] = section;
			} else sections[name] = copied;
		}
	} finally {
		await old?.close();
	}
	const header: SnapshotHeader = {
		writtenBy: version,
		writtenAt: now,
		epoch: snapshot.epoch,
		revision: snapshot.revision,
		seq,
		policyConfirmedAt,
		laneConfirmedAt,
		counts: counts as Counts,
		sections: sections as SnapshotHeader["sections"],
	};
	await sink.finish(encodeHeader(header));
	return header;
}

/** Those of processes that died while they wrote; those of other processes that write now are younger. */
async function removeLeftovers(path: string, now: number): Promise<void> {
	const folder = dirname(path);
	const prefix = `${basename(path)}.`;
	for (const name of await readdir(folder)) {
		if (!name.startsWith(prefix) || !LEFTOVER.test(name.slice(prefix.length))) continue;
		const leftover = join(folder, name);
		const stats = await stat(leftover).catch(() => null);
		if (stats !== null && now - stats.mtimeMs > LIMITS.snapshotLeftoverMs) await rm(leftover, { force: true });
	}
}

/** A renaming is on the disk only when the folder is. */
async function syncFolder(path: string): Promise<void> {
	const folder = await open(path);
	try {
		await folder.sync();
	} finally {
		await folder.close();
	}
}

const OWNER_ONLY = 0o600;
const LEFTOVER = /^[0-9a-f]{16}\.tmp$/;
