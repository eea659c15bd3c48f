/** What turns one revision into another. A whole policy set is the change from nothing. */
import type { CrossingRow, DomainRow, IssuerRow, PolicyRow, PolicySet, RateLimitRow, SegmentRow } from "../model.ts";

export interface Change<Row, Key = string> {
	/** New rows, and rows that replace the one of the same name. */
	readonly put: Iterable<Row>;
	readonly drop: Iterable<Key>;
}

/** Where a policy stood that is gone, or that now stands elsewhere. */
export interface PolicyPlace {
	readonly name: string;
	readonly source: string;
	readonly destination: string;
}

export interface Changes {
	readonly epoch: string;
	readonly revision: number;
	readonly domains: Change<DomainRow>;
	/** By url. */
	readonly issuers: Change<IssuerRow>;
	readonly segments: Change<SegmentRow>;
	readonly crossings: Change<CrossingRow>;
	/** A policy that changed its source or destination is dropped at the old place and put at the new one. */
	readonly policies: Change<PolicyRow, PolicyPlace>;
	/** By `kind:name`. */
	readonly rateLimits: Change<RateLimitRow>;
}

export function changesFromNothing(set: PolicySet): Changes {
	const put = <Row>(rows: Iterable<Row>) => ({ put: rows, drop: [] });
	return {
		epoch: set.epoch,
		revision: set.revision,
		domains: put(set.domains),
		issuers: put(set.issuers),
		segments: put(set.segments),
		crossings: put(set.crossings),
		policies: put(set.policies),
		rateLimits: put(set.rate_limits),
	};
}
