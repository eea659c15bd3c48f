/** What a script reads from `$?`. The meanings are part of the public interface. */
import type { ErrorCode } from "../core/errors.ts";

export const EXIT = {
	/** Done, or: the answer is yes. */
	yes: 0,
	failure: 1,
	usage: 2,
	/** A policy set does not compile. */
	uncompilable: 3,
	/** A test, a finding or an explained request says no. */
	no: 4,
	/** Applied migrations, or the schema, are not what the files say. */
	drift: 5,
	/** What was waited for did not come in time. */
	timeout: 6,
	/** Postgres, or another part around us, cannot be reached. */
	unreachable: 7,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_OF_ERROR: Readonly<Record<ErrorCode, ExitCode>> = {
	config_invalid: EXIT.failure,
	usage: EXIT.usage,
	policy_invalid: EXIT.uncompilable,
	migration_invalid: EXIT.failure,
	migration_drift: EXIT.drift,
	dependency_unreachable: EXIT.unreachable,
	store_unsuitable: EXIT.failure,
	snapshot_invalid: EXIT.failure,
	not_found: EXIT.failure,
	unsupported: EXIT.failure,
	timeout: EXIT.timeout,
};
