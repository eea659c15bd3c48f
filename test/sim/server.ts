/** One server of the simulation: a real follower on a simulated link, and the steps that judge a request. */

import type { Decision } from "../../src/core/decision.ts";
import type { AgeLimits, PolicyView } from "../../src/core/policy-view.ts";
import type { CredentialVerdict, Request } from "../../src/core/request.ts";
import { evaluate, type Rules } from "../../src/extauthz/evaluate.ts";
import type { FollowEvent, FollowStatus } from "../../src/store/follow/events.ts";
import { createPolicyFollower, type PolicyFollower } from "../../src/store/follow/follower.ts";
import { CORE_COMPILER, type Compiler } from "../../src/store/follow/loader.ts";
import type { PolicySource } from "../../src/store/follow/source.ts";
import { checkRequest } from "../support/check-requests.ts";
import { tokenFacts } from "../support/requests.ts";
import type { Link } from "./link.ts";
import type { Random } from "./random.ts";
import { TOKENS } from "./revocations.ts";
import { ServerTimers, type SimTime } from "./time.ts";

/** A bug planted into every server, to prove that it is found. */
export interface Sabotage {
	/** @param clock the simulated one. */
	readonly source?: (source: PolicySource, clock: () => number) => PolicySource;
	readonly compiler?: Compiler;
	/** Told every view that the follower shows, and what this made of the one before. */
	readonly view?: (view: PolicyView, before: PolicyView | null, clock: () => number) => PolicyView;
	readonly ages?: AgeLimits;
	readonly report?: (event: FollowEvent) => void;
}

export const POLL_MS = 500;
export const AGES: AgeLimits = { maxPolicyAge: 60_000, maxRevocationAge: 15_000 };
/** The event loop is never busy for longer. */
export const TURN_MS = 5;

/** A request in short: a caller's SPIFFE ID, a segment, a path, and which of the tokens it carries. */
export interface Ask {
	readonly from: string | null;
	readonly to: string;
	readonly path: string;
	readonly token: number | null;
}

export interface Judgement {
	readonly decision: Decision;
	readonly view: PolicyView;
	/** Canonical; null when it did not get so far. */
	readonly request: Request | null;
}

export class SimServer {
	readonly name: string;
	readonly link: Link;
	readonly startedAt: number;
	readonly refusals: Extract<FollowEvent, { kind: "refused" }>[] = [];
	started = false;
	readonly #follower: PolicyFollower;
	readonly #timers: ServerTimers;
	readonly #time: SimTime;
	readonly #sabotage: Sabotage;
	#shown: PolicyView | null = null;
	#honest: PolicyView | null = null;

	constructor(link: Link, time: SimTime, dice: Random, sabotage: Sabotage, tell: (event: FollowEvent) => void) {
		this.name = link.name;
		this.link = link;
		this.startedAt = time.clock();
		this.#time = time;
		this.#sabotage = sabotage;
		this.#timers = new ServerTimers(time, () => dice.below(TURN_MS + 1));
		this.#follower = createPolicyFollower({
			source: sabotage.source?.(link, time.clock) ?? link,
			compiler: sabotage.compiler ?? CORE_COMPILER,
			clock: time.clock,
			random: dice,
			timers: this.#timers,
			pollInterval: POLL_MS,
			report: (event) => {
				if (event.kind === "refused") this.refusals.push(event);
				sabotage.report?.(event);
				tell(event);
			},
		});
	}

	async start(): Promise<void> {
		await this.#follower.start();
		this.started = true;
	}

	/** Resolves when nothing of it is left, and says how many timers are. */
	async stop(): Promise<number> {
		this.link.kill();
		await this.#follower.stop();
		return this.#timers.pending;
	}

	view(): PolicyView {
		const view = this.#follower.current();
		if (this.#honest === view && this.#shown !== null) return this.#shown;
		this.#honest = view;
		this.#shown = this.#sabotage.view?.(view, this.#shown, this.#time.clock) ?? view;
		return this.#shown;
	}

	status(): FollowStatus {
		return this.#follower.status();
	}

	/** Whether it has anything that a failover could put in the past. */
	knowsHead(): boolean {
		return this.#follower.status().head !== null;
	}

	/** The steps of a check, but for cryptography: the token is known, and only the lane is asked about it. */
	judge(ask: Ask): Judgement {
		const view = this.view();
		const now = this.#time.clock();
		const notes = { request: null, facts: null, mark: () => undefined };
		const rules: Rules = {
			authenticator: { authenticate: (_request, { lane }) => credentialOf(ask, lane, now) },
			limiter: { take: () => null, giveBack: () => undefined },
			ages: this.#sabotage.ages ?? AGES,
			enforcerIdentity: "none",
		};
		const question = { check: checkRequest(ask), enforcer: null, view, now, trace: null };
		const decision = evaluate(rules, question, notes);
		if (decision instanceof Promise) throw new Error("a request that needs no waiting was made to wait");
		return { decision, view, request: notes.request };
	}
}

export function credentialOf(
	{ token }: Ask,
	lane: Pick<PolicyView["lane"], "revocationOf">,
	now: number,
): CredentialVerdict {
	const known = token === null ? undefined : TOKENS[token];
	if (!known) return { kind: "refused", reason: "token_missing", detail: "none" };
	const revoked = lane.revocationOf(known, now);
	if (revoked !== null) return { kind: "refused", reason: "token_revoked", detail: revoked };
	return { kind: "token", token: tokenFacts({ ...known, scopes: token! % 2 === 0 ? ["r"] : [] }) };
}
