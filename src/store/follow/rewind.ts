/** Telling that a database was set back: by a restore, which makes another epoch, or by a failover, which may keep it. */
import type { Head } from "../head.ts";
import type { RevisionId } from "./events.ts";

/**
 * The furthest that is known of a database: its last head, or policy and revocations that were read after it and are newer.
 * @param seq up to where the lane was read, of the epoch `laneEpoch`.
 */
export function furthest(head: Head, policy: RevisionId, laneEpoch: string, seq: number): Head {
	return {
		epoch: head.epoch,
		revision: policy.epoch === head.epoch ? Math.max(policy.revision, head.revision) : head.revision,
		seq: laneEpoch === head.epoch ? Math.max(seq, head.seq) : head.seq,
	};
}

export function isRewound(known: Head, head: Head): boolean {
	return head.epoch !== known.epoch || head.revision < known.revision || head.seq < known.seq;
}
