/**
 * Which segments may call which, as far as policies say without a request: an edge is open when an allow policy joins
 * source and destination, both may meet (same domain and environment, or a live accepted crossing), and no deny policy
 * covers everything between them. What a policy demands on top (methods, paths, scopes, conditions) narrows an edge and
 * does not close it.
 */
import { findCrossing } from "../decide/crossing.ts";
import { ANONYMOUS, ANY_SOURCE, type PolicyRow, type PolicySet, type SegmentRow } from "../model.ts";
import { crossingKey } from "../snapshot.ts";

/** What edges are made of. */
export type EdgeSet = Pick<PolicySet, "domains" | "segments" | "crossings" | "policies">;

export interface Edge {
	/** A segment, `anonymous`, or `*`. */
	readonly source: string;
	readonly destination: string;
	/** Behind `*`: the segments for which no policy by name does it, in order. Null for any other source. */
	readonly segments: readonly string[] | null;
}

export interface EdgeDiff {
	readonly opened: readonly Edge[];
	readonly closed: readonly Edge[];
	/** Destinations where denials begin to count only as what would have been (mode `monitor`), and where that ends. */
	readonly monitor: { readonly begun: readonly string[]; readonly ended: readonly string[] };
}

/**
 * By destination, then by source.
 * @param at milliseconds since the epoch: policies and crossings that have ended by then open nothing; what begins later
 * counts as open, since nobody will be asked again when it does.
 */
export function diffEdges(before: EdgeSet, after: EdgeSet, at: number): EdgeDiff {
	const [was, is] = [sideOf(before, at), sideOf(after, at)];
	const opened: Edge[] = [];
	const closed: Edge[] = [];
	const moved = new Set(
		names(was.segments, is.segments).filter((name) => !isSamePlace(was.segments.get(name), is.segments.get(name))),
	);
	const crossed = was.joined !== is.joined;
	for (const destination of names(was.reach, is.reach)) {
		const changed = { opened: [] as string[], closed: [] as string[] };
		const anyPlaceChanged = crossed || moved.has(destination);
		for (const source of candidates(was, is, destination, moved, anyPlaceChanged)) {
			const [wasOpen, isOpen] = [isOpenEdge(was, source, destination, at), isOpenEdge(is, source, destination, at)];
			if (wasOpen !== isOpen) (isOpen ? changed.opened : changed.closed).push(source);
		}
		opened.push(...edgesOf(is, destination, changed.opened));
		closed.push(...edgesOf(was, destination, changed.closed));
	}
	const monitored = [...is.segments.keys()].filter((name) => was.segments.has(name));
	return {
		opened,
		closed,
		monitor: {
			begun: monitored.filter((name) => isMonitored(is, name) && !isMonitored(was, name)).sort(),
			ended: monitored.filter((name) => isMonitored(was, name) && !isMonitored(is, name)).sort(),
		},
	};
}

/** One of the two states, indexed. */
interface Side {
	readonly segments: ReadonlyMap<string, SegmentRow>;
	readonly crossings: ReadonlyMap<string, PolicySet["crossings"][number]>;
	/** Live and accepted ones, in one text. */
	readonly joined: string;
	readonly monitoredDomains: ReadonlySet<string>;
	/** Destination to source to what policies say of the two: ALLOWED, CLOSED, or both. */
	readonly reach: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

const ALLOWED = 1;
const CLOSED = 2;

function sideOf({ domains, segments, crossings, policies }: EdgeSet, at: number): Side {
	const reach = new Map<string, Map<string, number>>();
	for (const policy of policies) {
		const says = meaningOf(policy, at);
		if (says === 0) continue;
		let sources = reach.get(policy.destination);
		if (!sources) {
			sources = new Map();
			reach.set(policy.destination, sources);
		}
		sources.set(policy.source, (sources.get(policy.source) ?? 0) | says);
	}
	const keyed = crossings.map((row) => {
		const { source_domain, destination_domain, source_environment, destination_environment } = row;
		return [crossingKey(source_domain, destination_domain, source_environment, destination_environment), row] as const;
	});
	return {
		segments: new Map(segments.map((row) => [row.name, row])),
		crossings: new Map(keyed),
		joined: keyed
			.filter(([, row]) => row.accepted && row.expires > at)
			.map(([key]) => key)
			.sort()
			.join("\n"),
		monitoredDomains: new Set(domains.filter(({ mode }) => mode === "monitor").map(({ name }) => name)),
		reach,
	};
}

function meaningOf(policy: PolicyRow, at: number): number {
	if (policy.valid_until !== null && policy.valid_until <= at) return 0;
	if (policy.effect === "allow") return ALLOWED;
	return isTotal(policy, at) ? CLOSED : 0;
}

/** A deny policy that no request between the two escapes. One in monitor mode denies nothing. */
function isTotal(policy: PolicyRow, at: number): boolean {
	return (
		policy.mode === "enforce" &&
		policy.methods.includes("*") &&
		policy.paths.includes("/**") &&
		policy.hosts.length + policy.scopes.length + policy.scopes_any.length === 0 &&
		policy.condition === null &&
		policy.upgrade === null &&
		(policy.valid_from === null || policy.valid_from <= at)
	);
}

/** Sources whose edge to the destination may differ between the two states. */
function candidates(
	was: Side,
	is: Side,
	destination: string,
	moved: ReadonlySet<string>,
	anyPlaceChanged: boolean,
): readonly string[] {
	const [had, has] = [was.reach.get(destination), is.reach.get(destination)];
	const through = (had?.get(ANY_SOURCE) ?? 0) | (has?.get(ANY_SOURCE) ?? 0);
	const named = names(had ?? NOTHING, has ?? NOTHING).filter((source) => source !== ANY_SOURCE);
	const throughChanged = had?.get(ANY_SOURCE) !== has?.get(ANY_SOURCE);
	if (through !== 0 && (anyPlaceChanged || throughChanged)) {
		return [...new Set([...names(was.segments, is.segments), ...named])].sort();
	}
	if (anyPlaceChanged) return named;
	const differing = named.filter((source) => moved.has(source) || had?.get(source) !== has?.get(source));
	return through === 0 ? differing : [...new Set([...differing, ...moved])].sort();
}

function isOpenEdge(side: Side, source: string, destination: string, at: number): boolean {
	const to = side.segments.get(destination);
	const sources = side.reach.get(destination);
	if (!to || !sources) return false;
	const own = sources.get(source) ?? 0;
	if (source === ANONYMOUS) return own === ALLOWED;
	const from = side.segments.get(source);
	if (!from || (own | (sources.get(ANY_SOURCE) ?? 0)) !== ALLOWED) return false;
	return findCrossing(side, from, to, at).ok;
}

/** One edge for each source that a policy names, and one for all that only `*` lets through. */
function edgesOf({ reach }: Side, destination: string, sources: readonly string[]): readonly Edge[] {
	const named = (source: string) => ((reach.get(destination)?.get(source) ?? 0) & ALLOWED) !== 0;
	const edges: Edge[] = sources.filter(named).map((source) => ({ source, destination, segments: null }));
	const segments = sources.filter((source) => !named(source));
	return segments.length === 0 ? edges : [{ source: ANY_SOURCE, destination, segments }, ...edges];
}

function isSamePlace(a: SegmentRow | undefined, b: SegmentRow | undefined): boolean {
	return a?.domain === b?.domain && a?.environment === b?.environment;
}

function isMonitored({ segments, monitoredDomains }: Side, name: string): boolean {
	const segment = segments.get(name);
	return segment !== undefined && (segment.mode === "monitor" || monitoredDomains.has(segment.domain));
}

function names(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): string[] {
	return [...new Set([...a.keys(), ...b.keys()])].sort();
}

const NOTHING: ReadonlyMap<string, number> = new Map();
