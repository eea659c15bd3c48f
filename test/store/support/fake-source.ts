/** A source of policy that a test commits to, breaks and restores. */
import type { Changes } from "../../../src/core/compile/changes.ts";
import type { LaneRow, PolicyRow } from "../../../src/core/model.ts";
import type { PolicySource } from "../../../src/store/follow/source.ts";
import { policy, policySet, segment } from "../../support/policy-set.ts";

export type Call = "head" | "lane" | "set" | "changes" | "listen" | "check";

export interface RevokeOptions {
	readonly hint?: boolean;
	readonly kind?: string;
	/** Milliseconds since the epoch; default: for ever. */
	readonly until?: number | null;
}

export interface FakeSource extends PolicySource {
	loadChanges: PolicySource["loadChanges"];
	/** Every call so far, in order. */
	readonly calls: Call[];
	/** Commits a revision with these policies (from `a` to `b`); hints unless told otherwise. */
	commit(names: readonly string[], options?: { readonly condition?: string; readonly hint?: boolean }): void;
	revoke(tokenId: string, options?: RevokeOptions): void;
	hint(times?: number): void;
	/** The state that `restore` goes back to. */
	backup(): () => void;
	setEpoch(epoch: string): void;
	/** These calls fail from now on; none heals all. Failing `listen` also ends the subscription. */
	fail(...calls: Call[]): void;
	/** The subscription ends with an error. */
	cut(): void;
	/** These calls hang until released. */
	hold(...calls: Call[]): () => void;
}

const PEOPLE = [segment({ name: "a" }), segment({ name: "b" })];

export function fakeSource(): FakeSource {
	let epoch = "one";
	let states: PolicyRow[][] = [[]];
	let lane: LaneRow[] = [];
	let failing: readonly Call[] = [];
	let held: { readonly calls: readonly Call[]; readonly until: Promise<void> } | null = null;
	let subscriber: { onHint: () => void; onLost: (error: Error) => void } | null = null;
	const calls: Call[] = [];
	const answer = async <T>(call: Call, give: () => T): Promise<T> => {
		calls.push(call);
		const given = give();
		if (held?.calls.includes(call)) await held.until;
		if (failing.includes(call)) throw new Error(`${call} failed`);
		return given;
	};
	const revision = () => states.length - 1;
	const source: FakeSource = {
		name: "fake",
		calls,
		readHead: () => answer("head", () => ({ epoch, revision: revision(), seq: lane.length })),
		loadLane: (seq) =>
			answer("lane", () => ({
				head: { epoch, revision: revision(), seq: lane.length },
				rows: lane.filter((row) => row.seq > seq).slice(0, LANE_BATCH),
			})),
		loadPolicySet: (progress) =>
			answer("set", () => {
				const policies = states[revision()]!;
				progress(policies.length);
				return { ...policySet({ segments: PEOPLE, policies }, revision()), epoch };
			}),
		loadChanges: (base, until) =>
			answer("changes", () => (base.epoch === epoch ? difference(base.revision, until ?? revision()) : null)),
		listen: (onHint, onLost) =>
			answer("listen", () => {
				const mine = { onHint, onLost };
				subscriber = mine;
				return {
					check: () => answer("check", () => undefined),
					close: () => {
						if (subscriber === mine) subscriber = null;
					},
				};
			}),
		commit(names, { condition, hint = true } = {}) {
			states.push(names.map((name) => policy({ name, source: "a", destination: "b", condition: condition ?? null })));
			if (hint) source.hint();
		},
		revoke(tokenId, { hint = true, kind = "revoke_token", until = null } = {}) {
			const payload = { issuer: "https://id.example.org", token_id: tokenId };
			lane.push({ seq: lane.length + 1, kind, key: tokenId, payload, until });
			if (hint) source.hint();
		},
		hint(times = 1) {
			for (let time = 0; time < times; time++) subscriber?.onHint();
		},
		backup() {
			const [savedStates, savedLane] = [[...states], [...lane]];
			return () => {
				[states, lane] = [savedStates, savedLane];
			};
		},
		setEpoch(next) {
			epoch = next;
		},
		fail(...which) {
			failing = which;
			if (which.includes("listen")) source.cut();
		},
		cut() {
			subscriber?.onLost(new Error("connection lost"));
		},
		hold(...which) {
			const { promise, resolve } = Promise.withResolvers<void>();
			held = { calls: which, until: promise };
			return () => {
				held = null;
				resolve();
			};
		},
	};
	function difference(from: number, to: number): Changes | null {
		if (from > to || to > revision()) return null;
		const [was, is] = [states[from]!, states[to]!];
		const none = { put: [], drop: [] };
		const same = (a: PolicyRow, b: PolicyRow) => a.name === b.name && a.condition === b.condition;
		return {
			epoch,
			revision: to,
			domains: none,
			issuers: none,
			segments: none,
			crossings: none,
			rateLimits: none,
			policies: {
				put: is.filter((row) => !was.some((old) => same(old, row))),
				drop: was.filter((old) => !is.some((row) => same(old, row))),
			},
		};
	}
	return source;
}

const LANE_BATCH = 2;
