/** Every name that telemetry shows: spans, attributes, metrics and fields of log lines. docs/reference is tested against it. */
import {
	ATTR_HTTP_REQUEST_METHOD,
	ATTR_HTTP_REQUEST_METHOD_ORIGINAL,
	ATTR_HTTP_RESPONSE_STATUS_CODE,
	ATTR_NETWORK_PEER_ADDRESS,
	ATTR_SERVER_ADDRESS,
	ATTR_URL_PATH,
	ATTR_URL_SCHEME,
} from "@opentelemetry/semantic-conventions";

export const SERVICE_NAME = "firebreak";

export const SPAN = {
	check: "firebreak.check",
	authenticate: "firebreak.authenticate",
	decide: "firebreak.decide",
} as const;

export const ATTRIBUTE = {
	decision: "firebreak.decision",
	decisionId: "firebreak.decision_id",
	reason: "firebreak.reason",
	detail: "firebreak.detail",
	policy: "firebreak.policy",
	revision: "firebreak.revision",
	mode: "firebreak.mode",
	crossing: "firebreak.crossing",
	wouldReason: "firebreak.would.reason",
	wouldDetail: "firebreak.would.detail",
	wouldPolicy: "firebreak.would.policy",
	sourceSegment: "firebreak.source.segment",
	sourceDomain: "firebreak.source.domain",
	sourceEnvironment: "firebreak.source.environment",
	sourcePrincipal: "firebreak.source.principal",
	destinationSegment: "firebreak.destination.segment",
	destinationDomain: "firebreak.destination.domain",
	destinationEnvironment: "firebreak.destination.environment",
	destinationPrincipal: "firebreak.destination.principal",
	tokenIssuer: "firebreak.token.issuer",
	tokenId: "firebreak.token.id",
	tokenOwner: "firebreak.token.owner",
	method: ATTR_HTTP_REQUEST_METHOD,
	methodOriginal: ATTR_HTTP_REQUEST_METHOD_ORIGINAL,
	statusCode: ATTR_HTTP_RESPONSE_STATUS_CODE,
	path: ATTR_URL_PATH,
	scheme: ATTR_URL_SCHEME,
	serverAddress: ATTR_SERVER_ADDRESS,
	peerAddress: ATTR_NETWORK_PEER_ADDRESS,
} as const;

export const METRIC = {
	checks: "firebreak_checks_total",
	checksShed: "firebreak_checks_shed_total",
	grpcConnections: "firebreak_grpc_connections",
	grpcConnectionsDropped: "firebreak_grpc_connections_dropped_total",
	checkDuration: "firebreak_check_duration_seconds",
	policyRevision: "firebreak_policy_revision",
	revocationSeq: "firebreak_revocation_seq",
	snapshotAge: "firebreak_snapshot_age_seconds",
	snapshotSource: "firebreak_snapshot_source",
	revisionsRefused: "firebreak_revisions_refused_total",
	recordsLost: "firebreak_records_lost_total",
	recordQueue: "firebreak_record_queue_length",
	tokenCache: "firebreak_token_cache_total",
	jwksAge: "firebreak_jwks_age_seconds",
	rateFallbacks: "firebreak_rate_fallbacks_total",
	exchanges: "firebreak_exchanges_total",
} as const;

/**
 * Fields that a log line may have, beside level, time, message and what an error is told by. Values are numbers,
 * booleans and short texts. None of them can hold a token, cookie, key or password; whatever has another name is dropped.
 */
export const LOG_FIELDS = [
	"address",
	"admin_address",
	"attempt",
	"cause",
	"client_address",
	"count",
	"database",
	"decision_id",
	"epoch",
	"issuer",
	"kind",
	"milliseconds",
	"policies",
	"policy_age_seconds",
	"principal",
	"problem",
	"public_address",
	"queue",
	"reason",
	"revision",
	"revocation_age_seconds",
	"seconds",
	"seq",
	"signal",
	"subject_issuer",
	"subject_token_id",
	"token_id",
	"source_segment",
	"destination_segment",
	"version",
] as const;
export type LogField = (typeof LOG_FIELDS)[number];
