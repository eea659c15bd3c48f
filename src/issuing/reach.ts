/** What the policies let one source do with one destination, before any request: the crossing, what is due, and the rules. */
import { findCrossing } from "../core/decide/crossing.ts";
import { type Demand, unionOf } from "../core/flow.ts";
import type { Lane } from "../core/lane/lane.ts";
import { LIMITS } from "../core/limits.ts";
import { ANY_SOURCE, type CrossingRow, type SegmentRow } from "../core/model.ts";
import type { DenyReason } from "../core/reasons.ts";
import type { Domain, Rule, Snapshot } from "../core/snapshot.ts";

export interface Reach {
	/** That it was read from. */
	readonly snapshot: Snapshot;
	readonly source: SegmentRow;
	readonly destination: SegmentRow;
	readonly domain: Domain;
	readonly crossing: CrossingRow | null;
	readonly demand: Demand;
	/** Allow rules that hold now, by name. */
	readonly allows: readonly Rule[];
	/** Deny rules that hold now, by name; each may refuse some of what the others let pass. */
	readonly denies: readonly Rule[];
	/** Rules of both kinds that begin to hold while a token that is made now, in exchange, may still be in use. */
	readonly upcoming: readonly Rule[];
}

/** Why nothing of the source passes. */
export interface NoReach {
	readonly reason: DenyReason;
	readonly detail: string | null;
}

/**
 * At `now` (milliseconds since the epoch).
 * @param principal the workload's SPIFFE ID, or null for the segment as a whole.
 * @param lane null: quarantines are not asked.
 */
export function reachOf(
	snapshot: Snapshot,
	lane: Pick<Lane, "quarantined"> | null,
	principal: string | null,
	source: SegmentRow,
	destination: SegmentRow,
	now: number,
): Reach | NoReach {
	const quarantined = lane?.quarantined(principal, source.name, source.domain, now) ?? null;
	if (quarantined !== null) return { reason: "source_quarantined", detail: quarantined };
	const domain = snapshot.domains.get(destination.domain);
	if (!domain) return { reason: "destination_unknown", detail: "domain" };
	const found = findCrossing(snapshot, source, destination, now);
	if (!found.ok) return { reason: found.reason, detail: found.detail };
	const known = rulesOf(snapshot, source, destination).filter(({ deny, monitor }) => !deny || !monitor);
	const rules = known.filter((rule) => isValid(rule, now));
	const [allows, denies] = [rules.filter(({ deny }) => !deny), rules.filter(({ deny }) => deny)];
	const upcoming = known.filter(({ validity }) => validity !== null && isSoon(validity.from, now));
	const total = denies.find(refusesEverything);
	if (total) return { reason: "policy_denied", detail: total.name };
	if (allows.length === 0) return { reason: "no_policy", detail: null };
	const demand = unionOf(domain.row.flow, found.crossing?.flow ?? null);
	return { snapshot, source, destination, domain, crossing: found.crossing, demand, allows, denies, upcoming };
}

function rulesOf({ shards }: Snapshot, source: SegmentRow, destination: SegmentRow): readonly Rule[] {
	const sets = shards.get(destination.name)?.bySource;
	const rules = [source.name, ANY_SOURCE].flatMap((name) => sets?.get(name)?.rules ?? []);
	return rules.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const isValid = ({ validity }: Rule, now: number): boolean =>
	validity === null || (now >= validity.from && now < validity.until);

const isSoon = (from: number, now: number): boolean =>
	from > now && from < now + LIMITS.issuedTokenMs + LIMITS.clockSkewSeconds * 1_000;

/** Whatever the request and whatever the token. */
function refusesEverything({ target, scopes, scopesAny, condition }: Rule): boolean {
	const everyPath = target.templates.some(({ parts, rest }) => rest && parts.length === 0);
	const unconditional = scopes.length === 0 && scopesAny.length === 0 && condition === null;
	return unconditional && everyPath && target.methods === null && target.hosts === null && target.upgrade === null;
}
