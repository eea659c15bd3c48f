/**
 * The vocabulary of a policy set: the closed word lists of the SQL functions, and one plain row type for each kind of
 * object, as the store reads it and as tests write it. Nothing here is compiled; see snapshot.ts for that.
 */

/** Which credentials a destination demands. A crossing's flow adds to it. */
export const FLOWS = ["mtls", "token", "mtls+token", "mtls+bound-token"] as const;
export type Flow = (typeof FLOWS)[number];

export const MODES = ["enforce", "monitor"] as const;
export type Mode = (typeof MODES)[number];

/** What becomes of a request that needs a token while revocations are older than their limit. */
export const ON_STALE = ["deny", "bound_only", "allow"] as const;
export type OnStale = (typeof ON_STALE)[number];

export const PROFILES = ["rfc9068", "jwt_svid", "kubernetes", "oidc", "api_key"] as const;
export type Profile = (typeof PROFILES)[number];

export const BINDINGS = ["none", "dpop", "mtls", "any"] as const;
export type Binding = (typeof BINDINGS)[number];

export const PASSPORTS = ["optional", "required"] as const;
export type PassportDemand = (typeof PASSPORTS)[number];

export const CREDENTIAL_UPSTREAM = ["keep", "strip"] as const;
export type CredentialUpstream = (typeof CREDENTIAL_UPSTREAM)[number];

/** Readings of a path that a segment may permit although they are ambiguous elsewhere. */
export const PATH_EXCEPTIONS = ["encoded_slash", "semicolon", "utf8"] as const;
export type PathException = (typeof PATH_EXCEPTIONS)[number];

export const AUDITS = ["full", "denials"] as const;
export type Audit = (typeof AUDITS)[number];

/** Source of a policy that stands for every known segment that may reach the destination. */
export const ANY_SOURCE = "*";
/** Source of a policy that stands for callers without a certificate identity. Never included in `*`. */
export const ANONYMOUS = "anonymous";

export interface OwnerRow {
	readonly name: string;
	readonly role: string | null;
}

export interface DomainRow {
	readonly name: string;
	readonly owner: string;
	readonly flow: Flow;
	readonly passport: PassportDemand;
	readonly on_stale: OnStale;
	readonly hidden: boolean;
	readonly audit: Audit;
	readonly mode: Mode;
}

export interface IssuerRow {
	readonly url: string;
	readonly domain: string;
	readonly profile: Profile;
	readonly audiences: readonly string[];
	readonly algorithms: readonly string[];
	/** Seconds. */
	readonly max_lifetime: number;
	readonly binding: Binding;
	readonly jwks_uri: string | null;
	/** An inline JWK Set, as JSON. Exactly one of `jwks_uri` and `jwks` is set, but for `api_key`. */
	readonly jwks: unknown | null;
	readonly options: Readonly<Record<string, unknown>>;
}

export interface SegmentRow {
	readonly name: string;
	readonly domain: string;
	readonly environment: string;
	readonly owner: string;
	/** SPIFFE IDs, exact or ending in `/*`. */
	readonly members: readonly string[];
	/** Exact paths that any caller may GET or HEAD. */
	readonly probes: readonly string[];
	readonly path_exceptions: readonly PathException[];
	readonly credential_upstream: CredentialUpstream;
	readonly trusted_proxy: boolean;
	readonly enforcer: boolean;
	readonly mode: Mode;
	/** `https://api.example.org`: where callers reach it, when that is not what its own proxy sees; in the form of origin.ts. */
	readonly origins: readonly string[];
}

export interface CrossingRow {
	readonly name: string;
	readonly owner: string;
	readonly reason: string;
	/** Milliseconds since the epoch; half-open, so the crossing is dead at this instant. */
	readonly expires: number;
	readonly source_domain: string;
	readonly destination_domain: string;
	/** Both null: the same environment on both sides. Never only one. */
	readonly source_environment: string | null;
	readonly destination_environment: string | null;
	/** What it demands on top of the destination domain's flow; null adds nothing. */
	readonly flow: Flow | null;
	/** Whether the destination domain's owner accepted exactly this content. */
	readonly accepted: boolean;
}

export const EFFECTS = ["allow", "deny"] as const;
export type Effect = (typeof EFFECTS)[number];

export interface PolicyRow {
	readonly name: string;
	readonly effect: Effect;
	/** A segment, {@link ANY_SOURCE} or {@link ANONYMOUS}. */
	readonly source: string;
	readonly destination: string;
	readonly owner: string;
	readonly methods: readonly string[];
	readonly paths: readonly string[];
	/** `package.Service/Method`, a trailing `*` allowed. */
	readonly grpc: readonly string[];
	readonly hosts: readonly string[];
	readonly scopes: readonly string[];
	readonly scopes_any: readonly string[];
	/** CEL, or null. */
	readonly condition: string | null;
	/** The protocol of an Upgrade that this policy names, lower case, or null. */
	readonly upgrade: string | null;
	/** Milliseconds since the epoch, inclusive; null is unbounded. */
	readonly valid_from: number | null;
	/** Milliseconds since the epoch, exclusive; null is unbounded. */
	readonly valid_until: number | null;
	readonly mode: Mode;
}

export const RATE_KINDS = ["source", "domain", "segment", "token"] as const;
export type RateKind = (typeof RATE_KINDS)[number];

export interface RateLimitRow {
	readonly kind: RateKind;
	readonly name: string;
	readonly per_second: number;
	readonly burst: number;
}

/** One whole committed policy set. */
export interface PolicySet {
	readonly epoch: string;
	readonly revision: number;
	readonly owners: readonly OwnerRow[];
	readonly domains: readonly DomainRow[];
	readonly issuers: readonly IssuerRow[];
	readonly segments: readonly SegmentRow[];
	readonly crossings: readonly CrossingRow[];
	/** Iterable, so that a million of them can stream from the store without being held as rows. */
	readonly policies: Iterable<PolicyRow>;
	readonly rate_limits: readonly RateLimitRow[];
}

export const QUARANTINE_KINDS = ["workload", "segment", "domain", "issuer", "key"] as const;
export type QuarantineKind = (typeof QUARANTINE_KINDS)[number];

/** One row of the revocation lane: an append-only sequence, apart from policy. */
export interface LaneRow {
	readonly seq: number;
	/** `revoke_token`, `revoke_before`, `quarantine`, `lift`; a kind that a server does not know makes its lane stale. */
	readonly kind: string;
	/** What it is about, unique within the kind. */
	readonly key: string;
	readonly payload: Readonly<Record<string, unknown>>;
	/** Milliseconds since the epoch after which the row has no effect, or null. */
	readonly until: number | null;
}
