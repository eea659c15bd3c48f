/** Decisions that fall before there is a route: steps 1 and 2, and errors. */
import type { Decision } from "../decision.ts";
import type { DenyReason } from "../reasons.ts";
import type { Snapshot } from "../snapshot.ts";
import { NOT_VOUCHED } from "./forwarded.ts";
import type { Destination } from "./locate.ts";

export interface Refusal {
	readonly reason: Extract<DenyReason, "policy_stale" | "ambiguous_request" | "internal_error">;
	readonly detail: string;
	/** The peer's SPIFFE ID as far as it is known; for records. */
	readonly principal: string | null;
}

/** @param destination as located, or null when not even that was reached. */
export function refuse(snapshot: Snapshot, destination: Destination | null, refusal: Refusal): Decision {
	const place = destination?.ok ? destination : null;
	return {
		allow: false,
		reason: refusal.reason,
		detail: refusal.detail,
		policy: null,
		revision: snapshot.revision,
		mode: "enforce",
		would: null,
		source: null,
		principal: refusal.principal,
		destination: place && {
			segment: place.segment.name,
			domain: place.segment.domain,
			environment: place.segment.environment,
		},
		destinationPrincipal: place?.principal ?? null,
		crossing: null,
		hidden: false,
		missingScopes: [],
		schemes: [],
		nonce: null,
		overdrawn: null,
		token: null,
		subject: null,
		subjectKind: null,
		stripCredential: false,
		vouched: NOT_VOUCHED,
	};
}
