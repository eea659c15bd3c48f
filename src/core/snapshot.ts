/**
 * The compiled, frozen, indexed form of one revision that requests are judged against. compile/ builds it; decide/
 * reads it; nobody changes it.
 */
import type { Condition } from "./condition/condition.ts";
import type { CrossingRow, DomainRow, IssuerRow, RateLimitRow, SegmentRow } from "./model.ts";
import type { GrpcPattern, Template } from "./template.ts";

export interface Snapshot {
	readonly epoch: string;
	readonly revision: number;
	readonly domains: ReadonlyMap<string, Domain>;
	readonly segments: ReadonlyMap<string, SegmentRow>;
	/** SPIFFE ID to segment name, and `.../*` selectors to segment name. */
	readonly members: ReadonlyMap<string, string>;
	/** By {@link crossingKey}. */
	readonly crossings: ReadonlyMap<string, CrossingRow>;
	/** By destination segment. A destination that no policy names has none. */
	readonly shards: ReadonlyMap<string, Shard>;
	/** By `kind:name`. */
	readonly rateLimits: ReadonlyMap<string, RateLimitRow>;
	readonly policyCount: number;
}

/** A domain with the issuers that count in it. */
export interface Domain {
	readonly row: DomainRow;
	readonly issuers: readonly IssuerRow[];
}

/** All policies of one destination, by source. The unit of recompilation. */
export interface Shard {
	readonly destination: string;
	readonly bySource: ReadonlyMap<string, RuleSet>;
	readonly size: number;
	/** Name of a policy that demands scopes, or null: such a destination needs a token. */
	readonly scoped: string | null;
	/** Protocols that an allow policy names; an upgrade to any other is refused before anything is judged. */
	readonly upgrades: ReadonlySet<string>;
}

/** The rules of one (destination, source) pair. */
export interface RuleSet {
	readonly rules: readonly Rule[];
	/** Narrows many rules to those whose template can match; null when there are few (LIMITS.linearRules). */
	readonly trie: TrieNode | null;
}

/** One policy, compiled. Kept small: there may be a million of them. */
export interface Rule {
	readonly name: string;
	readonly deny: boolean;
	readonly monitor: boolean;
	readonly target: Target;
	/** All of these, and one of `scopesAny` unless that is empty. */
	readonly scopes: readonly string[];
	readonly scopesAny: readonly string[];
	readonly condition: Condition | null;
	readonly validity: Validity | null;
}

/** What of a request a rule is about. Shared by all rules that say the same. */
export interface Target {
	/** Null: any method. Upper and lower case are told apart (RFC 9110, 9.1). */
	readonly methods: readonly string[] | null;
	readonly templates: readonly Template[];
	readonly grpc: readonly GrpcPattern[];
	/** Null: any host. */
	readonly hosts: readonly string[] | null;
	readonly upgrade: string | null;
}

/** Half-open, milliseconds since the epoch; infinite where unbounded. */
export interface Validity {
	readonly from: number;
	readonly until: number;
}

export interface TrieNode {
	readonly literals: ReadonlyMap<string, TrieNode>;
	readonly wildcard: TrieNode | null;
	/** Rules whose template ends here. */
	readonly here: readonly Rule[];
	/** Rules whose template ends here with `**`. */
	readonly rest: readonly Rule[];
}

/** Key of {@link Snapshot.crossings}; the environments are both null or both named. */
export function crossingKey(
	sourceDomain: string,
	destinationDomain: string,
	sourceEnvironment: string | null,
	destinationEnvironment: string | null,
): string {
	return `${sourceDomain} ${destinationDomain} ${sourceEnvironment ?? "="} ${destinationEnvironment ?? "="}`;
}
