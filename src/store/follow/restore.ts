/**
 * What the disk kept is taken up at the start, beside the first polls: it serves while Postgres does not answer, and when
 * Postgres does, only what changed since has to be loaded. The live database always wins.
 */
import { EMPTY_SNAPSHOT } from "../../core/compile/compile.ts";
import { FirebreakError } from "../../core/errors.ts";
import type { Lane } from "../../core/lane/lane.ts";
import { LIMITS } from "../../core/limits.ts";
import type { PolicySet } from "../../core/model.ts";
import type { Clock } from "../../core/time.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { Head } from "../head.ts";
import { drive } from "./drive.ts";
import type { FollowEvent } from "./events.ts";
import type { Compiler } from "./loader.ts";
import type { Timers } from "./timers.ts";

/** Where a policy set is kept between two lives of a server: a file here, something simulated in tests. */
export interface Keepsake {
	/** For messages. */
	readonly name: string;
	/** @throws FirebreakError not_found when nothing is kept, snapshot_invalid when it must not be used. */
	read(options: KeepsakeOptions): Promise<Kept>;
}

export interface KeepsakeOptions {
	readonly timers: Pick<Timers, "breathe">;
	/** Called as soon as it is known, which may be long before the end. */
	readonly onHeader: (head: KeptHead) => void;
	/** Policies handed to the compiler so far. */
	readonly progress: (policies: number) => void;
	readonly signal: AbortSignal;
}

/** Times are milliseconds since the epoch: when each lane was last known to be the newest. */
export interface KeptHead extends Head {
	readonly policyConfirmedAt: number;
	readonly laneConfirmedAt: number;
}

export interface Kept {
	readonly header: KeptHead;
	readonly set: PolicySet;
	readonly lane: () => Generator<void, Lane>;
}

export interface RestoreOptions {
	readonly keepsake: Keepsake;
	readonly compiler: Compiler;
	readonly timers: Timers;
	readonly clock: Clock;
	readonly report: (event: FollowEvent) => void;
	readonly adopt: (checkpoint: Checkpoint) => void;
	/** It has ended, well or not. */
	readonly onIdle: () => void;
}

export class Restorer {
	readonly #options: RestoreOptions;
	readonly #ending = new AbortController();
	#running: Promise<void> | null = null;
	#done = false;
	#header: KeptHead | null = null;
	#live: Head | null = null;
	#progress: number | null = null;

	constructor(options: RestoreOptions) {
		this.#options = options;
	}

	/** Policies compiled so far; null when nothing is under way. */
	get progress(): number | null {
		return this.#progress;
	}

	/** Never rejects: what goes wrong is reported. */
	start(): void {
		this.#progress = 0;
		this.#running ??= this.#run().finally(() => {
			this.#done = true;
			this.#progress = null;
			this.#options.onIdle();
		});
	}

	/**
	 * Tells it what the live head is. @returns whether a load had better wait: what is being read is an older state of the
	 * same database, so that changes to it will do.
	 */
	isWorthWaitingFor(live: Head): boolean {
		if (this.#running === null || this.#done) return false;
		this.#live = live;
		this.#compare();
		return !this.#ending.signal.aborted;
	}

	/** The live database was set back: whatever is being read may be of what it lost. */
	abandon(): void {
		if (this.#running !== null && !this.#done) this.#ending.abort(this.#refusal(LOST, NO_CURE));
	}

	/** Resolves when nothing runs any more. */
	async stop(): Promise<void> {
		this.#ending.abort(STOPPED);
		await this.#running;
	}

	async #run(): Promise<void> {
		try {
			await this.#restore();
		} catch (error) {
			const silent = error === STOPPED || (error instanceof FirebreakError && error.code === "not_found");
			if (!silent) this.#options.report({ kind: "restore_failed", error });
		}
	}

	async #restore(): Promise<void> {
		const { compiler, timers, clock, report, adopt } = this.#options;
		const startedAt = clock();
		const { header, set, lane } = await this.#read();
		if (isAhead(header, clock())) throw this.#refusal(AHEAD.message, AHEAD.cure);
		const result = await drive(compiler.whole(set, EMPTY_SNAPSHOT), timers, () => this.#ending.signal.aborted);
		this.#ending.signal.throwIfAborted();
		if (!result?.ok) {
			const problems = result?.problems ?? [];
			throw new FirebreakError("policy_invalid", `what ${this.#options.keepsake.name} holds does not compile`, {
				problems,
			});
		}
		const revocations = await drive(lane(), timers, () => this.#ending.signal.aborted);
		this.#ending.signal.throwIfAborted();
		const { epoch, revision, seq } = header;
		const now = clock();
		const policyConfirmedAt = Math.min(header.policyConfirmedAt, now);
		const laneConfirmedAt = Math.min(header.laneConfirmedAt, now);
		adopt({ snapshot: result.snapshot, lane: revocations!, seq, policyConfirmedAt, laneConfirmedAt });
		report({
			kind: "restored",
			head: { epoch, revision, seq },
			policies: result.snapshot.policyCount,
			milliseconds: Math.max(0, now - startedAt),
			policyAgeMs: now - policyConfirmedAt,
			revocationAgeMs: now - laneConfirmedAt,
		});
	}

	/** A disk may hang, and must not keep a server from what Postgres has. */
	async #read(): Promise<Kept> {
		const { keepsake, timers } = this.#options;
		const { signal } = this.#ending;
		const { promise: ended, reject } = Promise.withResolvers<never>();
		signal.addEventListener("abort", () => reject(signal.reason), { once: true });
		ended.catch(() => undefined);
		const cancel = timers.after(LIMITS.snapshotReadMs, () => {
			const message = `it could not be read within ${LIMITS.snapshotReadMs / 1_000} s`;
			this.#ending.abort(this.#refusal(message, "look after the disk, or name a path on another one"));
		});
		try {
			const onHeader = (header: KeptHead) => {
				this.#header = header;
				this.#compare();
			};
			const progress = (policies: number) => {
				this.#progress = policies;
			};
			return await Promise.race([keepsake.read({ timers, onHeader, progress, signal }), ended]);
		} finally {
			cancel();
		}
	}

	/** Live policy wins: over another database, and over one that was set back behind what was kept. */
	#compare(): void {
		const [kept, live] = [this.#header, this.#live];
		if (!kept || !live) return;
		const message =
			kept.epoch !== live.epoch
				? `it is of another database than the one that answers, or of one before it was restored (epoch ${kept.epoch})`
				: kept.revision > live.revision || kept.seq > live.seq
					? `it is newer than the database, which must have been restored (revision ${kept.revision}, seq ${kept.seq})`
					: null;
		if (message !== null) this.#ending.abort(this.#refusal(message, NO_CURE));
	}

	#refusal(message: string, cure: string): FirebreakError {
		const { name } = this.#options.keepsake;
		return new FirebreakError("snapshot_invalid", `the snapshot file ${name} is refused: ${message}`, {
			problems: [{ object: `snapshot ${name}`, message, cure }],
		});
	}
}

/** Whether it was confirmed at a time that is still to come: it would look fresh for as long. `now` as the times. */
export function isAhead({ policyConfirmedAt, laneConfirmedAt }: KeptHead, now: number): boolean {
	return Math.max(policyConfirmedAt, laneConfirmedAt) > now + LIMITS.clockSkewSeconds * 1_000;
}

/** What is said of one that {@link isAhead}. */
export const AHEAD = {
	message: "it was confirmed at a time that is still to come",
	cure: "correct this machine's clock, or delete the file if the clock was wrong when it was written",
} as const;

const LOST = "the database was restored while it was read";
const NO_CURE = "none is needed if this is so, it is written anew; else correct DATABASE_URL";

/** Why it ended when nothing was wrong. */
const STOPPED = new Error("stopped");
