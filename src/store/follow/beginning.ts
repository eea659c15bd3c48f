/** What a follower knows before it has both lanes. */
import { EMPTY_SNAPSHOT } from "../../core/compile/compile.ts";
import { Lane } from "../../core/lane/lane.ts";
import type { PolicyView } from "../../core/policy-view.ts";

/** Knows nobody, and so allows nothing. */
export const knowingNothing = (): PolicyView =>
	Object.freeze({
		snapshot: EMPTY_SNAPSHOT,
		lane: new Lane(),
		policyConfirmedAt: Number.NEGATIVE_INFINITY,
		laneConfirmedAt: Number.NEGATIVE_INFINITY,
	});

/** Whether policies and revocations are both there: without the latter nobody could say who is in quarantine. */
export const hasBegun = ({ snapshot, laneConfirmedAt }: PolicyView): boolean =>
	snapshot !== EMPTY_SNAPSHOT && Number.isFinite(laneConfirmedAt);
