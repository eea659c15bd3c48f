/**
 * Keeps the last good policy set and its revocations on disk. It writes when told that something changed, but rests between
 * writes, and now and then without a change, so that the file tells how lately Postgres was heard.
 */
import { LIMITS } from "../../core/limits.ts";
import type { Clock } from "../../core/time.ts";
import type { Checkpoint } from "../checkpoint.ts";
import { Pause, type Timers } from "../follow/timers.ts";
import { describeCause } from "../store-error.ts";
import type { SnapshotHeader } from "./format.ts";
import { type Written, writeSnapshotFile } from "./writer.ts";

export interface KeeperOptions {
	readonly path: string;
	/** What there is to keep; null while there is nothing. */
	readonly checkpoint: () => Checkpoint | null;
	readonly timers: Timers;
	readonly clock: Clock;
	/** Of the program. */
	readonly version: string;
	readonly events: KeeperEvents;
}

export interface KeeperEvents {
	/** The first file of this server is there. */
	kept(header: SnapshotHeader): void;
	/** It cannot be written; said once, until it can again. */
	lost(error: unknown): void;
	back(): void;
}

/** What an operator sees of the file. */
export interface KeeperStatus {
	readonly path: string;
	/** Milliseconds since the epoch; null before the first write of this server. */
	readonly writtenAt: number | null;
	/** Why it cannot be written at the moment, in one line. */
	readonly error: string | null;
}

export interface Keeper {
	/** Begins; the first write is due at once. */
	start(): void;
	/** Something changed that may be worth keeping. */
	note(): void;
	status(): KeeperStatus;
	/** Writes what is newest, within LIMITS.snapshotDrainMs, and resolves when nothing runs any more. */
	stop(): Promise<void>;
}

export function createKeeper(options: KeeperOptions): Keeper {
	return new FileKeeper(options);
}

class FileKeeper implements Keeper {
	readonly #options: KeeperOptions;
	readonly #pause: Pause;
	readonly #ending = new AbortController();
	#previous: Written | null = null;
	#error: unknown = null;
	#noted = false;
	/** Between two writes nothing but the end wakes it. */
	#resting = false;
	#stopped = false;
	#running: Promise<void> | null = null;

	constructor(options: KeeperOptions) {
		this.#options = options;
		this.#pause = new Pause(options.timers);
	}

	start(): void {
		this.#running ??= this.#run();
	}

	note(): void {
		this.#noted = true;
		if (!this.#resting) this.#pause.wake();
	}

	status(): KeeperStatus {
		return {
			path: this.#options.path,
			writtenAt: this.#previous?.header.writtenAt ?? null,
			error: this.#error === null ? null : describeCause(this.#error),
		};
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		if (this.#running === null) return;
		const cancel = this.#options.timers.after(LIMITS.snapshotDrainMs, () => {
			this.#ending.abort(new Error("the last write took too long"));
		});
		this.#pause.wake();
		await this.#running;
		if (!this.#ending.signal.aborted) await this.#write();
		cancel();
	}

	async #run(): Promise<void> {
		while (!this.#stopped) {
			this.#noted = false;
			const took = await this.#write();
			if (this.#stopped) return;
			this.#resting = true;
			await this.#pause.wait(Math.max(LIMITS.snapshotRestMs, took * LIMITS.snapshotRestTimes));
			this.#resting = false;
			if (!this.#noted && !this.#stopped) await this.#pause.wait(LIMITS.snapshotRefreshMs - LIMITS.snapshotRestMs);
		}
	}

	/** @returns milliseconds that it took; nothing is written when the file says it all. */
	async #write(): Promise<number> {
		const { path, clock, timers, version, events } = this.#options;
		const checkpoint = this.#options.checkpoint();
		if (checkpoint === null || this.#isKept(checkpoint)) return 0;
		const startedAt = clock();
		const previous = this.#previous;
		const { signal } = this.#ending;
		try {
			this.#previous = await writeSnapshotFile(path, checkpoint, { clock, timers, version, previous, signal });
			if (this.#error !== null) events.back();
			else if (previous === null) events.kept(this.#previous.header);
			this.#error = null;
		} catch (error) {
			if (this.#error === null) events.lost(error);
			this.#error = error;
		}
		return Math.max(0, clock() - startedAt);
	}

	#isKept({ snapshot, lane, seq, policyConfirmedAt, laneConfirmedAt }: Checkpoint): boolean {
		if (this.#previous === null || this.#error !== null) return false;
		const { header } = this.#previous;
		const same = this.#previous.snapshot.deref() === snapshot && this.#previous.lane.deref() === lane;
		const times = header.policyConfirmedAt === policyConfirmedAt && header.laneConfirmedAt === laneConfirmedAt;
		return same && header.seq === seq && times;
	}
}
