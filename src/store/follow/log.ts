/** Tells the operator what happens to a follower. What needs a human is an error; what mends itself is a warning. */
import { FirebreakError } from "../../core/errors.ts";
import type { FollowEvent } from "./events.ts";

/** The fields that log lines here have. */
export interface FollowLogFields {
	readonly epoch?: string;
	readonly revision?: number;
	readonly seq?: number;
	readonly policies?: number;
	readonly milliseconds?: number;
	readonly count?: number;
	readonly attempt?: number;
	readonly cause?: string;
	readonly policy_age_seconds?: number;
	readonly revocation_age_seconds?: number;
	readonly error?: unknown;
}

export interface FollowLogger {
	info(message: string, fields?: FollowLogFields): void;
	warn(message: string, fields?: FollowLogFields): void;
	error(message: string, fields?: FollowLogFields): void;
}

export function logFollowEvent(logger: FollowLogger, event: FollowEvent): void {
	switch (event.kind) {
		case "adopted": {
			const { epoch, revision, policies, milliseconds } = event;
			return logger.info("policy revision enforced", { epoch, revision, policies, milliseconds });
		}
		case "restored": {
			const { head, policies, milliseconds, policyAgeMs, revocationAgeMs } = event;
			return logger.warn("policy comes from the snapshot on disk until Postgres answers", {
				...head,
				policies,
				milliseconds,
				policy_age_seconds: policyAgeMs / 1_000,
				revocation_age_seconds: revocationAgeMs / 1_000,
			});
		}
		case "restore_failed":
			return logger.error("the snapshot on disk is not used; policy comes from Postgres alone", { error: event.error });
		case "live":
			return logger.info("policy comes from Postgres now", event.head);
		case "refused": {
			const { epoch, revision, problems } = event;
			const error = new FirebreakError("policy_invalid", `revision ${revision} does not compile`, { problems });
			return logger.error("policy revision refused; the last good one stays", {
				epoch,
				revision,
				count: problems.length,
				error,
			});
		}
		case "lane":
			return logger.info("revocations enforced", { seq: event.seq, count: event.rows });
		case "lane_unknown":
			return logger.error("a revocation is of a kind that this version does not know; revocations count as stale", {
				seq: event.seq,
				cause: event.cause,
			});
		case "rewound":
			return logger.error("the database was restored or replaced; its policy is loaded afresh", {
				epoch: event.to.epoch,
				revision: event.to.revision,
				seq: event.to.seq,
				cause: event.from.epoch === event.to.epoch ? "numbers went back" : "another epoch",
			});
		case "lost":
			return logger.warn("the policy source does not answer; what is known is enforced on", { error: event.error });
		case "found":
			return logger.info("the policy source answers again");
		case "listening":
			return logger.info("listening for policy changes");
		case "deaf":
			return logger.warn("no hints of policy changes come; polling finds them", { error: event.error });
		case "load_failed":
			return logger.error("policy could not be loaded; it is tried again", {
				attempt: event.attempt,
				error: event.error,
			});
	}
}
