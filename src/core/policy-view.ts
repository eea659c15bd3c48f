/** What a server knows at one instant: one snapshot, the lane, and when each was last known to be the newest. */
import type { Lane } from "./lane/lane.ts";
import type { Snapshot } from "./snapshot.ts";

export interface PolicyView {
	readonly snapshot: Snapshot;
	readonly lane: Lane;
	/** When the source last confirmed that no newer revision exists: milliseconds since the epoch, or -Infinity. */
	readonly policyConfirmedAt: number;
	/** The same for the revocation lane. */
	readonly laneConfirmedAt: number;
}

/** How old each lane may grow before answers that need it are refused; milliseconds. */
export interface AgeLimits {
	readonly maxPolicyAge: number;
	readonly maxRevocationAge: number;
}

/** Step 1. A policy that was never confirmed is infinitely old. */
export function isPolicyStale(view: PolicyView, limits: AgeLimits, now: number): boolean {
	return now - view.policyConfirmedAt > limits.maxPolicyAge;
}

/** Why revocations cannot be trusted to be complete, or null. */
export function laneStaleness(view: PolicyView, limits: AgeLimits, now: number): "age" | "unknown_kind" | null {
	if (view.lane.unknownKind !== null) return "unknown_kind";
	return now - view.laneConfirmedAt > limits.maxRevocationAge ? "age" : null;
}
