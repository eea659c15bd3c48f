/** What must hold at every step, whatever happened; each has a name, which the planted bugs are told by. */

import { EMPTY_SNAPSHOT } from "../../src/core/compile/compile.ts";
import { rowsOf } from "../../src/core/compile/rows.ts";
import type { Lane } from "../../src/core/lane/lane.ts";
import { isPolicyStale, laneStaleness, type PolicyView } from "../../src/core/policy-view.ts";
import type { Snapshot } from "../../src/core/snapshot.ts";
import { oracle } from "../support/oracle.ts";
import { SEGMENTS, workload } from "./company.ts";
import { type Committed, LANE_BATCH, type SimDatabase, stateKey } from "./database.ts";
import { CALM_MS } from "./link.ts";
import { quarantinedSince, revokedSince, TOKENS } from "./revocations.ts";
import { AGES, type Ask, credentialOf, type Judgement, POLL_MS, type SimServer, TURN_MS } from "./server.ts";

export type Invariant =
	/** Nothing is judged by parts of two revisions, or by one that never was. */
	| "one revision"
	/** Nothing is judged by a revision that does not compile. */
	| "no refused revision"
	/** The decision is the one that a loop over that revision's rows makes. */
	| "decision"
	/** Neither lane is said to be the newest at an instant at which the store knew more. */
	| "policy confirmed"
	| "lane confirmed"
	/** What was superseded for longer than the limit lets nothing pass. */
	| "policy age"
	/** What was revoked or quarantined for longer than its bound lets nothing pass. */
	| "revocation bound"
	/** Nothing is revoked that the store never revoked. */
	| "nothing invented"
	/** Nothing throws, rejects, or stays behind. */
	| "nothing throws"
	/** When the storm is over, everything is as the store has it, or the newest is refused loudly. */
	| "ends at head";

export class Violation extends Error {
	readonly invariant: Invariant;

	constructor(invariant: Invariant, message: string) {
		super(`${invariant}: ${message}`);
		this.invariant = invariant;
	}
}

/** The states that this snapshot equals as a whole: more than one when a failover gave a number twice. */
export function statesOf(database: SimDatabase, snapshot: Snapshot, name: string): readonly Committed[] {
	const key = stateKey(snapshot);
	const candidates = database.committed.get(key) ?? [];
	const text = canonical(snapshot);
	const equal = candidates.filter((state) => state.snapshot !== null && canonical(state.snapshot) === text);
	if (equal.length > 0) return equal;
	const invariant = candidates.some((state) => state.snapshot === null) ? "no refused revision" : "one revision";
	throw new Violation(invariant, `${name} enforces something else than what was committed as ${key}`);
}

/** A view that a server shows for the first time. */
export function checkView(database: SimDatabase, server: SimServer, view: PolicyView, now: number): void {
	const { snapshot, lane, policyConfirmedAt, laneConfirmedAt } = view;
	if (snapshot !== EMPTY_SNAPSHOT) {
		const last = lastNewest(statesOf(database, snapshot, server.name));
		if (last < policyConfirmedAt) {
			const key = stateKey(snapshot);
			throw new Violation(
				"policy confirmed",
				`${server.name} takes ${key} for the newest ${policyConfirmedAt - last} ms later`,
			);
		}
	} else if (Number.isFinite(policyConfirmedAt)) {
		throw new Violation("policy confirmed", `${server.name} takes nothing for the newest`);
	}
	for (const { what, since, held } of revocationsHeld(database, lane, now)) {
		// What was committed in the very millisecond may be missing.
		if (since < laneConfirmedAt && !held) {
			throw new Violation(
				"lane confirmed",
				`${server.name} lacks ${what}, revoked ${laneConfirmedAt - since} ms before`,
			);
		}
	}
}

/** When the enforced state was last the newest that can be enforced. */
const lastNewest = (states: readonly Committed[]): number =>
	Math.max(...states.map(({ until }) => until ?? Number.POSITIVE_INFINITY));

function* revocationsHeld(database: SimDatabase, lane: Lane, now: number) {
	const since = (instant: number) => Math.max(instant, database.restoredAt);
	for (const token of TOKENS) {
		const revoked = revokedSince(database.lane, token, now);
		if (revoked === null) continue;
		yield { what: `token ${token.id}`, since: since(revoked), held: lane.revocationOf(token, now) !== null };
	}
	for (const name of SEGMENTS) {
		const id = workload(name);
		const held = quarantinedSince(database.lane, "workload", id, now);
		if (held !== null) yield { what: id, since: since(held), held: lane.quarantined(id, null, null, now) !== null };
		const whole = quarantinedSince(database.lane, "segment", name, now);
		if (whole === null) continue;
		yield { what: `segment ${name}`, since: since(whole), held: lane.quarantined(null, name, null, now) !== null };
	}
}

/** One request that was judged. */
export function checkJudgement(
	database: SimDatabase,
	server: SimServer,
	ask: Ask,
	{ decision, view, request }: Judgement,
	now: number,
): void {
	if (view.snapshot === EMPTY_SNAPSHOT) {
		if (decision.allow) throw new Violation("decision", `${server.name} let pass before it knew any policy`);
		return;
	}
	const states = statesOf(database, view.snapshot, server.name);
	if (decision.allow) checkAges(database, server, ask, decision, states, now);
	if (decision.reason === "policy_stale") {
		if (isPolicyStale(view, AGES, now)) return;
		throw new Violation("decision", `${server.name} takes fresh policy for stale`);
	}
	if (request === null) throw new Violation("decision", `${server.name} did not look at the request`);
	const { set } = states[0]!;
	const domain = decision.destination?.domain;
	const stale =
		laneStaleness(view, AGES, now) !== null && set.domains.find(({ name }) => name === domain)?.on_stale !== "allow";
	const credential = stale
		? ({ kind: "refused", reason: "revocation_stale", detail: "age" } as const)
		: credentialOf(ask, view.lane, now);
	const answer = oracle(set, request, credential, now);
	if (decision.reason === "source_quarantined") {
		const { source } = decision;
		const names = [`workload:${ask.from}`, `segment:${source?.segment}`, `domain:${source?.domain}`];
		const held = view.lane.quarantined(ask.from, source?.segment ?? null, source?.domain ?? null, now);
		if (held !== null && names.some((name) => database.everQuarantined.has(name))) return;
		throw new Violation("nothing invented", `${server.name} holds ${ask.from}, which is not in quarantine`);
	}
	if (decision.reason !== answer.reason || decision.hidden !== answer.hidden) {
		throw new Violation(
			"decision",
			`${server.name} says ${decision.reason} of ${JSON.stringify(ask)}, by ${stateKey(set)} it is ${answer.reason}`,
		);
	}
}

/** What passes, judged from outside: by what the store had at which time, and by what the server could know. */
function checkAges(
	database: SimDatabase,
	server: SimServer,
	ask: Ask,
	{ source, token }: Judgement["decision"],
	states: readonly Committed[],
	now: number,
): void {
	const age = now - lastNewest(states);
	if (age > AGES.maxPolicyAge) {
		throw new Violation("policy age", `${server.name} lets pass by what was superseded ${age} ms ago`);
	}
	const read = token === null ? null : TOKENS[ask.token!]!;
	const revoked = read && revokedSince(database.lane, read, now);
	if (revoked !== null) {
		const onStale = states[0]!.set.domains.find(({ name }) => name === "internal")?.on_stale;
		const bound = onStale === "allow" ? Number.POSITIVE_INFINITY : AGES.maxRevocationAge;
		checkBound(database, server, `token ${read!.id}`, revoked, bound, now);
	}
	const held = [
		ask.from === null ? null : quarantinedSince(database.lane, "workload", ask.from, now),
		source === null ? null : quarantinedSince(database.lane, "segment", source.segment, now),
		source === null ? null : quarantinedSince(database.lane, "domain", source.domain, now),
	].filter((since) => since !== null);
	if (held.length > 0) {
		checkBound(database, server, `source ${ask.from}`, Math.min(...held), Number.POSITIVE_INFINITY, now);
	}
}

/** @param most milliseconds that hold whatever happens. */
function checkBound(
	database: SimDatabase,
	server: SimServer,
	what: string,
	instant: number,
	most: number,
	now: number,
): void {
	const since = Math.max(instant, database.restoredAt);
	const calm = server.link.calmSince;
	// The poll under way may have asked too early, and one more is due after its wait; after trouble that wait is a longer one.
	const begins =
		calm === null ? Number.POSITIVE_INFINITY : Math.max(since + POLL_MS, server.startedAt, calm + RETRY_MS);
	const latest = Math.min(since + most, begins + 2 * pollMs(database));
	if (now <= latest) return;
	throw new Violation("revocation bound", `${server.name} accepts ${what} ${now - since} ms after it was revoked`);
}

/** The longest poll on a calm day: the head, and the lane in batches. */
const pollMs = (database: SimDatabase): number =>
	2 * CALM_MS + (Math.ceil(database.lane.length / LANE_BATCH) + 2) * (2 * CALM_MS + TURN_MS);

/** LIMITS.databaseRetryMaxMs. */
const RETRY_MS = 5_000;

const texts = new WeakMap<Snapshot, string>();

/** Two snapshots with the same text judge every request alike. */
export function canonical(snapshot: Snapshot): string {
	let text = texts.get(snapshot);
	if (text === undefined) {
		text = describe(snapshot);
		texts.set(snapshot, text);
	}
	return text;
}

/** As {@link canonical}, and not remembered: shows whether somebody changed a snapshot in place. */
export function describe(snapshot: Snapshot): string {
	const { epoch, revision, policies, ...rows } = rowsOf(snapshot);
	const sorted = (items: Iterable<unknown>) => [...items].map((item) => JSON.stringify(item)).sort();
	const shards = [...snapshot.shards.values()].map(({ destination, size, upgrades }) => [
		destination,
		size,
		...upgrades,
	]);
	return JSON.stringify([
		epoch,
		revision,
		snapshot.policyCount,
		sorted(policies),
		sorted(Object.values(rows).flatMap((list) => list as readonly unknown[])),
		sorted(snapshot.members),
		sorted(shards),
	]);
}
