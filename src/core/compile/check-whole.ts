/** What the compiler refuses about rows together, looked at once all of them stand. */
import { demandOf } from "../flow.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Problems } from "./complaint.ts";
import { ENTRIES_PER_STEP } from "./generator.ts";

export function* checkWhole(snapshot: Snapshot, problems: Problems): Generator<void, void> {
	const tokenDomains = domainsThatReadTokens(snapshot);
	let sinceYield = 0;
	for (const shard of snapshot.shards.values()) {
		if (++sinceYield === ENTRIES_PER_STEP) {
			sinceYield = 0;
			yield;
		}
		const segment = snapshot.segments.get(shard.destination);
		if (!segment) {
			problems.add(`segment ${shard.destination}`, {
				message: "it is gone, but policies name it as their destination",
				cure: "remove those policies too",
			});
		} else if (shard.scoped !== null && !tokenDomains.has(segment.domain)) {
			problems.add(`policy ${shard.scoped}`, {
				field: "scopes",
				message: `domain ${segment.domain} reads no tokens (flow mtls), so nobody can hold a scope`,
				cure: "leave the scopes out, or give the domain or a crossing into it a flow with a token",
			});
		}
	}
	for (const segment of snapshot.segments.values()) {
		if (!snapshot.domains.has(segment.domain)) {
			problems.add(`segment ${segment.name}`, {
				field: "domain",
				message: `there is no domain ${JSON.stringify(segment.domain)}`,
				cure: "create the domain, or move the segment",
			});
		}
	}
}

/** Domains whose own flow, or that of a crossing into them, demands a token. */
function domainsThatReadTokens(snapshot: Snapshot): ReadonlySet<string> {
	const names = new Set<string>();
	for (const [name, { row }] of snapshot.domains) if (demandOf(row.flow).token) names.add(name);
	for (const crossing of snapshot.crossings.values()) {
		if (crossing.flow !== null && demandOf(crossing.flow).token) names.add(crossing.destination_domain);
	}
	return names;
}
