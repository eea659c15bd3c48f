/** What a server enforces, with its place in both lanes: what may be kept, and taken up again later. */
import type { PolicyView } from "../core/policy-view.ts";

export interface Checkpoint extends PolicyView {
	/** Up to where the lane was read; numbers that were pruned leave it ahead of `lane.seq`. */
	readonly seq: number;
}
