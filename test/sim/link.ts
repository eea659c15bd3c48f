/** The way from one server to the store, with everything that can go wrong on it. */
import type { PolicySource, Subscription } from "../../src/store/follow/source.ts";
import type { SimDatabase } from "./database.ts";
import type { Random } from "./random.ts";
import type { SimTime } from "./time.ts";

/** How the network between a server and the store is. */
export const MOODS = ["calm", "slow", "flaky", "hanging", "deaf"] as const;
export type Mood = (typeof MOODS)[number];

export class Link implements PolicySource {
	readonly name: string;
	/** Failovers that the last head it delivered knew of. */
	rewindsSeen = -1;
	/** When a call last went otherwise than on a calm day. */
	#troubledAt = Number.NEGATIVE_INFINITY;
	#mood: Mood = "calm";
	#troubles = 0;
	#dead = false;
	#subscriber: { readonly onHint: () => void; readonly onLost: (error: Error) => void } | null = null;
	readonly #waiting = new Set<(error: Error) => void>();
	readonly #database: SimDatabase;
	readonly #time: SimTime;
	readonly #dice: Random;

	constructor(name: string, database: SimDatabase, time: SimTime, dice: Random) {
		this.name = name;
		this.#database = database;
		this.#time = time;
		this.#dice = dice;
	}

	/** Since when every call was answered as on a calm day; null while one is not. */
	get calmSince(): number | null {
		return this.#troubles > 0 || this.#mood !== "calm" || this.#database.down || this.#database.standby !== null
			? null
			: this.#troubledAt;
	}

	set mood(mood: Mood) {
		this.#mood = mood;
		this.trouble();
	}

	readHead() {
		return this.#call("small", () => {
			const head = this.#database.readHead();
			return { head, rewinds: this.#database.rewinds };
		}).then(({ head, rewinds }) => {
			this.rewindsSeen = rewinds;
			return head;
		});
	}

	loadLane(seq: number) {
		return this.#call("small", () => this.#database.loadLane(seq));
	}

	loadPolicySet(progress: (policies: number) => void) {
		return this.#call("load", () => {
			const set = this.#database.loadPolicySet();
			progress([...set.policies].length);
			return set;
		});
	}

	loadChanges(base: Parameters<PolicySource["loadChanges"]>[0], until?: number) {
		return this.#call("load", () => this.#database.loadChanges(base, until));
	}

	async listen(onHint: () => void, onLost: (error: Error) => void): Promise<Subscription> {
		const mine = { onHint, onLost };
		await this.#call("small", () => {
			if (this.#database.standby) throw new Error("cannot LISTEN during recovery");
			this.#subscriber = mine;
		});
		return {
			check: () => this.#call("small", () => undefined),
			close: () => {
				if (this.#subscriber === mine) this.#subscriber = null;
			},
		};
	}

	/** Hints that come after so many milliseconds each, if the subscription is still the same then. */
	notify(delays: readonly number[]): void {
		const subscriber = this.#subscriber;
		for (const delay of delays) {
			this.#time.after(delay, () => {
				if (this.#subscriber === subscriber && this.#mood !== "deaf") subscriber?.onHint();
			});
		}
	}

	/** The listening connection ends, loudly or without a packet. */
	cut(loudly: boolean): void {
		const subscriber = this.#subscriber;
		this.#subscriber = null;
		if (loudly) subscriber?.onLost(new Error("the listening connection was lost"));
	}

	/** Until now not everything went as on a calm day. */
	trouble(): void {
		this.#troubledAt = this.#time.clock();
	}

	/** Every call that is under way fails. */
	reset(): void {
		this.trouble();
		for (const fail of [...this.#waiting]) fail(new Error("the connection was reset"));
	}

	/** No call is answered any more. */
	kill(): void {
		this.#dead = true;
		this.#subscriber = null;
		this.reset();
	}

	async #call<Result>(kind: "small" | "load", give: () => Result): Promise<Result> {
		const plan = this.#plan(kind);
		if (plan.trouble) this.#troubles++;
		try {
			await this.#wait(plan.there);
			if (this.#database.down || plan.fails === "before") throw new Error("the store does not answer");
			const given = give();
			await this.#wait(plan.back);
			if (plan.fails === "after") throw new Error("the connection was lost before the answer");
			return given;
		} catch (error) {
			this.trouble();
			throw error;
		} finally {
			if (plan.trouble) {
				this.#troubles--;
				this.trouble();
			}
		}
	}

	#plan(kind: "small" | "load"): Plan {
		const within = (most: number) => this.#dice.below(most + 1);
		const calm = { there: within(CALM_MS), back: within(CALM_MS), fails: null, trouble: false };
		if (this.#mood === "slow") return { ...calm, there: within(SLOW_MS), back: within(SLOW_MS), trouble: true };
		if (this.#mood === "flaky" && this.#dice.chance(0.5)) {
			return { ...calm, fails: this.#dice.pick(["before", "after"]), trouble: true };
		}
		if (this.#mood === "hanging") return { ...calm, there: HANGS_MS[kind], fails: "before", trouble: true };
		return calm;
	}

	#wait(ms: number): Promise<void> {
		if (this.#dead) return Promise.reject(new Error("the server has crashed"));
		return new Promise((resolve, reject) => {
			const cancel = this.#time.after(ms, () => {
				this.#waiting.delete(fail);
				resolve();
			});
			const fail = (error: Error) => {
				this.#waiting.delete(fail);
				cancel();
				reject(error);
			};
			this.#waiting.add(fail);
		});
	}
}

interface Plan {
	readonly there: number;
	readonly back: number;
	/** Before the store was asked, or after it did what was asked. */
	readonly fails: "before" | "after" | null;
	readonly trouble: boolean;
}

/** Longest way to the store on a calm day, and back. */
export const CALM_MS = 20;
const SLOW_MS = 2_000;
/** After so long the driver gives up: LIMITS.databaseStatementMs and LIMITS.databaseSilenceMs. */
const HANGS_MS = { small: 5_000, load: 30_000 };
