/**
 * What did not change can still become wrong by what did. Postgres' foreign keys let no such revision be committed; the
 * compiler does not build on that, since it is what answers.
 */
import type { Rule, Snapshot } from "../snapshot.ts";
import type { Changes } from "./changes.ts";
import { checkCrossing, checkRateLimit, noSuch } from "./check.ts";
import type { Problems } from "./complaint.ts";
import { ENTRIES_PER_STEP } from "./generator.ts";

/** @param snapshot what the changes make of the base; what they put is checked already. */
export function* checkRemaining(
	base: Snapshot,
	changes: Changes,
	snapshot: Snapshot,
	problems: Problems,
): Generator<void, void> {
	const goneSegments = [...changes.segments.drop].filter((name) => !snapshot.segments.has(name));
	const goneDomains = [...changes.domains.drop].filter((name) => !snapshot.domains.has(name));
	const goneIssuers = [...changes.issuers.drop];
	yield* checkSources(goneSegments, changes, snapshot, problems);
	checkOwners(base, changes, snapshot, problems);
	if (goneDomains.length > 0) {
		const put = new Set([...changes.crossings.put].map(({ name }) => name));
		for (const row of snapshot.crossings.values()) {
			if (!put.has(row.name)) checkCrossing(row, snapshot.domains, problems);
		}
	}
	if (goneSegments.length + goneDomains.length + goneIssuers.length > 0) {
		const put = new Set(changes.rateLimits.put);
		for (const row of snapshot.rateLimits.values()) if (!put.has(row)) checkRateLimit(row, snapshot, problems);
	}
}

function* checkSources(
	gone: readonly string[],
	changes: Changes,
	{ shards }: Snapshot,
	problems: Problems,
): Generator<void, void> {
	if (gone.length === 0) return;
	const put = policiesPut(changes);
	let sinceYield = 0;
	for (const { bySource } of shards.values()) {
		for (const name of gone) {
			for (const rule of remaining(bySource.get(name)?.rules ?? [], put)) {
				problems.add(`policy ${rule.name}`, { ...noSuch("segment", name), field: "source" });
			}
		}
		sinceYield += gone.length;
		if (sinceYield < ENTRIES_PER_STEP) continue;
		sinceYield = 0;
		yield;
	}
}

function checkOwners(base: Snapshot, changes: Changes, { shards }: Snapshot, problems: Problems): void {
	let put: ReadonlySet<string> | null = null;
	for (const { name, owner } of changes.segments.put) {
		const before = base.segments.get(name)?.owner ?? owner;
		const shard = shards.get(name);
		if (before === owner || !shard) continue;
		put ??= policiesPut(changes);
		for (const { rules } of shard.bySource.values()) {
			for (const rule of remaining(rules, put)) {
				problems.add(`policy ${rule.name}`, {
					field: "owner",
					message: `${before} does not own the destination ${name}`,
					cure: `a policy belongs to its destination's owner, ${owner}`,
				});
			}
		}
	}
}

const policiesPut = ({ policies }: Changes) => new Set(Array.from(policies.put, ({ name }) => name));
const remaining = (rules: readonly Rule[], put: ReadonlySet<string>) => rules.filter(({ name }) => !put.has(name));
