/** Whether the server should get traffic, and what an operator asks first. */
import type { AgeLimits } from "../core/policy-view.ts";
import type { FollowStatus } from "../store/follow/events.ts";
import type { KeeperStatus } from "../store/snapshot-file/keeper.ts";

/** What the status is made from; each is called when somebody asks. */
export interface StatusSources {
	readonly version: string;
	/** Milliseconds since the start. */
	uptime(): number;
	/** Whether the server is on its way down. */
	stopping(): boolean;
	/** Whether it began so lately that no proof of possession is surely new. */
	beginning(): boolean;
	follow(): FollowStatus;
	/** Files of the schema that the database lacks, by name. */
	schemaMissing(): readonly string[];
	/** The file that keeps the last good policy set; null when none does. */
	snapshotFile(): KeeperStatus | null;
	readonly ages: AgeLimits;
	/** Seconds since the keys of each issuer were last fetched; infinite when never. */
	jwksAges(): Iterable<readonly [issuer: string, seconds: number]>;
	records(): { readonly queued: number; readonly lost: Readonly<Record<string, number>> };
	tokenCache(): Readonly<Record<string, number>>;
}

export interface Readiness {
	readonly ready: boolean;
	/** Why it is not ready. */
	readonly problems: readonly string[];
	/** What is wrong, though it is ready all the same. */
	readonly warnings: readonly string[];
	/** Where the policies in force come from: the disk while Postgres has not confirmed them; null before the first. */
	readonly source: FollowStatus["origin"];
}

/**
 * Ready means: with a policy that is fresh enough, and not on the way down. Stale revocations are a warning only: all
 * servers get stale together when Postgres is away, and taking all of them out would also stop what needs no token.
 */
export function readinessOf({ follow, stopping, beginning, ages, schemaMissing }: StatusSources): Readiness {
	const { enforced, loading, policyAgeMs, revocationAgeMs, refused, state, origin } = follow();
	const problems: string[] = [];
	const warnings: string[] = [];
	if (stopping()) problems.push("the server is stopping");
	if (beginning()) problems.push("the server began within this second");
	if (enforced === null) {
		problems.push(loading === null ? "no policy is loaded yet" : `policies are being loaded: ${loading} so far`);
	} else if (policyAgeMs === null || policyAgeMs > ages.maxPolicyAge) {
		problems.push("the policy is older than FIREBREAK_MAX_POLICY_AGE");
	}
	if (enforced !== null && (revocationAgeMs === null || revocationAgeMs > ages.maxRevocationAge)) {
		warnings.push("revocations are older than FIREBREAK_MAX_REVOCATION_AGE");
	}
	if (refused !== null) warnings.push(`revision ${refused.revision} does not compile and is refused`);
	const lacking = schemaMissing().length;
	if (lacking > 0) {
		warnings.push(`the database's schema is older than this program, by ${lacking} files: run firebreak migrate up`);
	}
	if (state === "lost") warnings.push("the database cannot be reached");
	if (origin === "disk") warnings.push("policy comes from the snapshot on disk");
	return { ready: problems.length === 0, problems, warnings, source: origin };
}

/** The body of `GET /v1/status`. Ages and times are seconds. */
export function statusOf(sources: StatusSources): Readonly<Record<string, unknown>> {
	const follow = sources.follow();
	const { enforced, refused } = follow;
	const { source, ...readiness } = readinessOf(sources);
	const file = sources.snapshotFile();
	return {
		version: sources.version,
		uptime_seconds: seconds(sources.uptime()),
		...readiness,
		policy: {
			source,
			epoch: enforced?.epoch ?? null,
			revision: enforced?.revision ?? null,
			seq: enforced?.seq ?? null,
			policy_age_seconds: seconds(follow.policyAgeMs),
			revocation_age_seconds: seconds(follow.revocationAgeMs),
			loading: follow.loading,
			refused,
		},
		database: {
			name: follow.source,
			reachable: follow.state !== "lost" && follow.head !== null,
			listening: follow.listening,
			head: follow.head,
			last_error: follow.lastError,
			schema_missing: sources.schemaMissing(),
		},
		snapshot_file: file && {
			path: file.path,
			written_at: file.writtenAt === null ? null : new Date(file.writtenAt).toISOString(),
			error: file.error,
		},
		issuers: Array.from(sources.jwksAges(), ([issuer, age]) => ({
			issuer,
			jwks_age_seconds: Number.isFinite(age) ? age : null,
		})),
		records: sources.records(),
		token_cache: sources.tokenCache(),
	};
}

function seconds(ms: number | null): number | null {
	return ms === null ? null : ms / 1_000;
}
