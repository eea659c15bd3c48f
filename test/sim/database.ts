/** The simulated store: what is committed, and everything that ever was, for the invariants to look up. */
import type { Changes } from "../../src/core/compile/changes.ts";
import { compilePolicySet } from "../../src/core/compile/compile.ts";
import { runToEnd } from "../../src/core/compile/generator.ts";
import type { LaneRow, PolicySet } from "../../src/core/model.ts";
import type { Snapshot } from "../../src/core/snapshot.ts";
import type { Clock } from "../../src/core/time.ts";
import type { Head } from "../../src/store/head.ts";
import { firstSet } from "./company.ts";
import { difference } from "./difference.ts";
import { isSupersededBy } from "./revocations.ts";

/** One state of the policy set. */
export interface Committed {
	readonly set: PolicySet;
	/** As the compiler makes it of the whole set; null when it does not compile. */
	readonly snapshot: Snapshot | null;
	/** When it was last the newest that compiles; null while it is. What does not compile is no policy. */
	until: number | null;
}

export interface LaneEntry {
	readonly row: LaneRow;
	/** When it was committed, or restored. */
	readonly since: number;
}

/** One state of the whole database. */
interface State {
	readonly epoch: string;
	/** By revision, those that the history knows. */
	readonly chain: ReadonlyMap<number, PolicySet>;
	readonly revision: number;
	readonly seq: number;
	readonly lane: readonly LaneEntry[];
	/** What it was made from; a standby is never in a past that the primary lost. */
	readonly before: State | null;
}

export class SimDatabase {
	/** Every state that was ever committed, by {@link stateKey}; one number means several things after a failover. */
	readonly committed = new Map<string, Committed[]>();
	/** Since when nothing was restored or failed over. */
	restoredAt = Number.NEGATIVE_INFINITY;

	/** Failovers so far that kept the epoch. */
	rewinds = 0;
	/** Whatever was in quarantine, in one past or another: `kind:name`. */
	readonly everQuarantined = new Set<string>();
	down = false;
	/** A read-only standby answers in place of the primary, from its past. */
	standby: State | null = null;
	#state: State;
	#newest: Committed;
	/** The newest of the state's chain that compiles. */
	#best: Committed | null = null;
	readonly #bySet = new Map<PolicySet, Committed>();
	/** Rows that there ever were about each subject. */
	readonly #told = new Map<string, number>();
	#epochs = 1;
	readonly #clock: Clock;

	constructor(clock: Clock) {
		this.#clock = clock;
		const set = { ...firstSet(), epoch: "epoch-1" };
		this.#state = { epoch: set.epoch, chain: new Map([[0, set]]), revision: 0, seq: 0, lane: [], before: null };
		this.#newest = this.#remember(set);
	}

	get head(): Head {
		const { epoch, revision, seq } = this.#state;
		return { epoch, revision, seq };
	}

	get newest(): Committed {
		return this.#newest;
	}

	/** The newest that compiles, of those that the history knows. */
	get best(): Committed | null {
		return this.#best;
	}

	get lane(): readonly LaneEntry[] {
		return this.#state.lane;
	}

	get laneRows(): readonly LaneRow[] {
		return this.#state.lane.map(({ row }) => row);
	}

	commit(edit: (set: PolicySet, tag: string) => PolicySet): Committed {
		const { epoch, chain } = this.#state;
		const revision = this.#state.revision + 1;
		const set = { ...edit(chain.get(revision - 1)!, `${epoch}.${revision}`), epoch, revision };
		this.#become({ ...this.#state, revision, chain: new Map(chain).set(revision, set) });
		this.#supersede(set);
		return this.#newest;
	}

	append(row: Omit<LaneRow, "seq">): void {
		if (row.kind === "quarantine") this.everQuarantined.add(row.key);
		const seq = this.#state.seq + 1;
		const subject = subjectOf(row);
		this.#told.set(subject, 1 + (this.#told.get(subject) ?? 0));
		const entry = { row: { ...row, seq }, since: this.#clock() };
		this.#become({ ...this.#state, seq, lane: [...this.#state.lane, entry] });
	}

	/** What is superseded goes, and what is over and superseded nothing that a server may still hold; numbers stay. */
	prune(): void {
		const rows = this.laneRows;
		const isOver = ({ until }: LaneRow) => until !== null && until <= this.#clock();
		const lane = this.#state.lane.filter(({ row }) => {
			const later = rows.filter(({ seq, ...other }) => seq > row.seq && subjectOf(other) === subjectOf(row));
			if (later.some((other) => isSupersededBy(row, other))) return false;
			return !(isOver(row) && this.#told.get(subjectOf(row)) === 1);
		});
		this.#become({ ...this.#state, lane });
	}

	/** To the state so many transactions ago: of a new epoch, as a restore makes it, or of the same, as a failover does. */
	restore(ago: number, newEpoch: boolean): void {
		const past = this.#at(ago);
		const now = this.#clock();
		const epoch = newEpoch ? `epoch-${++this.#epochs}` : past.epoch;
		if (newEpoch || past.epoch === this.#state.epoch) this.#rewind(past, epoch, now);
	}

	/** For a while, a standby that is so many transactions behind is all that answers. */
	demote(ago: number): void {
		const past = this.#at(ago);
		if (past.epoch === this.#state.epoch) this.standby = past;
	}

	/** The primary is back with all it had, or the standby is the primary from now on. */
	promote(standby: boolean): void {
		const past = this.standby;
		this.standby = null;
		if (standby && past && past.epoch === this.#state.epoch) this.#rewind(past, past.epoch, this.#clock());
	}

	readHead(): Head {
		if (this.standby) throw new Error("the database is a read-only standby");
		return this.head;
	}

	loadLane(seq: number): { readonly head: Head; readonly rows: readonly LaneRow[] } {
		const { lane, epoch, revision, seq: last } = this.standby ?? this.#state;
		const rows = lane.map(({ row }) => row).filter((row) => row.seq > seq);
		return { head: { epoch, revision, seq: last }, rows: rows.slice(0, LANE_BATCH) };
	}

	loadPolicySet(): PolicySet {
		const { chain, revision } = this.standby ?? this.#state;
		return chain.get(revision)!;
	}

	loadChanges(base: Pick<Head, "epoch" | "revision">, until?: number): Changes | null {
		const { epoch, chain, revision } = this.standby ?? this.#state;
		const [was, is] = [chain.get(base.revision), chain.get(until ?? revision)];
		return base.epoch === epoch && was && is ? difference(was, is) : null;
	}

	#at(ago: number): State {
		let state = this.#state;
		for (let step = 0; step <= ago && state.before; step++) state = state.before;
		return state;
	}

	#rewind(past: State, epoch: string, now: number): void {
		const set = { ...past.chain.get(past.revision)!, epoch };
		const chain = new Map(epoch === past.epoch ? past.chain : []).set(past.revision, set);
		const lane = past.lane.map(({ row }) => ({ row, since: now }));
		this.restoredAt = now;
		if (epoch === past.epoch) this.rewinds++;
		this.#state = { ...past, epoch, chain, lane };
		this.#supersede(set);
	}

	#become(state: State): void {
		this.#state = { ...state, before: this.#state };
	}

	#supersede(set: PolicySet): void {
		this.#newest = this.#remember(set);
	}

	#remember(set: PolicySet): Committed {
		const result = runToEnd(compilePolicySet(set));
		const snapshot = result.ok ? result.snapshot : null;
		const state: Committed = { set, snapshot, until: this.#clock() };
		const key = stateKey(set);
		this.committed.set(key, [...(this.committed.get(key) ?? []), state]);
		this.#bySet.set(set, state);
		if (this.#best) this.#best.until = this.#clock();
		this.#best = this.#findBest();
		if (this.#best) this.#best.until = null;
		return state;
	}

	#findBest(): Committed | null {
		const { chain, revision } = this.#state;
		for (let number = revision; number >= 0; number--) {
			const state = this.#bySet.get(chain.get(number)!);
			if (state?.snapshot) return state;
		}
		return null;
	}
}

export const stateKey = ({ epoch, revision }: Pick<Head, "epoch" | "revision">): string => `${epoch}/${revision}`;

const subjectOf = ({ kind, key }: Pick<LaneRow, "kind" | "key">): string =>
	`${kind === "lift" ? "quarantine" : kind} ${key}`;

/** Small, so that reading the lane takes several calls. */
export const LANE_BATCH = 5;
