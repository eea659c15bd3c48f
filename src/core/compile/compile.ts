/**
 * Rows to snapshot. One way in for whole policy sets and for changes to one, so that they cannot differ: a whole set is
 * the change from nothing. What is not touched is shared with the base.
 */
import type { Problem } from "../errors.ts";
import type { CrossingRow, IssuerRow, PolicySet, RateLimitRow } from "../model.ts";
import { crossingKey, type Shard, type Snapshot } from "../snapshot.ts";
import { type Changes, changesFromNothing } from "./changes.ts";
import { checkCrossing, checkIssuer, checkMember, checkPolicy, checkRateLimit, checkSegment } from "./check.ts";
import { checkRemaining } from "./check-remaining.ts";
import { checkWhole } from "./check-whole.ts";
import { Problems } from "./complaint.ts";
import { copyMap, ENTRIES_PER_STEP } from "./generator.ts";
import { Interner } from "./interner.ts";
import { compileRule, rebuildShard, type ShardChange } from "./shard.ts";

export type CompileResult =
	| { readonly ok: true; readonly snapshot: Snapshot }
	| { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Compiles a whole policy set. Yields often; see {@link import("./generator.ts").runToEnd}. Never throws on bad rows.
 *
 * @param previous the snapshot in force: issuers that are the same in both keep their row, since what is known of their
 *   keys and tokens hangs on it.
 */
export function* compilePolicySet(set: PolicySet, previous: Snapshot = EMPTY_SNAPSHOT): Generator<void, CompileResult> {
	return yield* recompile(EMPTY_SNAPSHOT, changesFromNothing({ ...set, issuers: keepIssuers(set.issuers, previous) }));
}

function keepIssuers(rows: readonly IssuerRow[], previous: Snapshot): readonly IssuerRow[] {
	const known = new Map<string, IssuerRow>();
	for (const { issuers } of previous.domains.values()) for (const row of issuers) known.set(JSON.stringify(row), row);
	return rows.map((row) => known.get(JSON.stringify(row)) ?? row);
}

/** The base with the changes made, or every problem that the result would have. The base stays as it was. */
export function* recompile(base: Snapshot, changes: Changes): Generator<void, CompileResult> {
	const problems = new Problems();
	const domains = compileDomains(base, changes, problems);
	yield;
	const { segments, members } = yield* compileSegments(base, changes, problems);
	const crossings = compileCrossings(base, changes, domains, problems);
	yield;
	const shards = yield* compileShards(base, changes, segments, problems);
	const rateLimits = compileRateLimits(base, changes, { domains, segments }, problems);
	const snapshot: Snapshot = {
		epoch: changes.epoch,
		revision: changes.revision,
		domains,
		segments,
		members,
		crossings,
		shards: shards.map,
		rateLimits,
		policyCount: shards.count,
	};
	yield* checkWhole(snapshot, problems);
	yield* checkRemaining(base, changes, snapshot, problems);
	return problems.none ? { ok: true, snapshot } : { ok: false, problems: problems.list() };
}

function compileDomains(base: Snapshot, changes: Changes, problems: Problems): Snapshot["domains"] {
	const rows = new Map([...base.domains].map(([name, domain]) => [name, domain.row]));
	const issuers = new Map([...base.domains.values()].flatMap(({ issuers }) => issuers).map((row) => [row.url, row]));
	let touched = false;
	for (const name of changes.domains.drop) touched = rows.delete(name) || touched;
	for (const row of changes.domains.put) touched = Boolean(rows.set(row.name, row));
	for (const url of changes.issuers.drop) touched = issuers.delete(url) || touched;
	for (const row of changes.issuers.put) {
		checkIssuer(row, problems);
		touched = Boolean(issuers.set(row.url, row));
	}
	if (!touched) return base.domains;
	const byDomain = Map.groupBy(issuers.values(), (issuer) => issuer.domain);
	for (const [domain, orphans] of byDomain) {
		if (rows.has(domain)) continue;
		for (const { url } of orphans) {
			problems.add(`issuer ${url}`, {
				field: "domain",
				message: `there is no domain ${domain}`,
				cure: "create the domain, or name one that exists",
			});
		}
	}
	return new Map([...rows].map(([name, row]) => [name, { row, issuers: byDomain.get(name) ?? [] }]));
}

function* compileSegments(
	base: Snapshot,
	changes: Changes,
	problems: Problems,
): Generator<void, Pick<Snapshot, "segments" | "members">> {
	const put = [...changes.segments.put];
	const drop = [...changes.segments.drop];
	if (put.length === 0 && drop.length === 0) return base;
	const segments = yield* copyMap(base.segments);
	const members = yield* copyMap(base.members);
	for (const name of [...drop, ...put.map((row) => row.name)]) {
		for (const member of segments.get(name)?.members ?? []) members.delete(member);
		segments.delete(name);
	}
	let sinceYield = 0;
	for (const row of put) {
		checkSegment(row, problems);
		segments.set(row.name, row);
		for (const member of row.members) {
			checkMember(member, row, members.get(member), problems);
			members.set(member, row.name);
		}
		sinceYield += 1 + row.members.length;
		if (sinceYield < ENTRIES_PER_STEP) continue;
		sinceYield = 0;
		yield;
	}
	return { segments, members };
}

function compileCrossings(
	base: Snapshot,
	changes: Changes,
	domains: Snapshot["domains"],
	problems: Problems,
): Snapshot["crossings"] {
	const byName = new Map([...base.crossings.values()].map((row) => [row.name, row]));
	let touched = false;
	for (const name of changes.crossings.drop) touched = byName.delete(name) || touched;
	for (const row of changes.crossings.put) {
		checkCrossing(row, domains, problems);
		touched = Boolean(byName.set(row.name, row));
	}
	if (!touched) return base.crossings;
	const crossings = new Map<string, CrossingRow>();
	for (const row of byName.values()) {
		const key = crossingKey(
			row.source_domain,
			row.destination_domain,
			row.source_environment,
			row.destination_environment,
		);
		const other = crossings.get(key);
		if (other) {
			problems.add(`crossing ${row.name}`, {
				message: `crossing ${other.name} names the same pair`,
				cure: "keep one of them",
			});
		}
		crossings.set(key, row);
	}
	return crossings;
}

function* compileShards(
	base: Snapshot,
	changes: Changes,
	segments: Snapshot["segments"],
	problems: Problems,
): Generator<void, { map: Snapshot["shards"]; count: number }> {
	const touched = yield* groupPolicies(changes, segments, problems);
	if (touched.size === 0) return { map: base.shards, count: base.policyCount };
	const map = yield* copyMap(base.shards);
	let count = base.policyCount;
	let sinceYield = 0;
	for (const [destination, change] of touched) {
		const old = base.shards.get(destination) ?? null;
		const shard: Shard | null = yield* rebuildShard(destination, old, change);
		count += (shard?.size ?? 0) - (old?.size ?? 0);
		if (shard) map.set(destination, shard);
		else map.delete(destination);
		sinceYield += 1 + (shard?.size ?? 0);
		if (sinceYield < ENTRIES_PER_STEP) continue;
		sinceYield = 0;
		yield;
	}
	return { map, count };
}

function* groupPolicies(
	changes: Changes,
	segments: Snapshot["segments"],
	problems: Problems,
): Generator<void, Map<string, ShardChange>> {
	const touched = new Map<string, ShardChange>();
	const of = (destination: string): ShardChange => {
		let change = touched.get(destination);
		if (!change) {
			change = { put: new Map(), drop: new Map() };
			touched.set(destination, change);
		}
		return change;
	};
	for (const { name, source, destination } of changes.policies.drop) {
		const { drop } = of(destination);
		const names = drop.get(source);
		if (names) names.add(name);
		else drop.set(source, new Set([name]));
	}
	const interner = new Interner();
	let sinceYield = 0;
	for (const policy of changes.policies.put) {
		if (++sinceYield === POLICIES_PER_STEP) {
			sinceYield = 0;
			yield;
		}
		const destination = segments.get(policy.destination);
		checkPolicy(policy, destination, segments, problems);
		const compiled = compileRule(policy, destination?.path_exceptions ?? [], interner);
		if (!compiled.ok) {
			problems.add(`policy ${policy.name}`, compiled.complaint);
			continue;
		}
		if (!destination) continue;
		const { put } = of(destination.name);
		const rules = put.get(policy.source);
		if (rules) rules.push(compiled.rule);
		else put.set(interner.string(policy.source), [compiled.rule]);
	}
	return touched;
}

function compileRateLimits(
	base: Snapshot,
	changes: Changes,
	known: Pick<Snapshot, "domains" | "segments">,
	problems: Problems,
): Snapshot["rateLimits"] {
	const limits = new Map<string, RateLimitRow>(base.rateLimits);
	for (const key of changes.rateLimits.drop) limits.delete(key);
	for (const row of changes.rateLimits.put) {
		checkRateLimit(row, known, problems);
		limits.set(`${row.kind}:${row.name}`, row);
	}
	return limits;
}

/** Before the first load: denies everything, and is what a whole set is compiled onto. */
export const EMPTY_SNAPSHOT: Snapshot = Object.freeze({
	epoch: "",
	revision: 0,
	domains: new Map(),
	segments: new Map(),
	members: new Map(),
	crossings: new Map(),
	shards: new Map(),
	rateLimits: new Map(),
	policyCount: 0,
});

/** A policy costs a few microseconds; a step stays well below a millisecond. */
const POLICIES_PER_STEP = 128;
