/**
 * Names to places: which segment a SPIFFE ID belongs to, and which destination a proxy asks about. Looked up first of
 * all, since canonical form (path exceptions), the enforcer check and staleness depend on the destination; the steps of
 * route.ts order the verdicts.
 */
import type { SegmentRow } from "../model.ts";
import type { Domain, Shard, Snapshot } from "../snapshot.ts";
import { parseSpiffeId } from "../spiffe.ts";

/** The segment of a workload: an exact member beats a prefix, a longer prefix a shorter one. */
export function segmentOf(snapshot: Snapshot, spiffeId: string): SegmentRow | null {
	let name = snapshot.members.get(spiffeId);
	let slash = spiffeId.lastIndexOf("/");
	while (name === undefined && slash >= SHORTEST_PREFIX) {
		name = snapshot.members.get(`${spiffeId.slice(0, slash)}/*`);
		slash = spiffeId.lastIndexOf("/", slash - 1);
	}
	return name === undefined ? null : (snapshot.segments.get(name) ?? null);
}

/** The slash of `spiffe://x/*`, the shortest selector there is. */
const SHORTEST_PREFIX = "spiffe://x".length;

export interface Located {
	readonly ok: true;
	readonly segment: SegmentRow;
	readonly domain: Domain;
	readonly shard: Shard | null;
	/** From the listener's own certificate; null when the sidecar's configuration named the destination. */
	readonly principal: string | null;
}

export type Destination =
	| Located
	| {
			readonly ok: false;
			readonly reason: "destination_unknown" | "destination_mismatch";
			readonly detail: string;
	  };

/**
 * @param principal of the listener's certificate, or null. One that is no SPIFFE ID (a plain DNS certificate on an
 *   ingress) says nothing about the destination.
 * @param hint from the sidecar's configuration: a segment name or SPIFFE ID, or null. Two answers must agree.
 */
export function locate(snapshot: Snapshot, principal: string | null, hint: string | null): Destination {
	const certified = principal !== null && /^spiffe:/i.test(principal) ? principal : null;
	const certifiedSegment = certified === null ? null : segmentOfStrict(snapshot, certified);
	if (hint === null) {
		if (certified === null) return unknown("absent");
		return certifiedSegment ? found(snapshot, certifiedSegment, certified) : unknown("certificate");
	}
	const hinted = hint.startsWith("spiffe://") ? segmentOfStrict(snapshot, hint) : (snapshot.segments.get(hint) ?? null);
	if (certified !== null) {
		const agree = hint.startsWith("spiffe://") ? hint === certified : hint === certifiedSegment?.name;
		if (!agree) return { ok: false, reason: "destination_mismatch", detail: "certificate" };
	}
	return hinted ? found(snapshot, hinted, certified) : unknown("extension");
}

function segmentOfStrict(snapshot: Snapshot, spiffeId: string): SegmentRow | null {
	const exact = snapshot.members.get(spiffeId);
	if (exact !== undefined) return snapshot.segments.get(exact) ?? null;
	return parseSpiffeId(spiffeId) ? segmentOf(snapshot, spiffeId) : null;
}

function found(snapshot: Snapshot, segment: SegmentRow, principal: string | null): Destination {
	const domain = snapshot.domains.get(segment.domain);
	if (!domain) return unknown("domain");
	return { ok: true, segment, domain, shard: snapshot.shards.get(segment.name) ?? null, principal };
}

const unknown = (detail: string): Destination => ({ ok: false, reason: "destination_unknown", detail });
