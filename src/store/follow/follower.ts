/**
 * Live policy. The poll of `head` is the truth; hints only wake it early. Two lanes: revocations are applied within the
 * poll, policies are loaded and compiled beside it, so that neither holds up the other. Whatever goes wrong, what is
 * enforced stays as it was, and grows older.
 */
import { EMPTY_SNAPSHOT } from "../../core/compile/compile.ts";
import { Lane } from "../../core/lane/lane.ts";
import { LIMITS } from "../../core/limits.ts";
import type { PolicyView } from "../../core/policy-view.ts";
import type { Clock } from "../../core/time.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { Head } from "../head.ts";
import { backoff } from "./backoff.ts";
import { hasBegun, knowingNothing } from "./beginning.ts";
import { Contact } from "./contact.ts";
import type { FollowEvent, FollowStatus, RevisionId } from "./events.ts";
import { Listener } from "./listener.ts";
import { type Compiler, Loader } from "./loader.ts";
import { type Keepsake, Restorer } from "./restore.ts";
import { furthest, isRewound } from "./rewind.ts";
import { assertFollows, type PolicySource } from "./source.ts";
import { Pause, type Timers } from "./timers.ts";

export interface FollowerOptions {
	readonly source: PolicySource;
	/** What was kept on disk, taken up at the start until the source answers. */
	readonly keepsake?: Keepsake | undefined;
	readonly compiler: Compiler;
	readonly clock: Clock;
	/** In [0, 1). */
	readonly random: () => number;
	readonly timers: Timers;
	/** Milliseconds between polls (FIREBREAK_POLL_INTERVAL). */
	readonly pollInterval: number;
	/** Called after each change. It must not throw. */
	readonly report: (event: FollowEvent) => void;
}

export interface PolicyFollower {
	/**
	 * What requests are judged against: one reference, swapped whole. Until policies and revocations are both there it knows
	 * and allows nothing: without the latter nobody could say who is in quarantine.
	 */
	current(): PolicyView;
	status(): FollowStatus;
	/** What may be kept on disk; null until the source has answered, and while it is of two epochs, or of a past that was lost. */
	checkpoint(): Checkpoint | null;
	/**
	 * Resolves once a snapshot and every revocation are there, from the source or from the disk, or when stopped. Never
	 * rejects: it keeps trying.
	 */
	start(): Promise<void>;
	/** Resolves when nothing runs any more. */
	stop(): Promise<void>;
}

export function createPolicyFollower(options: FollowerOptions): PolicyFollower {
	return new Follower(options);
}

class Follower implements PolicyFollower {
	readonly #options: FollowerOptions;
	readonly #pause: Pause;
	readonly #listener: Listener;
	readonly #loader: Loader;
	readonly #restorer: Restorer | null;
	readonly #contact: Contact;
	readonly #started = Promise.withResolvers<void>();
	readonly #nothing = knowingNothing();
	/** What is known so far. */
	#view = this.#nothing;
	/** What was adopted while the revocations were still missing. */
	#adopted: FollowEvent | null = null;
	/** Up to where the lane was read; rows that were pruned leave it ahead of the last row. */
	#seq = 0;
	#laneEpoch = "";
	/** The source told the lane at least once. */
	#laneIsLive = false;
	#origin: FollowStatus["origin"] = null;
	/** What the disk gave, until the source was heard after it. */
	#restored: Head | null = null;
	#head: Head | null = null;
	/** A hint came while a poll was under way. */
	#again = false;
	#stopped = false;
	#running: Promise<unknown> | null = null;

	constructor(options: FollowerOptions) {
		const { source, keepsake, timers, random, clock, compiler, report } = options;
		this.#options = options;
		this.#pause = new Pause(timers);
		this.#contact = new Contact(report);
		this.#loader = new Loader({
			source,
			compiler,
			timers,
			random,
			clock,
			report: (event) => this.#report(event),
			base: () => this.#view.snapshot,
			adopt: (snapshot, confirmedAt) => {
				this.#origin = "database";
				this.#show({ snapshot, policyConfirmedAt: confirmedAt });
			},
			// The next poll comes soon enough for what is done; a long load is confirmed at once.
			onIdle: (done) => {
				const isLate = clock() - this.#view.policyConfirmedAt >= this.#options.pollInterval;
				if (!done || isLate || this.#restored !== null) this.#hint();
			},
		});
		const adopt = (checkpoint: Checkpoint) => this.#takeUp(checkpoint);
		this.#restorer = keepsake
			? new Restorer({ keepsake, timers, clock, compiler, report, adopt, onIdle: () => this.#hint() })
			: null;
		this.#listener = new Listener({
			source,
			timers,
			random,
			onHint: () => this.#hint(),
			onState: (listening, error) => this.#contact.hear(listening, error),
		});
	}

	current(): PolicyView {
		return hasBegun(this.#view) ? this.#view : this.#nothing;
	}

	start(): Promise<void> {
		if (this.#running === null) {
			this.#restorer?.start();
			this.#running = Promise.all([this.#run(), this.#listener.run()]);
		}
		return this.#started.promise;
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		this.#loader.stop();
		this.#listener.stop();
		this.#pause.wake();
		this.#started.resolve();
		await this.#restorer?.stop();
		await this.#running;
		await this.#loader.idle();
	}

	checkpoint(): Checkpoint | null {
		const { snapshot } = this.#view;
		if (snapshot === EMPTY_SNAPSHOT || !this.#laneIsLive || this.#loader.isAfresh) return null;
		return snapshot.epoch === this.#laneEpoch ? { ...this.#view, seq: this.#seq } : null;
	}

	status(): FollowStatus {
		const { snapshot, policyConfirmedAt, laneConfirmedAt } = this.#view;
		const begun = hasBegun(this.#view);
		const age = (confirmedAt: number) =>
			Number.isFinite(confirmedAt) ? Math.max(0, this.#options.clock() - confirmedAt) : null;
		return {
			state: this.#contact.lost ? "lost" : begun ? "following" : "starting",
			source: this.#options.source.name,
			origin: begun ? this.#origin : null,
			listening: this.#contact.listening,
			head: this.#head,
			enforced: begun ? { epoch: snapshot.epoch, revision: snapshot.revision, seq: this.#seqOf(snapshot) } : null,
			refused: this.#loader.refused,
			loading: this.#loader.progress ?? this.#restorer?.progress ?? null,
			lastError: this.#contact.lastError,
			policyAgeMs: age(policyConfirmedAt),
			revocationAgeMs: age(laneConfirmedAt),
		};
	}

	/** While only the policies of a new epoch are there, the lane's numbers are still those of the old one. */
	#seqOf({ epoch }: { readonly epoch: string }): number {
		return this.#laneEpoch === epoch ? this.#seq : 0;
	}

	#show(change: Partial<PolicyView>): void {
		this.#view = Object.freeze({ ...this.#view, ...change });
		if (!hasBegun(this.#view)) return;
		this.#started.resolve();
		if (this.#adopted === null) return;
		this.#options.report(this.#adopted);
		this.#adopted = null;
	}

	/** Of the loader. Nothing is enforced before both lanes are there. */
	#report(event: FollowEvent): void {
		if (event.kind === "load_failed") this.#contact.fail("load", event.error);
		else this.#contact.succeed("load");
		if (event.kind === "adopted" && !hasBegun(this.#view)) this.#adopted = event;
		else this.#options.report(event);
	}

	/** What the disk kept. Revocations that the source told meanwhile are newer. */
	#takeUp({ seq, snapshot, lane, policyConfirmedAt, laneConfirmedAt }: Checkpoint): void {
		const { epoch, revision } = snapshot;
		this.#origin = "disk";
		this.#restored = { epoch, revision, seq };
		if (this.#laneIsLive) {
			this.#show({ snapshot, policyConfirmedAt });
			return;
		}
		this.#seq = seq;
		this.#laneEpoch = epoch;
		this.#show({ snapshot, lane, policyConfirmedAt, laneConfirmedAt });
	}

	#hint(): void {
		this.#again = true;
		this.#pause.wake();
	}

	async #run(): Promise<void> {
		while (!this.#stopped) {
			this.#again = false;
			try {
				await this.#poll();
				this.#contact.succeed("poll");
			} catch (error) {
				this.#contact.fail("poll", error);
			}
			if (this.#again || this.#stopped) continue;
			const { pollInterval, random } = this.#options;
			const { failures } = this.#contact;
			await this.#pause.wait(failures === 0 ? pollInterval : backoff(failures, random));
		}
	}

	async #poll(): Promise<void> {
		const { source, clock } = this.#options;
		const askedAt = clock();
		const { snapshot } = this.#view;
		const head = await source.readHead();
		if (this.#stopped) return;
		this.#noticeRewind(head, snapshot);
		this.#head = head;
		if (this.#view.snapshot !== snapshot) {
			// A load finished while the head was on its way: what it says of policy may be old.
			this.#again = true;
		} else if (this.#loader.isAfresh) {
			this.#loader.want(head, askedAt);
		} else if (head.epoch === snapshot.epoch && head.revision === snapshot.revision) {
			this.#loader.settled();
			this.#contact.succeed("load");
			this.#origin = "database";
			this.#show({ policyConfirmedAt: askedAt });
		} else if (this.#loader.hasRefusedAllUpTo(head) && this.#origin === "database") {
			// All that is newer is known, and is no policy. Not so for what the disk kept: it may be of a past that was lost.
			this.#contact.succeed("load");
			this.#show({ policyConfirmedAt: askedAt });
		} else if (!this.#restorer?.isWorthWaitingFor(head)) {
			this.#loader.want(head, askedAt);
		}
		await this.#followLane(head, askedAt);
		if (this.#restored === null || this.#origin === "disk" || this.#stopped) return;
		this.#restored = null;
		this.#options.report({ kind: "live", head });
	}

	async #followLane(head: Head, askedAt: number): Promise<void> {
		const afresh = head.epoch !== this.#laneEpoch;
		const lane = afresh ? new Lane() : this.#view.lane;
		let seq = afresh ? 0 : this.#seq;
		const wasKnown = lane.unknownKind === null;
		let rows = 0;
		while (seq < head.seq) {
			const batch = await this.#options.source.loadLane(seq);
			if (this.#stopped) return;
			assertFollows(head, batch.head, batch.head.seq);
			for (const row of batch.rows) lane.apply(row);
			rows += batch.rows.length;
			// Fewer rows than numbers: the missing ones were pruned.
			seq = Math.max(batch.rows.at(-1)?.seq ?? head.seq, seq);
			if (!afresh) this.#seq = seq;
			await this.#options.timers.breathe();
		}
		this.#seq = seq;
		this.#laneEpoch = head.epoch;
		this.#laneIsLive = true;
		lane.prune(askedAt, LIMITS.lanePruneEntries);
		this.#show({ lane, laneConfirmedAt: askedAt });
		const { report } = this.#options;
		if (rows > 0) report({ kind: "lane", seq, rows });
		if (rows > 0 && wasKnown && lane.unknownKind !== null)
			report({ kind: "lane_unknown", seq, cause: lane.unknownKind });
	}

	/** Numbers that went back are given out anew, perhaps before anything was loaded: it must not be forgotten until then. */
	#noticeRewind(head: Head, policy: RevisionId): void {
		const last = this.#head ?? this.#restored;
		if (!last) return;
		const known = furthest(last, this.#loader.isAfresh ? last : policy, this.#laneEpoch, this.#seq);
		if (!isRewound(known, head)) return;
		this.#loader.rewound();
		this.#restorer?.abandon();
		this.#laneEpoch = "";
		this.#options.report({ kind: "rewound", from: known, to: head });
	}
}
