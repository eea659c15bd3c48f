/**
 * The one catalogue of reasons: what the caller sees of each (HTTP status, gRPC code, public title), and whether
 * `monitor` may waive it. docs/reference/reasons.md is tested against this table.
 */

/** google.rpc.Code values that a CheckResponse carries. Only OK allows. */
export const GRPC_CODE = {
	OK: 0,
	INVALID_ARGUMENT: 3,
	NOT_FOUND: 5,
	PERMISSION_DENIED: 7,
	RESOURCE_EXHAUSTED: 8,
	INTERNAL: 13,
	UNAVAILABLE: 14,
	UNAUTHENTICATED: 16,
} as const;

export interface ReasonEntry {
	/** HTTP status that the caller gets; 200 for the reasons that allow. */
	readonly status: number;
	/** google.rpc.Code of the CheckResponse's status. */
	readonly grpc: number;
	/** Public text: one for every cause behind the reason, so that it tells an attacker nothing. */
	readonly title: string;
	/**
	 * Whether `monitor` turns this denial into `allowed_monitor`. Never for steps 1 to 3, for errors, nor for
	 * quarantine, revocation and a wrong destination.
	 */
	readonly waivable: boolean;
}

const allow = (title: string): ReasonEntry => ({ status: 200, grpc: GRPC_CODE.OK, title, waivable: false });
const badRequest = (title: string, waivable = false): ReasonEntry => ({
	status: 400,
	grpc: GRPC_CODE.INVALID_ARGUMENT,
	title,
	waivable,
});
const unauthenticated = (title: string, waivable = true): ReasonEntry => ({
	status: 401,
	grpc: GRPC_CODE.UNAUTHENTICATED,
	title,
	waivable,
});
const forbidden = (waivable = true, title = "Forbidden"): ReasonEntry => ({
	status: 403,
	grpc: GRPC_CODE.PERMISSION_DENIED,
	title,
	waivable,
});
const tooMany = (): ReasonEntry => ({
	status: 429,
	grpc: GRPC_CODE.RESOURCE_EXHAUSTED,
	title: "Too many requests",
	waivable: true,
});
const unavailable = (): ReasonEntry => ({
	status: 503,
	grpc: GRPC_CODE.UNAVAILABLE,
	title: "Temporarily unavailable",
	waivable: false,
});

export const REASONS = {
	allowed: allow("Allowed"),
	allowed_probe: allow("Allowed"),
	allowed_monitor: allow("Allowed"),

	ambiguous_request: badRequest("The request is ambiguous"),
	credentials_conflict: badRequest("More than one credential was presented", true),

	identity_missing: unauthenticated("A client certificate is required"),
	token_missing: unauthenticated("An access token is required"),
	token_invalid: unauthenticated("The access token is invalid"),
	// Told apart from token_invalid in records only: the caller gets the same text.
	token_revoked: unauthenticated("The access token is invalid", false),
	proof_invalid: unauthenticated("The proof of possession is invalid"),
	proof_replayed: unauthenticated("The proof of possession is invalid"),
	proof_nonce: unauthenticated("A nonce is required in the proof of possession"),
	binding_mismatch: unauthenticated("The access token is invalid"),

	enforcer_mismatch: forbidden(false),
	source_unknown: forbidden(),
	source_quarantined: forbidden(false),
	destination_unknown: forbidden(false),
	destination_mismatch: forbidden(false),
	environment_crossing: forbidden(),
	crossing_missing: forbidden(),
	crossing_expired: forbidden(),
	passport_missing: forbidden(),
	passport_context: forbidden(),
	scope_missing: forbidden(true, "The access token lacks a scope"),
	policy_denied: forbidden(),
	no_policy: forbidden(),
	condition_error: forbidden(),

	source_throttled: tooMany(),
	rate_limited: tooMany(),

	policy_stale: unavailable(),
	revocation_stale: unavailable(),
	replay_store_down: unavailable(),
	keys_unavailable: unavailable(),
	/** More checks came than can be answered; this one was not judged at all. */
	overloaded: unavailable(),

	internal_error: { status: 500, grpc: GRPC_CODE.INTERNAL, title: "Internal error", waivable: false },
} as const satisfies Readonly<Record<string, ReasonEntry>>;

export type Reason = keyof typeof REASONS;
export type AllowReason = "allowed" | "allowed_probe" | "allowed_monitor";
export type DenyReason = Exclude<Reason, AllowReason>;

/** What stands in for a 403 when the destination's domain is hidden from the caller's. */
export const HIDDEN: ReasonEntry = { status: 404, grpc: GRPC_CODE.NOT_FOUND, title: "Not found", waivable: false };
