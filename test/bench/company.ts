/**
 * A made-up company of any size, the same every time: services with the API shapes that services have, a few hundred
 * policies for each destination from a few dozen sources.
 */
import type { PolicyRow, SegmentRow } from "../../src/core/model.ts";
import { policy, segment } from "../support/policy-set.ts";

export const POLICIES_PER_DESTINATION = 200;
const RESOURCES = ["payments", "orders", "refunds", "accounts", "reports", "invoices", "sessions", "devices"];

const nameOf = (index: number) => `service-${String(index).padStart(5, "0")}`;

/** At least two, so that somebody can call somebody. */
export const segmentCount = (policies: number) => Math.max(2, Math.ceil(policies / POLICIES_PER_DESTINATION));

export function companySegments(policies: number): SegmentRow[] {
	return Array.from({ length: segmentCount(policies) }, (_, index) => segment({ name: nameOf(index) }));
}

/** Yields fresh rows, with strings of their own as they come from a database. */
export function* companyPolicies(policies: number): Generator<PolicyRow> {
	const segments = segmentCount(policies);
	for (let index = 0; index < policies; index++) {
		const destination = Math.floor(index / POLICIES_PER_DESTINATION);
		const turn = index % POLICIES_PER_DESTINATION;
		const source = (destination + 1 + (turn % 50)) % segments;
		const resource = RESOURCES[turn % RESOURCES.length];
		yield policy({
			name: `${nameOf(source)}-to-${nameOf(destination)}-${turn}`,
			source: nameOf(source),
			destination: nameOf(destination),
			methods: [turn % 3 === 0 ? "POST" : "GET"],
			paths: [`/v1/${resource}/{id}`, `/v${turn % 7}/${resource}`],
			scopes: [`${resource}:${turn % 3 === 0 ? "write" : "read"}`],
			effect: turn % 40 === 39 ? "deny" : "allow",
		});
	}
}
