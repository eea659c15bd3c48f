/** What a server says of itself in its heartbeat, taken from what it follows. */
import { describeProblem } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { FollowStatus } from "../follow/events.ts";
import type { ServerReport } from "./row.ts";

/**
 * Null while no head was ever read. A server that has no policy yet enforces revision 0, under which nobody passes: so it
 * is waited for like any other that lags.
 */
export function reportOf({ head, enforced, refused }: FollowStatus): ServerReport | null {
	const enforcing = enforced ?? (head && { epoch: head.epoch, revision: 0, seq: 0 });
	if (!enforcing) return null;
	if (!refused) return { ...enforcing, refused: null, problem: null };
	const [first] = refused.problems;
	const others = refused.problems.length - 1;
	const text = `${first ? describeProblem(first) : "it does not compile"}${others > 0 ? `, and ${others} more` : ""}`;
	return { ...enforcing, refused: refused.revision, problem: text.slice(0, LIMITS.recordedTextChars) };
}
