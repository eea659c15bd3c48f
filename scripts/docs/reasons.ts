/**
 * The reference of reasons: status, code, title and waiver from the catalogue; what it means and how it is mended from
 * here. Types hold both together: a reason or a detail that is missing here does not compile.
 */
import { CREDENTIAL_DETAILS } from "../../src/authn/refusal.ts";
import type { Source } from "../../src/core/decide/source.ts";
import type { StepName } from "../../src/core/decide/trace.ts";
import type { Decision } from "../../src/core/decision.ts";
import type { Lane } from "../../src/core/lane/lane.ts";
import type { laneStaleness } from "../../src/core/policy-view.ts";
import { type DenyReason, GRPC_CODE, REASONS, type Reason, type ReasonEntry } from "../../src/core/reasons.ts";
import { challengeOf } from "../../src/extauthz/challenge.ts";
import { AMBIGUITIES } from "./ambiguities.ts";
import { code, sentence, table } from "./markdown.ts";

export interface ReasonText {
	/** The step that gives it; null for any. */
	readonly step: StepName | null;
	readonly meaning: string;
	readonly cure: string;
	/** What each detail means; absent where there is none. */
	readonly details?: Readonly<Record<string, string>>;
	/** Nothing in this version gives it. */
	readonly later?: true;
}

const UNKNOWN_SOURCE = {
	malformed: "the certificate's principal is no SPIFFE ID of a workload, a DNS name say",
	no_segment: "no segment has this workload as a member",
	forwarded_malformed: "a trusted proxy forwarded identities that cannot be read",
} satisfies Record<Extract<Source, { kind: "unknown" }>["detail"], string>;

const QUARANTINED = {
	workload: "the workload itself",
	segment: "its segment",
	domain: "its domain",
} satisfies Record<NonNullable<ReturnType<Lane["quarantined"]>>, string>;

const STALE = {
	age: "Postgres confirmed no revocations for longer than `FIREBREAK_MAX_REVOCATION_AGE`",
	unknown_kind: "the lane holds a row of a kind that this version does not know",
} satisfies Record<NonNullable<ReturnType<typeof laneStaleness>>, string>;

const ALLOWS: Readonly<Record<Exclude<Reason, DenyReason>, ReasonText>> = {
	allowed: { step: "policy", meaning: "a policy allows it", cure: "" },
	allowed_probe: {
		step: "source",
		meaning: "GET or HEAD on an exact path that the destination segment names in `probes`; no credential is looked at",
		cure: "",
	},
	allowed_monitor: {
		step: null,
		meaning:
			"it would have been denied, and `monitor` of the policy, the destination's segment or its domain let it pass; `would` says the reason",
		cure: "mend what `would` names before the mode goes to `enforce`",
	},
};

const DENIALS: Readonly<Record<DenyReason, ReasonText>> = {
	ambiguous_request: {
		step: "canonical",
		meaning: "the request has two readings, or is malformed. It is refused, never repaired",
		cure: "have the client send the plain form; where a service needs the other one, give its segment a path exception or a policy with `upgrade`",
		details: AMBIGUITIES,
	},
	credentials_conflict: {
		step: "credential",
		meaning: "more than one credential came, and the upstream might read the other one",
		cure: "send one Authorization header with one token",
	},
	identity_missing: {
		step: "source",
		meaning: "the caller showed no client certificate, and no policy for `anonymous` is about this request",
		cure: "call through a sidecar with a certificate; for health checks name the path in `probes`",
	},
	token_missing: {
		step: "credential",
		meaning: "the flow of the destination's domain, or of the crossing, needs a token, and none came",
		cure: "send `Authorization: Bearer` with a token of an issuer of the destination's domain",
	},
	token_invalid: {
		step: "credential",
		meaning: "the token is not one that counts here. The caller sees one text for every cause",
		cure: "look at the detail; compare the token's `iss`, `aud`, `exp` and `typ` with the issuer's row in `firebreak.issuer`",
	},
	token_revoked: {
		step: "credential",
		meaning: "the token was good and is revoked. The caller sees the text of `token_invalid`",
		cure: "get a new token; find the reason in `firebreak.revocation`",
	},
	proof_invalid: {
		step: "credential",
		meaning: "a proof of possession (DPoP) is malformed, or was not made for this request, this token and this moment",
		cure: "make a proof for each request: see [bind tokens](../how-to/bind-tokens.md)",
	},
	proof_replayed: {
		step: "credential",
		meaning: "a proof of possession was used before",
		cure: "make a new proof for each request",
	},
	proof_nonce: {
		step: "credential",
		meaning: "the proof of possession lacks the nonce that is due",
		cure: "repeat with the nonce of the answer's DPoP-Nonce header",
	},
	binding_mismatch: {
		step: "credential",
		meaning: "the token is bound to a key, or has to be, and this was not shown",
		cure: "have the token issued for the key that the caller holds: see [bind tokens](../how-to/bind-tokens.md)",
	},
	enforcer_mismatch: {
		step: "enforcer",
		meaning: "the proxy that asks does not guard the destination that it asks about",
		cure: "give the sidecar's call to Firebreak the destination's own certificate, or mark the proxy's segment `enforcer`",
		details: {
			absent: "the call to Firebreak came without a certificate that has a SPIFFE ID",
			no_segment: "the certificate's workload is in no segment",
			other_segment:
				"it is in another segment than the destination, and not in an `enforcer` segment of its environment",
		},
	},
	source_unknown: {
		step: "source",
		meaning: "the caller has a certificate, and its workload is in no segment",
		cure: "add the SPIFFE ID to the `members` of a segment",
		details: UNKNOWN_SOURCE,
	},
	source_quarantined: {
		step: "source",
		meaning: "the caller is in quarantine",
		cure: "find out why in `firebreak.quarantine`; end it by `firebreak.lift(...)`",
		details: QUARANTINED,
	},
	destination_unknown: {
		step: "destination",
		meaning: "Firebreak cannot tell which service is called. The Host header never says it",
		cure: "give the listener its service's certificate, or set the context extension `firebreak.destination`, and state the segment",
		details: {
			absent: "neither a certificate of the listener nor a context extension",
			certificate: "the listener's SPIFFE ID is in no segment",
			extension: "the context extension names no segment and no member of one",
			domain: "the segment's domain does not exist",
		},
	},
	destination_mismatch: {
		step: "destination",
		meaning: "the listener's certificate and the context extension name two destinations",
		cure: "remove the extension, or correct it",
		details: { certificate: "the extension differs from what the certificate says" },
	},
	environment_crossing: {
		step: "crossing",
		meaning: "source and destination are in two environments, and no crossing names the two",
		cure: "call the service of the same environment; where a crossing is really due, state one with both environments",
		details: { absent: "no crossing has this pair of domains and environments" },
	},
	crossing_missing: {
		step: "crossing",
		meaning: "source and destination are in two domains, and no crossing is in force from one to the other",
		cure: "state the crossing, and let the destination domain's owner accept it",
		details: {
			absent: "no crossing has this pair of domains",
			not_accepted: "it was offered and not accepted, or changed after it was",
		},
	},
	crossing_expired: {
		step: "crossing",
		meaning: "the crossing has ended",
		cure: "state it again with a later `expires`, and accept it anew",
		details: { expired: "its `expires` is past" },
	},
	passport_missing: {
		step: "credential",
		meaning: "the domain demands a token with a [passport](../how-to/issuers.md#passports), and this one has none",
		cure: "register the token with `register_token`, or use one that Firebreak issued",
	},
	passport_context: {
		step: "credential",
		meaning: "the token is used outside of what its passport permits",
		cure: "use it where it was made for; `firebreak explain` and the record tell which restriction it broke",
	},
	scope_missing: {
		step: "policy",
		meaning: "a policy is about this request, and the token lacks its scopes. The challenge names them",
		cure: "get a token with the scopes of the challenge",
	},
	policy_denied: {
		step: "policy",
		meaning: "a `deny` policy is about this request. It beats every allow",
		cure: "see `firebreak explain`; change the deny when it is too wide",
		details: { condition_error: "the condition of the deny failed, which counts as a match" },
	},
	no_policy: {
		step: "policy",
		meaning: "no policy allows it. A condition that is false leads here too",
		cure: "see `firebreak explain` for the policies that came close; state an allow",
		details: { condition: "only as what would have been, under `monitor`: the condition is false" },
	},
	condition_error: {
		step: "policy",
		meaning: "the only policy about this request has a condition that failed: a claim that is not there, a wrong type",
		cure: "guard the condition, as in `has(token.account) && ...`",
	},
	source_throttled: {
		step: "throttle",
		meaning:
			"the caller asks more often than its budget. Told before any cryptography, and before any policy is looked at",
		cure: "wait for Retry-After; give the source segment a budget that fits by `rate_limit('source', ...)`",
		details: {
			source:
				"the source segment's budget: its `rate_limit`, or by default `sourcePerSecond` and `sourceBurst` of one server",
			address: "the same by default for callers without a segment, counted by IPv4 address or IPv6 /64",
			forgeries:
				"the caller's tokens or proofs had bad signatures too often: more than `forgeriesPerSecond` and `forgeriesBurst` of one server",
		},
	},
	rate_limited: {
		step: "rate",
		meaning: "a budget of the destination or of the token is used up. Only requests that would pass otherwise spend it",
		cure: "wait for Retry-After; see `firebreak.rate_limit`",
		details: {
			domain: "the destination domain's",
			segment: "the destination segment's",
			token: "the token's; tokens without an id share their subject's",
		},
	},
	policy_stale: {
		step: "fresh",
		meaning: "the policy is too old to be trusted, or was never loaded",
		cure: 'bring Postgres back; see `firebreak_snapshot_age_seconds{lane="policy"}`',
		details: {
			age: "Postgres confirmed no revision for longer than `FIREBREAK_MAX_POLICY_AGE`",
			never_loaded: "the server has just started and has no policy yet",
		},
	},
	revocation_stale: {
		step: "credential",
		meaning: "a token is due, revocations are too old to be trusted, and the domain's `on_stale` is not `allow`",
		cure: 'bring Postgres back; see `firebreak_snapshot_age_seconds{lane="revocation"}`',
		details: STALE,
	},
	replay_store_down: {
		step: "credential",
		meaning: "nobody can tell whether the proof of possession was used before",
		cure: "bring Redis back, or see who fills the memory",
	},
	keys_unavailable: {
		step: "credential",
		meaning: "the token cannot be judged, since the issuer's keys are not at hand",
		cure: "see that Firebreak reaches the issuer's `jwks_uri`, and its log for why it does not",
	},
	overloaded: {
		step: null,
		meaning:
			"more checks came than this server can answer in time; this one was not judged, so that others are. It has no decision id and no record: `firebreak_checks_shed_total` counts it",
		cure: "add servers; see [overload](../how-to/operate.md#overload)",
	},
	internal_error: {
		step: null,
		meaning: "a bug. It denies, is logged with its stack, and marks the span as an error",
		cure: "report it with the log line",
		details: {
			exception: "something threw",
			credential_not_judged: "a token was due, and nothing judged it",
		},
	},
};

export const REASON_TEXTS: Readonly<Record<Reason, ReasonText>> = { ...ALLOWS, ...DENIALS };

/** Every detail of a reason, and what it means. */
export function detailsOf(reason: Reason): Readonly<Record<string, string>> {
	const known = CREDENTIAL_DETAILS as Readonly<Record<string, Readonly<Record<string, string>>>>;
	return { ...known[reason], ...REASON_TEXTS[reason].details };
}

const ALL = Object.entries(REASONS) as readonly (readonly [Reason, ReasonEntry])[];
const NAMES = new Map<number, string>(Object.entries(GRPC_CODE).map(([name, number]) => [number, name]));

export function reasonTable(): string {
	return table(
		["reason", "HTTP", "gRPC", "title that the caller sees", "step", "monitor waives it"],
		ALL.map(([reason, { status, grpc, title, waivable }]) => [
			`[${code(reason)}](#${reason})`,
			String(status),
			`${NAMES.get(grpc)} (${grpc})`,
			title,
			REASON_TEXTS[reason].step ?? "any",
			status === 200 ? "" : waivable ? "yes" : "no",
		]),
	);
}

export function reasonSections(): string {
	return ALL.map(([reason]) => section(reason)).join("\n\n");
}

function section(reason: Reason): string {
	const { meaning, cure, later } = REASON_TEXTS[reason];
	const challenge = challengeOf({ reason, schemes: ["Bearer"], missingScopes: ["..."] } as unknown as Decision);
	const details = Object.entries(detailsOf(reason));
	return [
		`### \`${reason}\``,
		`${sentence(meaning)}${later ? " **No part of this version gives it.**" : ""}`,
		cure === "" ? null : `Cure: ${sentence(cure).replace(/^./, (first) => first.toLowerCase())}`,
		challenge === null ? null : `Challenge: \`WWW-Authenticate: ${challenge}\``,
		details.length === 0
			? null
			: table(
					["detail", "meaning"],
					details.map(([detail, text]) => [code(detail), text]),
				),
	]
		.filter((part) => part !== null)
		.join("\n\n");
}
