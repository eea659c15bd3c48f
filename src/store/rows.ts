/**
 * Objects as the database writes them in JSON (view firebreak.object, firebreak.history, policy_at) to the rows of the
 * model. The schema's constraints hold for them, so only what has another form here is touched.
 */
import type {
	CrossingRow,
	DomainRow,
	IssuerRow,
	OwnerRow,
	PolicyRow,
	RateLimitRow,
	SegmentRow,
} from "../core/model.ts";

export interface ObjectRows {
	readonly owner: OwnerRow;
	readonly domain: DomainRow;
	readonly issuer: IssuerRow;
	readonly segment: SegmentRow;
	readonly crossing: CrossingRow;
	readonly policy: PolicyRow;
	readonly rate_limit: RateLimitRow;
}
export type ObjectKind = keyof ObjectRows;

/** Every row of a set but, usually, its policies. */
export type ObjectLists = { readonly [Kind in ObjectKind]: ObjectRows[Kind][] };

export const emptyLists = (): ObjectLists => ({
	owner: [],
	domain: [],
	issuer: [],
	segment: [],
	crossing: [],
	policy: [],
	rate_limit: [],
});

/** Adds one object to its list. @throws SyntaxError when the text is no JSON, TypeError for a kind it does not know. */
export function addObject(lists: ObjectLists, kind: string, json: string): void {
	const spec = JSON.parse(json);
	switch (kind) {
		case "crossing":
			lists.crossing.push({ ...spec, expires: Date.parse(spec.expires) });
			return;
		case "policy": {
			const { reason: _, ...policy } = spec;
			lists.policy.push({ ...policy, valid_from: instant(spec.valid_from), valid_until: instant(spec.valid_until) });
			return;
		}
		case "segment":
			// Those without are written without, as they were before there was such a column.
			lists.segment.push({ origins: [], ...spec });
			return;
		case "owner":
		case "domain":
		case "issuer":
		case "rate_limit":
			lists[kind].push(spec);
			return;
		default:
			throw new TypeError(`objects of kind ${kind} are unknown`);
	}
}

const instant = (text: string | null): number | null => (text === null ? null : Date.parse(text));
