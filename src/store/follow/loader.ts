/** Loads and compiles policy beside the poll: one load at a time, and none again for a revision that was refused. */
import type { Changes } from "../../core/compile/changes.ts";
import { type CompileResult, compilePolicySet, EMPTY_SNAPSHOT, recompile } from "../../core/compile/compile.ts";
import type { Problem } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { PolicySet } from "../../core/model.ts";
import type { Snapshot } from "../../core/snapshot.ts";
import type { Clock } from "../../core/time.ts";
import type { Head } from "../head.ts";
import { backoff } from "./backoff.ts";
import { drive } from "./drive.ts";
import type { FollowEvent, FollowStatus, RevisionId } from "./events.ts";
import { assertFollows, type PolicySource } from "./source.ts";
import type { Timers } from "./timers.ts";

/** The compiler of the core, or what a test puts in its place. */
export interface Compiler {
	/** `previous` is what is enforced now: what is the same in both is shared. */
	whole(set: PolicySet, previous: Snapshot): Generator<void, CompileResult>;
	changes(base: Snapshot, changes: Changes): Generator<void, CompileResult>;
}

export const CORE_COMPILER: Compiler = { whole: compilePolicySet, changes: recompile };

export interface LoaderOptions {
	readonly source: PolicySource;
	readonly compiler: Compiler;
	readonly timers: Timers;
	readonly random: () => number;
	readonly clock: Clock;
	readonly report: (event: FollowEvent) => void;
	/** What is enforced now. */
	readonly base: () => Snapshot;
	/** `confirmedAt`: when the snapshot was certainly the newest, in milliseconds since the epoch. */
	readonly adopt: (snapshot: Snapshot, confirmedAt: number) => void;
	/** A load ended. `done`: what was wanted is enforced, and nothing newer was wanted meanwhile. */
	readonly onIdle: (done: boolean) => void;
}

export class Loader {
	readonly #options: LoaderOptions;
	#running: Promise<void> | null = null;
	/** A head was wanted while a load ran. */
	#again = false;
	#refused: FollowStatus["refused"] = null;
	/** Every revision from the one that is enforced up to this one is known, and none of them compiles. */
	#refusedThrough = 0;
	/** Those before the refused one are still to be looked at. */
	#isSteppingBack = false;
	#progress: number | null = null;
	#startedAt = 0;
	#failures = 0;
	#notBefore = Number.NEGATIVE_INFINITY;
	#stopped = false;
	/** The database went back: its numbers mean something else now than in what is enforced. */
	#afresh = false;
	/** How often it did. */
	#rewinds = 0;

	constructor(options: LoaderOptions) {
		this.#options = options;
	}

	get refused(): FollowStatus["refused"] {
		return this.#refused;
	}

	/** Policies read so far; null when nothing is being loaded. */
	get progress(): number | null {
		return this.#progress;
	}

	/** Whether what is enforced may be of a past that the database lost, whatever its number. */
	get isAfresh(): boolean {
		return this.#afresh;
	}

	/** Whether exactly this revision was looked at, and does not compile. */
	hasRefused(head: RevisionId): boolean {
		return this.#refused?.epoch === head.epoch && this.#refused.revision === head.revision;
	}

	/**
	 * Whether every revision behind the one that is enforced was looked at, up to the head, and none compiles. After an outage
	 * there may be good ones between, which were not seen: then it is not known that what is enforced is the newest.
	 */
	hasRefusedAllUpTo(head: RevisionId): boolean {
		return this.hasRefused(head) && this.#options.base().epoch === head.epoch && this.#refusedThrough === head.revision;
	}

	/** The head was here when it was asked for, at `askedAt` in milliseconds since the epoch, and what is enforced is not. */
	want(head: Head, askedAt: number): void {
		if (this.#running) this.#again = true;
		if (this.#running || this.#stopped) return;
		if (this.hasRefused(head) && !this.#isSteppingBack) return;
		if (this.#options.clock() < this.#notBefore) return;
		this.#running = this.#load(head, askedAt).finally(() => {
			this.#running = null;
			this.#progress = null;
			const { epoch, revision } = this.#options.base();
			const done = epoch === head.epoch && revision === head.revision && !this.#again && !this.#afresh;
			this.#again = false;
			this.#options.onIdle(done);
		});
	}

	/** What is enforced is the newest: a refused revision is history. */
	settled(): void {
		this.#refused = null;
	}

	/**
	 * The database was set back, to numbers that are given out anew: changes since one of them would be changes to something
	 * else, what was refused may be good, and what is being loaded may be what was lost. The next load is a whole one.
	 */
	rewound(): void {
		this.#afresh = true;
		this.#refused = null;
		this.#refusedThrough = 0;
		this.#isSteppingBack = false;
		this.#rewinds++;
	}

	stop(): void {
		this.#stopped = true;
	}

	/** Resolves when no load runs. */
	async idle(): Promise<void> {
		await this.#running;
	}

	async #load(head: Head, askedAt: number): Promise<void> {
		const { clock, report, random } = this.#options;
		try {
			await this.#loadOnce(head, askedAt);
			this.#failures = 0;
			this.#notBefore = Number.NEGATIVE_INFINITY;
		} catch (error) {
			this.#failures++;
			this.#notBefore = clock() + backoff(this.#failures, random);
			if (!this.#stopped) report({ kind: "load_failed", error, attempt: this.#failures });
		}
	}

	async #loadOnce(head: Head, askedAt: number): Promise<void> {
		const { source, compiler, clock, base } = this.#options;
		this.#startedAt = clock();
		this.#progress = 0;
		const from = base();
		const rewinds = this.#rewinds;
		const isOver = () => this.#stopped || this.#rewinds !== rewinds;
		const changes = from === EMPTY_SNAPSHOT || this.#afresh ? null : await source.loadChanges(from);
		const loaded = changes ?? (await source.loadPolicySet((policies) => this.#advance(policies)));
		if (isOver()) return;
		assertFollows(head, loaded);
		const { epoch, revision } = loaded;
		const work = changes ? compiler.changes(from, changes) : compiler.whole(loaded as PolicySet, from);
		const result = await drive(work, this.#options.timers, isOver);
		if (result === null || isOver()) return;
		if (!result.ok) {
			if (!this.hasRefused(loaded)) this.#refuse(epoch, revision, result.problems);
			this.#isSteppingBack = changes !== null;
			if (changes) await this.#stepBack(from, revision, askedAt, isOver);
			this.#isSteppingBack = false;
			return;
		}
		this.#refused = null;
		this.#afresh = false;
		// Not when the load began: what it reads may be a standby that has this head, and lacks what came since.
		this.#adopt(result.snapshot, askedAt, changes === null);
	}

	#adopt(snapshot: Snapshot, askedAt: number, whole: boolean): void {
		const { clock, adopt, report } = this.#options;
		adopt(snapshot, askedAt);
		const { epoch, revision, policyCount: policies } = snapshot;
		const milliseconds = Math.max(0, clock() - this.#startedAt);
		report({ kind: "adopted", revision, epoch, policies, milliseconds, whole });
	}

	/**
	 * The newest is refused: of the revisions before it that were missed, the newest that compiles takes its place. When all
	 * of them were looked at, what is enforced then is known to be the newest there is.
	 */
	async #stepBack(base: Snapshot, refused: number, askedAt: number, isOver: () => boolean): Promise<void> {
		const { source, compiler, timers } = this.#options;
		const known = Math.max(base.revision, this.#refusedThrough);
		const last = Math.max(known, refused - 1 - LIMITS.missedRevisions);
		for (let revision = refused - 1; revision > last; revision--) {
			const changes = await source.loadChanges(base, revision);
			if (isOver() || changes === null) return;
			const result = await drive(compiler.changes(base, changes), timers, isOver);
			if (result === null || isOver()) return;
			if (!result.ok) continue;
			this.#refusedThrough = refused;
			return this.#adopt(result.snapshot, askedAt, false);
		}
		if (last === known) this.#refusedThrough = refused;
	}

	#refuse(epoch: string, revision: number, problems: readonly Problem[]): void {
		const known = Math.max(this.#refusedThrough, this.#options.base().revision);
		if (revision === known + 1) this.#refusedThrough = revision;
		this.#refused = { epoch, revision, problems };
		this.#options.report({ kind: "refused", epoch, revision, problems });
	}

	#advance(policies: number): void {
		this.#progress = policies;
	}
}
