/** The reference of limits: names and values from core/limits.ts, and what happens at each, from here or its comment there. */
import { readFileSync } from "node:fs";
import { formatDuration } from "../../src/core/duration.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { code, sentence, table } from "./markdown.ts";

type Limit = keyof typeof LIMITS;

const TEXTS: Readonly<Partial<Record<Limit, string>>> = {
	headerValueBytes: "name and value of one header; beyond it `ambiguous_request`, as with all of a request's limits",
	headerCount: "headers of one request",
	pathBytes: "a path; also a path template and a gRPC pattern",
	pathSegments: "segments of a path or a template",
	queryBytes: "a query",
	hostBytes: "a host with its port",
	methodBytes: "a method",
	headersBytes: "all headers of one request, names and values",
	forwardedHops: "hops of one x-forwarded-client-cert; with more it counts as unreadable",
	forwardedFields: "fields of one x-forwarded-client-cert, over all hops; with more it counts as unreadable",
	certificateBytes: "a peer's certificate as Envoy sends it; a longer one has no hash",
	certificateCacheBytes: "certificates whose hashes are remembered, all together",
	refusedPathChars: "of the path of an ambiguous request, in records",
	grpcMessageBytes: "one message on the gRPC side; the call fails beyond it",
	messageTexts: "names and values of one CheckRequest, of headers, labels and metadata; with more it is malformed",
	grpcStreams: "checks that one connection may have under way",
	grpcConnectionMegabytes: "memory of one connection's streams; beyond it new ones are refused",
	grpcConnectionAgeMs: "age at which a connection is asked to come back, so that load spreads",
	grpcConnectionAgeGraceMs: "time that calls under way get then",
	grpcKeepaliveMs: "silence after which a proxy is pinged",
	grpcKeepaliveTimeoutMs: "wait for its answer",
	grpcChecks: "checks that one server may have under way over all connections; more are `overloaded`",
	grpcCallMs: "life of one check's call, from its headers to the last byte of its answer",
	grpcPartialBytes: "messages that are not complete yet, over all connections; the call that brings more is reset",
	grpcConnections:
		"connections of proxies; for more, the oldest that has not begun is closed, else they are refused. Fewer where fewer [files may be open](../how-to/operate.md#too-many-connections)",
	tlsHandshakeMs:
		"a TLS handshake on the gRPC and the public side; on the gRPC side HTTP/2's preface, too, with or without TLS",
	dropLogMs: "least time between two log lines about connections that were dropped for the same cause",
	otherFiles: "files that are open beside connections",
	grpcControlFrames: "pings and SETTINGS of one connection within a second; one that sends more is closed",
	grpcResetBurst: "streams of one connection that are reset before they are answered, at once; then it is closed",
	grpcResetsPerSecond: "and each second from then on",
	grpcInvalidFrames: "frames of one connection that are empty or break the protocol; then it is closed",
	grpcSettings: "entries of one SETTINGS frame",
	shedDelayMs:
		"delay of checks that is too much, when it lasts for a window in which the event loop is never idle; then a share of them is answered `overloaded`",
	shedWindowMs: "length of that window",
	shedPerSecond: "checks a second below which none is shed: what delays them then is not their number",
	healthWatchers: "open Watch calls of the health service",
	drainNoticeMs: "time between NOT_SERVING and the end of new calls, at shutdown",
	tlsReloadMs: "time between looks at the certificate files",
	tokenBytes: "a token; beyond it `token_invalid` `size`",
	tokenIdBytes:
		"the id of a token (`jti`, or what its issuer's options name), in UTF-8; beyond it `token_invalid` `claims`",
	subjectBytes: "its subject, likewise: a SPIFFE ID may be as long",
	tokenJsonDepth: "nesting of JSON in a token",
	kidLength: "characters of a key id",
	clockSkewSeconds: "by which clocks of issuers and servers may differ",
	tokenCacheEntries: "verified tokens that are remembered",
	tokenCacheBytes: "their text, all together",
	tokenCacheSeconds: "after which a signature is verified again. Expiry and revocation are judged at every request",
	badTokenEntries: "tokens with a bad signature that are remembered",
	badTokenSeconds: "and for how long",
	proofBytes: "a DPoP proof; beyond it `proof_invalid` `size`",
	proofRsaBits: "an RSA key that makes proofs; also at least 2,048",
	proofSeconds: "after its `iat`, a proof is good, and the clock skew longer",
	proofKeys: "clients' keys that are kept ready to verify proofs",
	replayEntries: "used proofs that one server remembers; beyond it `replay_store_down` `full`",
	replayEntriesOfKey: "those of one key among them; beyond it `replay_store_down` `full_of_key`",
	replayGenerationMs: "in which proofs were used that are forgotten together",
	nonceSeconds: "slot in which a nonce is given out; it is good in this one and the next",
	passportNetworks: "networks that one token's passport names",
	passportWindows: "times of the week that it names",
	jwksKeys: "keys of one set; a larger set is refused",
	jwksBytes: "one key set",
	jwksJsonDepth: "nesting of JSON in a key set",
	rsaBits: "an RSA key; also at least 2,048",
	rsaBitsAtOnce: "an RSA key whose signatures are verified at once; those of longer ones, on another thread",
	jwksTimeoutMs: "one fetch of a key set, to the last byte",
	jwksRefreshMs: "time between fetches of a healthy key set, less up to a quarter at random",
	jwksRetryMs: "first wait after a failed fetch; doubled each time, up to the refresh time",
	jwksCooldownMs: "shortest time between fetches that unknown key ids cause, for each issuer",
	jwksStaleMs: "after which keys that could not be fetched again verify nothing",
	sourcePerSecond: "what one source may ask of one server each second, unless policy gives it a budget",
	sourceBurst: "and at once",
	forgeriesPerSecond: "credentials of one source that one server verifies and finds forged, each second",
	forgeriesBurst: "and at once",
	budgets: "budgets of one kind that are remembered; the longest unused are forgotten first",
	budgetKeyChars: "what a budget is remembered under; longer texts are hashed",
	redisDeadlineMs: "wait of a request for Redis; then this server counts for itself",
	redisCommands: "commands that may wait for Redis at once",
	redisConnectMs: "wait for a connection to Redis",
	redisRetryMs: "time between looks at whether Redis answers again",
	redisSilenceMs: "silence after which the connection to Redis is made anew",
	spiffeIdBytes: "a SPIFFE ID",
	trustDomainBytes: "its trust domain",
	linearRules: "policies of one pair of segments that are matched one by one; with more a trie comes first",
	nameBytes: "names of objects",
	reasonBytes: "the reason that a policy, a crossing or a revocation states",
	listItems: "elements of one list of an object",
	segmentMembers: "members of a segment",
	templateNameBytes: "the name in `{name}`",
	conditionBytes: "a condition; with all limits of conditions, beyond it the policy set does not compile",
	conditionAstNodes: "nodes of its syntax tree",
	conditionDepth: "its nesting",
	conditionListElements: "elements of a list or a map in it",
	conditionCallArguments: "arguments of a call",
	conditionLoops: "macros over lists (`all`, `exists`, `map`, ...)",
	conditionLoopDepth: "macros inside of one another",
	conditionWork: "work of one evaluation, in units of some 20 ns; beyond it the condition fails",
	regexBytes: "a regular expression",
	regexInstructions: "its compiled instructions",
	regexCacheBytes: "memory of its cached states",
	queryParameters: "parameters of a query that a condition reads; with more no name can be read",
	databaseConnections: "connections of one process to Postgres, beside the one that listens",
	databaseConnectMs: "wait for a connection",
	databaseStatementMs: "one small query",
	databaseLoadMs: "loading a whole policy set",
	databaseSilenceMs: "silence of Postgres while it is loaded",
	migrationStatementMs: "one statement of a migration; also the wait for another `migrate up`",
	migrationIdleMs: "silence of `migrate up` inside its transaction, after which Postgres ends it",
	migrationBlockedMs: "between two looks at whose open transaction holds up `migrate up`",
	migrationBatchStatements: "statements that are sent together",
	migrationBatchChars: "their text",
	migrationFileBytes: "one migration file",
	databaseRetryMs: "first wait before Postgres is tried again; doubled each time, less up to a half at random",
	databaseRetryMaxMs: "longest such wait",
	listenCheckMs: "time between proofs that the listening connection still answers",
	incrementalRows: "changed objects above which the whole set is loaded in place of the changes",
	laneBatchRows: "revocations that are fetched at once",
	logValueChars: "one value of a log line",
	logProblems: "problems that one log line lists",
	recordedTextChars: "paths and other texts of a request, in spans and records",
	traceFlushMs: "wait for the last spans at shutdown",
	traceComplaintMs: "shortest time between log lines about spans that could not be exported",
	recordWindowMs: "window in which alike denials are coalesced",
	recordBurst: "of them that are stored one by one; the rest is one row with a count",
	recordFloods: "kinds of denial that one window tells apart; beyond it only by reason",
	recordFlows:
		"rows of allowed traffic in one minute; beyond it tokens are not told apart, at twice as many traffic is lost and counted",
	recordUses: "tokens whose uses one server counts within a minute; those of more are lost",
	recordEdges: "pairs of source and destination that are remembered as seen",
	recordBatchRows: "rows that are written together",
	recordFlushMs: "time that they wait for company",
	recordRetryMs: "first wait before records are written again; doubled each time",
	recordRetryMaxMs: "longest such wait",
	recordDrainMs: "wait for the last records at shutdown",
	recordComplaintMs: "shortest time between log lines about lost records",
	retentionBatchRows: "old rows that one statement deletes",
	retentionRoundMs: "time between rounds of deleting",
	heartbeatMs: "time between a server's heartbeats while nothing changes",
	serverLiveMs: "age of its last heartbeat up to which it counts as live",
	schemaLookMs: "time between a server's looks at whether the schema is older than the program",
	serverForgetMs: "age at which its row is removed",
	serverPollMs: "time between looks at what the servers enforce, of whoever waits for them",
	listedServers: "servers that a list names",
	plannedLines: "objects and edges that a dry run lists for people; `--json` has all of them",
	plannedValueChars: "text of one changed value in it",
	snapshotFileBytes: "a snapshot file",
	snapshotFrameBytes: "one frame of it, as JSON",
	snapshotRestMs: "least time between the end of one write of it and the next",
	snapshotRestTimes: "the same as a multiple of what the last write took",
	adminConnections: "connections to the admin side; more are closed",
	adminBodyBytes: "body of a request to the admin side",
	adminRequestMs: "one request to the admin side",
	adminRows: "rows that one answer of the admin side lists",
	adminTokenChars: "characters that the admin token has at least",
	adminTokenCheckMs: "shortest time between looks at the admin token's file",
	issuedTokenMs: "life of a token that Firebreak issues, unless another is asked for; of an exchanged one at most",
	keyAnnounceMs: "time that a key is published before it signs, unless the rotation says otherwise",
	keyOverlapMs: "time that its predecessors are good from then on, unless the rotation says otherwise",
	keyFileBytes: "a file with a private key",
	publicBodyBytes: "a body on the public side",
	publicRequestMs: "one request there, and the longest silence of a connection",
	publicConnections: "connections there; more are closed",
	publicJwksSeconds: "time for which others may keep the published keys",
	exchangesPerSecond: "tokens that one workload may ask of one server, in the long run",
	exchangesBurst: "the same at once",
	actorDepth: "workloads that an exchanged token names as those that acted",
};

export function limitTable(): string {
	return table(
		["limit", "value", "bounds"],
		(Object.keys(LIMITS) as Limit[]).map((name) => [
			code(name),
			shownValue(name),
			sentence(TEXTS[name] ?? commentOf(name)),
		]),
	);
}

const SOURCE = readFileSync(new URL("../../src/core/limits.ts", import.meta.url), "utf8");

/** The comment right above a limit; several limits may share one, so those have texts of their own here. */
function commentOf(name: Limit): string {
	const comment = new RegExp(`/\\*\\* ([^\\n]+) \\*/\\n\\t${name}:`).exec(SOURCE)?.[1];
	if (comment === undefined) throw new Error(`neither scripts/docs/limits.ts nor core/limits.ts tells of ${name}`);
	return comment;
}

function shownValue(name: Limit): string {
	const value = LIMITS[name];
	if (name.endsWith("Ms")) return formatDuration(value);
	if (name.endsWith("Seconds")) return formatDuration(value * 1_000);
	if (name.endsWith("Megabytes")) return `${value} MiB`;
	if (name.endsWith("Bytes")) return bytes(value);
	return value.toLocaleString("en-US");
}

function bytes(value: number): string {
	if (value % 1_048_576 === 0) return `${value / 1_048_576} MiB`;
	return value % 1_024 === 0 ? `${value / 1_024} KiB` : `${value.toLocaleString("en-US")} bytes`;
}
