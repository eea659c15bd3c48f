/** What happens to a follower, for logs, metrics and status. */
import type { Problem } from "../../core/errors.ts";
import type { Head } from "../head.ts";

/** A revision of one epoch. */
export type RevisionId = Pick<Head, "epoch" | "revision">;

export type FollowEvent =
	/** A revision is enforced from now on. `whole`: loaded as a whole rather than as changes. */
	| {
			readonly kind: "adopted";
			readonly revision: number;
			readonly epoch: string;
			readonly policies: number;
			readonly milliseconds: number;
			readonly whole: boolean;
	  }
	/** What the disk kept is enforced, until Postgres says more. The ages are of this moment. */
	| {
			readonly kind: "restored";
			readonly head: Head;
			readonly policies: number;
			readonly milliseconds: number;
			readonly policyAgeMs: number;
			readonly revocationAgeMs: number;
	  }
	/** What the disk kept is damaged, of another database, or does not compile; it is not used. */
	| { readonly kind: "restore_failed"; readonly error: unknown }
	/** After `restored`: Postgres answers, and what is enforced is what it says. */
	| { readonly kind: "live"; readonly head: Head }
	/** A revision does not compile; the last good one stays. */
	| {
			readonly kind: "refused";
			readonly revision: number;
			readonly epoch: string;
			readonly problems: readonly Problem[];
	  }
	/** Revocation rows up to `seq` are enforced. */
	| { readonly kind: "lane"; readonly seq: number; readonly rows: number }
	/** A row of a kind that this version does not know: the lane is stale until an upgrade. */
	| { readonly kind: "lane_unknown"; readonly seq: number; readonly cause: string }
	/** Another epoch, or numbers that went back: the database was restored, replaced or failed over. */
	| { readonly kind: "rewound"; readonly from: Head; readonly to: Head }
	/** The source failed after it had answered, or at the start. */
	| { readonly kind: "lost"; readonly error: unknown }
	/** The source answers again. */
	| { readonly kind: "found" }
	/** Hints come, or do not come any more. */
	| { readonly kind: "listening" }
	| { readonly kind: "deaf"; readonly error: unknown }
	/** Loading or compiling failed; it is tried again. */
	| { readonly kind: "load_failed"; readonly error: unknown; readonly attempt: number };

/** What an operator sees of a follower. */
export interface FollowStatus {
	/** `starting` until the first snapshot; `lost` while the source does not answer. */
	readonly state: "starting" | "following" | "lost";
	readonly source: string;
	/** Whether hints come; without them a change waits for the next poll. */
	readonly listening: boolean;
	/** Where the policies in force come from: the disk until Postgres confirms or replaces them; null before the first. */
	readonly origin: "disk" | "database" | null;
	/** The last head that was read; null before the first. */
	readonly head: Head | null;
	/** What is enforced; null before the first snapshot. */
	readonly enforced: Head | null;
	/** The newest revision, when it does not compile. */
	readonly refused: (RevisionId & { readonly problems: readonly Problem[] }) | null;
	/** Policies read so far by a load that is under way; null when there is none. */
	readonly loading: number | null;
	/** One line about what fails now, without credentials; null when nothing does. */
	readonly lastError: string | null;
	/** Milliseconds since each lane was last known to be the newest; null when it never was. */
	readonly policyAgeMs: number | null;
	readonly revocationAgeMs: number | null;
}
