/** Step 6: source and destination share environment and domain, or a live, accepted crossing joins them. */
import type { CrossingRow, SegmentRow } from "../model.ts";
import type { DenyReason } from "../reasons.ts";
import { crossingKey, type Snapshot } from "../snapshot.ts";

export type CrossingVerdict =
	| { readonly ok: true /** Null: nothing is crossed. */; readonly crossing: CrossingRow | null }
	| { readonly ok: false; readonly reason: DenyReason; readonly detail: string; readonly crossing: CrossingRow | null };

export function findCrossing(
	snapshot: Pick<Snapshot, "crossings">,
	source: SegmentRow,
	destination: SegmentRow,
	now: number,
): CrossingVerdict {
	const sameEnvironment = source.environment === destination.environment;
	if (sameEnvironment && source.domain === destination.domain) return NOTHING_CROSSED;
	const crossing = lookUp(snapshot, source, destination, sameEnvironment);
	if (!crossing) {
		return sameEnvironment
			? { ok: false, reason: "crossing_missing", detail: "absent", crossing: null }
			: { ok: false, reason: "environment_crossing", detail: "absent", crossing: null };
	}
	if (!crossing.accepted) return { ok: false, reason: "crossing_missing", detail: "not_accepted", crossing };
	if (now >= crossing.expires) return { ok: false, reason: "crossing_expired", detail: "expired", crossing };
	return { ok: true, crossing };
}

/** The row that names both environments beats the one for the same environment on both sides. */
function lookUp(
	snapshot: Pick<Snapshot, "crossings">,
	source: SegmentRow,
	destination: SegmentRow,
	sameEnvironment: boolean,
): CrossingRow | undefined {
	const { crossings } = snapshot;
	return (
		crossings.get(crossingKey(source.domain, destination.domain, source.environment, destination.environment)) ??
		(sameEnvironment ? crossings.get(crossingKey(source.domain, destination.domain, null, null)) : undefined)
	);
}

const NOTHING_CROSSED: CrossingVerdict = Object.freeze({ ok: true, crossing: null });
