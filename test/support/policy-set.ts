/** Rows with everything defaulted as the SQL functions default it, so that a test states only what it is about. */
import { type CompileResult, compilePolicySet } from "../../src/core/compile/compile.ts";
import { runToEnd } from "../../src/core/compile/generator.ts";
import { describeProblem } from "../../src/core/errors.ts";
import type {
	CrossingRow,
	DomainRow,
	IssuerRow,
	PolicyRow,
	PolicySet,
	RateLimitRow,
	SegmentRow,
} from "../../src/core/model.ts";
import type { Snapshot } from "../../src/core/snapshot.ts";

/** What must be named of a row; the rest is optional. */
type Some<Row, Keys extends keyof Row> = Pick<Row, Keys> & Partial<Row>;

export const domain = (row: Some<DomainRow, "name">): DomainRow => ({
	owner: "platform",
	flow: "mtls+token",
	passport: "optional",
	on_stale: "deny",
	hidden: false,
	audit: "full",
	mode: "enforce",
	...row,
});

export const issuer = (row: Some<IssuerRow, "url" | "domain">): IssuerRow => ({
	profile: "rfc9068",
	audiences: ["payments"],
	algorithms: ["ES256", "EdDSA", "RS256"],
	max_lifetime: 3_600,
	binding: "none",
	jwks_uri: row.jwks === undefined ? "https://keys.example.org/jwks.json" : null,
	jwks: null,
	options: {},
	...row,
});

export const segment = (row: Some<SegmentRow, "name">): SegmentRow => ({
	domain: "internal",
	environment: "prod",
	owner: "platform",
	members: [`spiffe://prod.example.org/ns/${row.name}/sa/${row.name}`],
	probes: [],
	path_exceptions: [],
	credential_upstream: "keep",
	trusted_proxy: false,
	enforcer: false,
	mode: "enforce",
	origins: [],
	...row,
});

export const crossing = (row: Some<CrossingRow, "name" | "source_domain" | "destination_domain">): CrossingRow => ({
	owner: "platform",
	reason: "test",
	expires: Date.UTC(2100, 0, 1),
	source_environment: null,
	destination_environment: null,
	flow: null,
	accepted: true,
	...row,
});

export const policy = (row: Some<PolicyRow, "name" | "source" | "destination">): PolicyRow => ({
	effect: "allow",
	owner: "platform",
	methods: row.grpc && !row.methods ? [] : ["GET"],
	paths: row.grpc && !row.paths ? [] : ["/**"],
	grpc: [],
	hosts: [],
	scopes: [],
	scopes_any: [],
	condition: null,
	upgrade: null,
	valid_from: null,
	valid_until: null,
	mode: "enforce",
	...row,
});

export interface Rows {
	readonly domains?: readonly DomainRow[];
	readonly issuers?: readonly IssuerRow[];
	readonly segments?: readonly SegmentRow[];
	readonly crossings?: readonly CrossingRow[];
	readonly policies?: Iterable<PolicyRow>;
	readonly rate_limits?: readonly RateLimitRow[];
}

export const policySet = (rows: Rows, revision = 1): PolicySet => ({
	epoch: "test",
	revision,
	owners: [{ name: "platform", role: null }],
	domains: rows.domains ?? [domain({ name: "internal" })],
	issuers: rows.issuers ?? [],
	segments: rows.segments ?? [],
	crossings: rows.crossings ?? [],
	policies: rows.policies ?? [],
	rate_limits: rows.rate_limits ?? [],
});

export const compileRows = (rows: Rows, revision = 1): CompileResult =>
	runToEnd(compilePolicySet(policySet(rows, revision)));

/** For tests whose rows must compile. */
export function snapshotOf(rows: Rows, revision = 1): Snapshot {
	const result = compileRows(rows, revision);
	if (!result.ok) throw new Error(result.problems.map(describeProblem).join("\n"));
	return result.snapshot;
}
