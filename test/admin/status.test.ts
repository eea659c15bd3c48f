import { describe, expect, test } from "@jest/globals";
import { readinessOf, type StatusSources, statusOf } from "../../src/admin/status.ts";
import type { FollowStatus } from "../../src/store/follow/events.ts";

const HEAD = { epoch: "e", revision: 17, seq: 4 };
const FOLLOWING: FollowStatus = {
	state: "following",
	source: "db:5432/firebreak",
	origin: "database",
	listening: true,
	head: HEAD,
	enforced: HEAD,
	refused: null,
	loading: null,
	lastError: null,
	policyAgeMs: 250,
	revocationAgeMs: 500,
};

function sources(follow: Partial<FollowStatus> = {}, others: Partial<StatusSources> = {}): StatusSources {
	return {
		version: "1.2.3",
		uptime: () => 90_500,
		stopping: () => false,
		beginning: () => false,
		follow: () => ({ ...FOLLOWING, ...follow }),
		schemaMissing: () => [],
		snapshotFile: () => ({ path: "/var/lib/firebreak/policy.snapshot", writtenAt: 0, error: null }),
		ages: { maxPolicyAge: 86_400_000, maxRevocationAge: 300_000 },
		jwksAges: () => [
			["https://issuer.example.org", 12],
			["https://never.example.org", Number.POSITIVE_INFINITY],
		],
		records: () => ({ queued: 3, lost: { denial: 0, flow: 2 } }),
		tokenCache: () => ({ hit: 5 }),
		...others,
	};
}

const problem = { object: "policy p", message: "it is empty", cure: "name a path" };

describe("readiness", () => {
	test.each<[string, Partial<FollowStatus>, Partial<StatusSources>, readonly string[], readonly string[]]>([
		["with a fresh policy", {}, {}, [], []],
		["in its first second", {}, { beginning: () => true }, ["the server began within this second"], []],
		["before the first policy", { state: "starting", enforced: null, head: null }, {}, ["no policy is loaded yet"], []],
		[
			"while the first one loads",
			{ state: "starting", enforced: null, loading: 4_000 },
			{},
			["policies are being loaded: 4000 so far"],
			[],
		],
		["with an old policy", { policyAgeMs: 86_400_001 }, {}, ["the policy is older than FIREBREAK_MAX_POLICY_AGE"], []],
		["with one as old as it may be", { policyAgeMs: 86_400_000 }, {}, [], []],
		[
			"with old revocations",
			{ revocationAgeMs: 300_001 },
			{},
			[],
			["revocations are older than FIREBREAK_MAX_REVOCATION_AGE"],
		],
		[
			"on an older schema",
			{},
			{ schemaMissing: () => ["schema/0030_a", "schema/0031_b"] },
			[],
			["the database's schema is older than this program, by 2 files: run firebreak migrate up"],
		],
		["without the database", { state: "lost" }, {}, [], ["the database cannot be reached"]],
		[
			"from the disk",
			{ state: "lost", origin: "disk" },
			{},
			[],
			["the database cannot be reached", "policy comes from the snapshot on disk"],
		],
		[
			"with a newer revision that is refused",
			{ refused: { epoch: "e", revision: 18, problems: [problem] } },
			{},
			[],
			["revision 18 does not compile and is refused"],
		],
		["on the way down", {}, { stopping: () => true }, ["the server is stopping"], []],
	])("%s", (_title, follow, others, problems, warnings) => {
		const source = follow.origin ?? "database";
		expect(readinessOf(sources(follow, others))).toEqual({ ready: problems.length === 0, problems, warnings, source });
	});
});

test("the status shows policy, database, issuers, records and cache", () => {
	const refused = { epoch: "e", revision: 18, problems: [problem] };
	expect(statusOf(sources({ refused }))).toEqual({
		version: "1.2.3",
		uptime_seconds: 90.5,
		ready: true,
		problems: [],
		warnings: ["revision 18 does not compile and is refused"],
		policy: {
			source: "database",
			epoch: "e",
			revision: 17,
			seq: 4,
			policy_age_seconds: 0.25,
			revocation_age_seconds: 0.5,
			loading: null,
			refused,
		},
		database: {
			name: "db:5432/firebreak",
			reachable: true,
			listening: true,
			head: HEAD,
			last_error: null,
			schema_missing: [],
		},
		snapshot_file: { path: "/var/lib/firebreak/policy.snapshot", written_at: "1970-01-01T00:00:00.000Z", error: null },
		issuers: [
			{ issuer: "https://issuer.example.org", jwks_age_seconds: 12 },
			{ issuer: "https://never.example.org", jwks_age_seconds: null },
		],
		records: { queued: 3, lost: { denial: 0, flow: 2 } },
		token_cache: { hit: 5 },
	});
});

test("the status before anything is known says null", () => {
	const nothing = { state: "starting", head: null, enforced: null, policyAgeMs: null, revocationAgeMs: null } as const;
	expect(statusOf(sources(nothing))).toMatchObject({
		ready: false,
		policy: { revision: null, policy_age_seconds: null },
		database: { reachable: false },
	});
});
