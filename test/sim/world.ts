/** Runs one story: several servers on one store, every invariant checked after everything that happens. */
import type { PolicyView } from "../../src/core/policy-view.ts";
import type { Action, Hint, Story } from "./actions.ts";
import { changed, PATHS, SEGMENTS, workload } from "./company.ts";
import { SimDatabase, stateKey } from "./database.ts";
import { checkEnd } from "./ending.ts";
import { canonical, checkJudgement, checkView, describe, Violation } from "./invariants.ts";
import { CALM_MS, Link } from "./link.ts";
import { type Random, random } from "./random.ts";
import { ISSUED, laneRow, liftRow, TOKENS } from "./revocations.ts";
import { type Ask, type Sabotage, SimServer } from "./server.ts";
import { SimTime } from "./time.ts";

export class World {
	/** What happened, in lines. */
	readonly log: string[] = [];
	/** Requests that were judged, and those of them that passed. */
	asked = 0;
	passed = 0;
	readonly #story: Story;
	readonly #sabotage: Sabotage;
	readonly #dice: Random;
	readonly #time = new SimTime((ISSUED + 60) * 1_000);
	readonly #database = new SimDatabase(this.#time.clock);
	readonly #servers: (SimServer | null)[];
	readonly #ended: Promise<number>[] = [];
	readonly #views = new Map<SimServer, PolicyView>();
	readonly #snapshots = new Set<PolicyView["snapshot"]>();
	#lives = 0;
	#failure: unknown = null;

	constructor(story: Story, sabotage: Sabotage = {}) {
		this.#story = story;
		this.#sabotage = sabotage;
		this.#dice = random(story.seed, 0);
		this.#servers = Array.from({ length: story.servers }, () => null);
	}

	/** A promise that is rejected and forgotten fails the test by Jest itself. @throws Violation */
	async run(): Promise<void> {
		try {
			for (const index of this.#servers.keys()) this.#boot(index);
			for (const { after, action } of this.#story.steps) {
				await this.#pass(after);
				this.#say(`${action.kind} ${JSON.stringify(action)}`);
				this.#act(action);
			}
			await this.#calm();
			await this.#end();
		} finally {
			for (const server of this.#servers) if (server) void server.stop().catch(() => undefined);
			await this.#time.run(2 * CALM_MS, () => undefined);
		}
	}

	async #pass(ms: number): Promise<void> {
		await this.#time.run(ms, () => this.#check());
		this.#check();
	}

	#say(line: string): void {
		this.log.push(`${this.#time.clock() - (ISSUED + 60) * 1_000} ms ${line}`);
	}

	#boot(index: number): void {
		const dice = random(this.#story.seed, 1, ++this.#lives);
		const link = new Link(`server-${index}`, this.#database, this.#time, dice);
		const server = this.#guard(() => {
			return new SimServer(link, this.#time, dice, this.#sabotage, (event) => {
				const told = event.kind === "adopted" || event.kind === "refused" ? ` ${stateKey(event)}` : "";
				this.#say(`  server-${index} ${event.kind}${told}`);
			});
		});
		this.#servers[index] = server;
		server.start().catch((error) => {
			this.#failure ??= new Violation("nothing throws", `start was rejected: ${String(error)}`);
		});
	}

	#crash(index: number): void {
		const server = this.#servers[index];
		if (!server) return;
		this.#servers[index] = null;
		this.#views.delete(server);
		this.#ended.push(server.stop());
	}

	/** After everything that happens: every view that is new, and now and then a request. */
	#check(): void {
		if (this.#failure !== null) throw this.#failure;
		for (const server of this.#servers) {
			if (!server) continue;
			const view = this.#guard(() => server.view());
			if (this.#views.get(server) === view) continue;
			this.#views.set(server, view);
			this.#snapshots.add(view.snapshot);
			checkView(this.#database, server, view, this.#time.clock());
		}
		if (this.#dice.chance(0.3)) this.#ask();
	}

	#ask(): void {
		const server = this.#dice.pick(this.#servers);
		if (!server) return;
		const dice = this.#dice;
		const { revision, epoch } = server.view().snapshot;
		const ask: Ask = {
			from: dice.chance(0.9) ? workload(dice.pick([...SEGMENTS, "n"])) : null,
			to: dice.pick([...SEGMENTS, "n"]),
			path: dice.pick([
				...PATHS,
				`/l/${dice.below(300)}`,
				`/tag/${epoch}.${revision}`,
				`/tag/${epoch}.${revision - 1}`,
			]),
			token: dice.chance(0.9) ? dice.below(TOKENS.length) : null,
		};
		const judgement = this.#guard(() => server.judge(ask));
		this.asked++;
		if (judgement.decision.allow) this.passed++;
		checkJudgement(this.#database, server, ask, judgement, this.#time.clock());
	}

	#guard<Result>(work: () => Result): Result {
		try {
			return work();
		} catch (error) {
			throw new Violation("nothing throws", error instanceof Error ? (error.stack ?? error.message) : String(error));
		}
	}

	#act(action: Action): void {
		switch (action.kind) {
			case "commit":
				return this.#write(action.hint, () => {
					const dice = random(this.#story.seed, 2, action.dice);
					this.#database.commit((set, tag) => changed(set, action.changes, tag, dice));
				});
			case "revoke":
				return this.#write(action.hint, () => {
					const until = action.lasts === null ? null : this.#time.clock() + action.lasts;
					this.#database.append(laneRow(action.what, action.n, until));
				});
			case "lift":
				return this.#write(action.hint, () => this.#database.append(liftRow(action.what, action.n)));
			case "foreign":
				return this.#write(action.hint, () => {
					this.#database.append({ kind: "banish", key: "x", payload: { name: "x" }, until: null });
				});
			case "prune":
				return this.#write("lost", () => this.#database.prune());
			case "hints":
				return this.#each((link) => link.notify(Array.from({ length: action.count }, () => this.#dice.below(CALM_MS))));
			case "network":
				return this.#network(action);
			case "outage":
				return this.#outage(action);
			case "standby":
				return this.#standby(action);
			case "restore":
				if (this.#database.down || this.#database.standby) return;
				if (!action.newEpoch) this.#each((link) => link.reset());
				this.#database.restore(action.ago, action.newEpoch);
				return this.#hint(action.hint);
			case "cut":
				return this.#servers[action.server % this.#servers.length]?.link.cut(action.loudly);
			case "crash": {
				const index = action.server % this.#servers.length;
				if (!this.#servers[index]) return;
				this.#crash(index);
				this.#time.after(action.lasts, () => this.#boot(index));
				return;
			}
			case "jump":
				this.#time.jump(action.ms);
				return this.#each((link) => link.trouble());
		}
	}

	/**
	 * Nobody writes while the store is down. After a failover that kept the epoch, nobody does until every server saw that
	 * numbers went back: one that did not look meanwhile has no way to know.
	 */
	#write(hint: Hint, write: () => void): void {
		const { down, standby, rewinds } = this.#database;
		const unseen = this.#servers.some((server) => server && server.link.rewindsSeen < rewinds && server.knowsHead());
		if (down || standby || unseen) return this.#say("  (not now)");
		write();
		this.#hint(hint);
	}

	#hint(hint: Hint): void {
		const delay = () => this.#dice.below(hint === "late" ? 5_000 : CALM_MS);
		if (hint === "lost") return;
		this.#each((link) => link.notify(hint === "doubled" ? [delay(), delay()] : [delay()]));
	}

	#network({ server, mood, lasts }: Extract<Action, { kind: "network" }>): void {
		const chosen = server === null ? this.#servers : [this.#servers[server % this.#servers.length]];
		for (const each of chosen) {
			if (!each) continue;
			each.link.mood = mood;
			this.#time.after(lasts, () => {
				each.link.mood = "calm";
			});
		}
	}

	#outage({ lasts, loudly }: Extract<Action, { kind: "outage" }>): void {
		if (this.#database.down) return;
		this.#database.down = true;
		this.#each((link) => {
			link.reset();
			link.cut(loudly);
		});
		this.#time.after(lasts, () => {
			this.#database.down = false;
			this.#each((link) => link.trouble());
		});
	}

	#standby({ ago, lasts, promoted }: Extract<Action, { kind: "standby" }>): void {
		if (this.#database.standby || this.#database.down) return;
		this.#database.demote(ago);
		this.#each((link) => link.cut(true));
		this.#time.after(lasts, () => {
			if (promoted) this.#each((link) => link.reset());
			this.#database.promote(promoted);
			this.#each((link) => link.trouble());
		});
	}

	#each(task: (link: Link) => void): void {
		for (const server of this.#servers) if (server) task(server.link);
	}

	/** The storm is over: whatever still hangs gives up, and everybody has had time to ask again. */
	async #calm(): Promise<void> {
		this.#say("calm");
		await this.#pass(STORM_MS);
		await this.#pass(CALM_AT_LAST_MS);
		for (const server of this.#servers) if (server) checkEnd(this.#database, server, this.#time.clock());
	}

	/** Every snapshot is still what it was, and every server stops without leaving anything behind. */
	async #end(): Promise<void> {
		for (const snapshot of this.#snapshots) {
			if (describe(snapshot) === canonical(snapshot)) continue;
			throw new Violation("one revision", `the snapshot ${stateKey(snapshot)} was changed in place`);
		}
		for (const index of this.#servers.keys()) this.#crash(index);
		let left: readonly number[] | null = null;
		void Promise.all(this.#ended).then(
			(timers) => {
				left = timers;
			},
			(error) => {
				this.#failure ??= new Violation("nothing throws", `stop was rejected: ${String(error)}`);
			},
		);
		await this.#pass(1_000);
		const stayed = left as readonly number[] | null;
		if (stayed === null || stayed.some((timers) => timers > 0)) {
			throw new Violation("nothing throws", `what was stopped left something behind: ${JSON.stringify(stayed)}`);
		}
	}
}

/** Longer than any trouble lasts. */
const STORM_MS = 41_000;
/** Longer than a hanging load (30 s), the longest wait behind it (5 s), and what comes then. */
const CALM_AT_LAST_MS = 45_000;
