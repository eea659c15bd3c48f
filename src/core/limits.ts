/**
 * Every bound of the program, in one place. Units are in the names or in the comment. test/core/limits.test.ts asserts
 * the relations between them.
 */
export const LIMITS = {
	/** One header's value; Envoy's own default for all headers together is 60 KiB. */
	headerValueBytes: 65_536,
	headerCount: 512,
	pathBytes: 8_192,
	pathSegments: 128,
	queryBytes: 32_768,
	hostBytes: 261,
	methodBytes: 32,
	/** All headers of one request, names and values. */
	headersBytes: 262_144,
	/** Proxies that one x-forwarded-client-cert names, and all its fields: a certificate's names are one each. */
	forwardedHops: 16,
	forwardedFields: 256,
	/** A peer's certificate as URL-encoded PEM, and all of those together whose hashes are remembered. */
	certificateBytes: 32_768,
	certificateCacheBytes: 16_777_216,
	/** Of the path of a refused request, in records. */
	refusedPathChars: 256,
	/** One message on the gRPC side: a larger one fails as a call, which is the proxy's to answer. Compressed ones are refused. */
	grpcMessageBytes: 4_194_304,
	/** Texts of one CheckRequest (names and values of headers, labels, metadata): beyond it the message is malformed. */
	messageTexts: 8_192,
	/** Checks that one proxy may have under way; Envoy's own default for a cluster is 1024. */
	grpcStreams: 4_096,
	/** Memory of one connection's streams, megabytes; beyond it new streams are refused. */
	grpcConnectionMegabytes: 64,
	/** A proxy that keeps its connection is sent to another server now and then; calls under way get the grace. */
	grpcConnectionAgeMs: 300_000,
	grpcConnectionAgeGraceMs: 30_000,
	/** Silence after which a proxy is pinged, and the wait for its answer. */
	grpcKeepaliveMs: 60_000,
	grpcKeepaliveTimeoutMs: 20_000,
	/** Checks that one server may have under way over all connections; more are shed. Each takes some 20 KiB. */
	grpcChecks: 16_384,
	/** Life of a call, from its headers to the last byte of its answer; slower ones are reset. */
	grpcCallMs: 10_000,
	/** Bytes of messages that are not complete yet, over all connections; beyond it the connection that holds most is closed. */
	grpcPartialBytes: 134_217_728,
	/** Connections of proxies; a TLS handshake, here and on the public side; least time between log lines about dropped ones. */
	grpcConnections: 8_192,
	tlsHandshakeMs: 10_000,
	dropLogMs: 60_000,
	/** Files open at once beside all connections; where fewer may be open than there could be, fewer connections are taken. */
	otherFiles: 256,
	/** Pings and SETTINGS of one connection within a second; one that sends more is closed. */
	grpcControlFrames: 100,
	/** Streams of one connection that are reset before they are answered: at once, and then each second (CVE-2023-44487). */
	grpcResetBurst: 1_000,
	grpcResetsPerSecond: 33,
	/** Frames of one connection that break the protocol or are empty (CVE-2019-9518), and entries of one SETTINGS frame. */
	grpcInvalidFrames: 100,
	grpcSettings: 32,
	/** Shedding: the delay that is too much when it lasts for a window without an idle moment, and so many checks come. */
	shedDelayMs: 40,
	shedWindowMs: 50,
	shedPerSecond: 200,
	/** Streams of the health service that are kept open. */
	healthWatchers: 1_024,
	/** Before a server that stops takes no more calls: for proxies to see that it is not serving. */
	drainNoticeMs: 1_000,
	/** Time between looks at the certificate files. */
	tlsReloadMs: 2_000,
	/** Compact serialization of a token, refused before parsing. */
	tokenBytes: 8_192,
	/** A token's id, and whom it speaks for, in UTF-8: longer ones could not be revoked, recorded whole and counted. */
	tokenIdBytes: 1_024,
	subjectBytes: 2_048,
	/** Nesting of JSON inside a token. */
	tokenJsonDepth: 32,
	/** Text of a header's `kid` and of a key's. */
	kidLength: 256,
	/** Clocks of issuers and servers may differ by this much; at most 60. */
	clockSkewSeconds: 30,
	/** Verified tokens kept, and the text of their claims altogether. */
	tokenCacheEntries: 16_384,
	tokenCacheBytes: 16_777_216,
	/** After this a token's signature is verified again. */
	tokenCacheSeconds: 60,
	/** Tokens with a bad signature that are remembered, and for how long. */
	badTokenEntries: 4_096,
	badTokenSeconds: 10,
	/** A DPoP proof, refused before parsing, and the modulus of an RSA key that made it: its caller chooses the key. */
	proofBytes: 8_192,
	proofRsaBits: 4_096,
	/** A proof is good for so long after its iat, and the clock skew either way. */
	proofSeconds: 60,
	/** Clients' keys that were met in proofs and are kept ready. */
	proofKeys: 4_096,
	/** Used proofs that one server remembers until they are over, and those of one key among them. */
	replayEntries: 524_288,
	replayEntriesOfKey: 131_072,
	/** Proofs that were used within this time are forgotten together. */
	replayGenerationMs: 10_000,
	/** A nonce is good in its own slot of this length and in the one after it. */
	nonceSeconds: 300,
	/** Keys of one set, its text, and the modulus of an RSA key, which bounds what one verification costs. */
	jwksKeys: 64,
	jwksBytes: 262_144,
	jwksJsonDepth: 16,
	rsaBits: 8_192,
	/** Modulus of an RSA key up to which a signature is checked at once; with a longer one it is another thread's work. */
	rsaBitsAtOnce: 4_096,
	/** One fetch of a key set, from the connection to the last byte. */
	jwksTimeoutMs: 3_000,
	/** Time between fetches of a healthy key set, shortened by up to a quarter at random. */
	jwksRefreshMs: 300_000,
	/** First wait after a failed fetch; each further one doubles it, up to the refresh time. */
	jwksRetryMs: 1_000,
	/** Shortest time between two fetches that unknown key ids cause, for each issuer. */
	jwksCooldownMs: 10_000,
	/** A key set that could not be fetched again for so long verifies nothing any more. */
	jwksStaleMs: 86_400_000,
	/** Networks and times of the week that one token's passport names. */
	passportNetworks: 64,
	passportWindows: 32,
	/** Entries of the revocation lane that each confirmation of it looks at, to forget those that are over. */
	lanePruneEntries: 2_000,
	/** What one source may ask of one server, unless policy gives it a budget; some of what a server can answer. */
	sourcePerSecond: 10_000,
	sourceBurst: 20_000,
	/** Credentials of one source that one server verifies and finds forged; a signature takes some 0.1 ms. */
	forgeriesPerSecond: 100,
	forgeriesBurst: 400,
	/** Time for verifying credentials in one turn of the event loop; the rest waits for the next, every source in turn. */
	verifyTurnMs: 1,
	/** Budgets of one kind that are remembered; the longest unused are forgotten first. Longer keys are hashed. */
	budgets: 65_536,
	budgetKeyChars: 256,
	/** Longest wait of a request for Redis, and commands that may wait for it at once. */
	redisDeadlineMs: 25,
	redisCommands: 1_024,
	redisConnectMs: 2_000,
	/** Time between looks at whether Redis answers again, and silence after which its connection is made anew. */
	redisRetryMs: 500,
	redisSilenceMs: 5_000,
	spiffeIdBytes: 2_048,
	trustDomainBytes: 255,
	/** Rules of one (destination, source) pair that are matched one by one; above it a trie narrows them first. */
	linearRules: 8,
	/** Names of objects. */
	nameBytes: 253,
	/** Reasons that policies, crossings and revocations state; elements of one list of an object, and members of a segment. */
	reasonBytes: 1_024,
	listItems: 1_000,
	segmentMembers: 10_000,
	/** The name of a captured path segment. */
	templateNameBytes: 64,
	/** A condition's text and structure, judged when it compiles. */
	conditionBytes: 4_096,
	conditionAstNodes: 512,
	conditionDepth: 32,
	conditionListElements: 256,
	conditionCallArguments: 8,
	/** `all`, `exists`, `exists_one`, `filter` and `map` of one condition, and how deep they may stand in each other. */
	conditionLoops: 8,
	conditionLoopDepth: 2,
	/** Work of one evaluation, in units of some 20 ns: beyond it the condition fails. */
	conditionWork: 200_000,
	/** A regular expression's text, its compiled instructions, and the memory of its cached states. */
	regexBytes: 512,
	regexInstructions: 512,
	regexCacheBytes: 131_072,
	/** Parameters of a query that a condition reads. */
	queryParameters: 256,
	/** Connections that one process keeps to Postgres, beside the one that listens. */
	databaseConnections: 4,
	databaseConnectMs: 5_000,
	/** One small query: the head, the revocations since the last ones, a heartbeat. */
	databaseStatementMs: 5_000,
	/** A whole policy set, in one transaction; also the longest silence of Postgres while it is read. */
	databaseLoadMs: 120_000,
	databaseSilenceMs: 30_000,
	/** One statement of a migration. */
	migrationStatementMs: 600_000,
	/** A run whose own process hangs inside its transaction is ended by Postgres; compiling a large set counts as hanging. */
	migrationIdleMs: 300_000,
	/** Time between Postgres's looks whether a run is still there, while one of its statements runs. */
	migrationWatchMs: 1_000,
	/** Between two looks at what a run waits for. */
	migrationBlockedMs: 1_000,
	/** Statements of a migration that are sent together, and their text. */
	migrationBatchStatements: 500,
	migrationBatchChars: 1_048_576,
	migrationFileBytes: 268_435_456,
	/** Objects and edges that a dry run lists for people, and the text of one changed value; `--json` has all of it. */
	plannedLines: 500,
	plannedValueChars: 120,
	/** Revisions that the comment of an undo lists, the newest ones. */
	undoneRevisions: 50,
	/** Altered revisions that a proof of the history lists, the oldest ones. */
	alteredRevisions: 100,
	/** Of waits before Postgres is tried again: the first, which each failure doubles, and the longest. Each is cut by up to a half at random. */
	databaseRetryMs: 100,
	databaseRetryMaxMs: 5_000,
	/** Time between proofs that the listening connection still answers. */
	listenCheckMs: 15_000,
	/** Objects that changed; above it the whole set is loaded in place of the changes. */
	incrementalRows: 100_000,
	/** Revisions before one that is refused that are looked at for the newest that compiles. */
	missedRevisions: 100,
	/** Revocation rows that are fetched at once. */
	laneBatchRows: 10_000,
	/** A snapshot file, and one frame of it as JSON. */
	snapshotFileBytes: 1_073_741_824,
	snapshotFrameBytes: 67_108_864,
	/** Reading the file at the start, beside Postgres; what takes longer is left alone. */
	snapshotReadMs: 15_000,
	/** Least time between the end of one write and the next, also as a multiple of what the last one took. */
	snapshotRestMs: 5_000,
	snapshotRestTimes: 10,
	/** Time after which the file is written again for its times alone, so that a restart finds fresh ones. */
	snapshotRefreshMs: 30_000,
	/** Longest wait for the last write at shutdown. */
	snapshotDrainMs: 5_000,
	/** Age of what an interrupted write left behind, from which on it is removed. */
	snapshotLeftoverMs: 60_000,
	/** One value of a log line, and problems of one error that it lists. */
	logValueChars: 2_048,
	logProblems: 20,
	/** Paths and other texts of a request in spans and records; longer ones are cut. */
	recordedTextChars: 1_024,
	/** Scopes of a token that a record keeps. */
	recordedScopes: 64,
	/** Longest wait for the last spans at shutdown. */
	traceFlushMs: 3_000,
	/** Shortest time between two log lines about spans that could not be exported. */
	traceComplaintMs: 60_000,
	/** A record's window for coalescing; of alike denials within it the first are stored one by one, the rest as one row. */
	recordWindowMs: 10_000,
	recordBurst: 10,
	/** Kinds of denial that are told apart within one window; what is beyond is told apart by its reason only. */
	recordFloods: 8_192,
	/** Rows of allowed traffic within one minute; beyond it, tokens are no longer told apart, at twice as many all is lost. */
	recordFlows: 65_536,
	/** Tokens whose uses are counted within one minute; those of more are lost. */
	recordUses: 65_536,
	/** Edges (source, destination) that are remembered as seen; the longest unused are forgotten first. */
	recordEdges: 65_536,
	/** Rows that are written together, and how long they wait at most for company. */
	recordBatchRows: 1_000,
	recordFlushMs: 1_000,
	/** Of waits before records are written again: the first, which each failure doubles, and the longest. */
	recordRetryMs: 250,
	recordRetryMaxMs: 10_000,
	/** Longest wait for the last records at shutdown. */
	recordDrainMs: 5_000,
	/** Shortest time between two log lines about lost records. */
	recordComplaintMs: 60_000,
	/** Rows that one statement of the retention deletes, and the time between its rounds. */
	retentionBatchRows: 10_000,
	retentionRoundMs: 3_600_000,
	/** Time from a change to the heartbeat that tells of it: requests go first, and a burst becomes one. */
	heartbeatSettleMs: 10,
	/** Time between a server's heartbeats while nothing changes, and the age of the last one up to which it counts as live. */
	heartbeatMs: 5_000,
	serverLiveMs: 15_000,
	/** Time between looks of a server at whether the database's schema is older than the program. */
	schemaLookMs: 60_000,
	/** Rows of servers that were not heard of for so long are removed. */
	serverForgetMs: 86_400_000,
	/** Time between two looks at what the servers enforce, of whoever waits for them. */
	serverPollMs: 50,
	/** Servers that a list of them names. */
	listedServers: 1_000,
	/** Admin side: a request's body, connections, its time, rows that one answer lists, and a token's least length. */
	adminBodyBytes: 131_072,
	adminConnections: 1_024,
	adminRequestMs: 10_000,
	adminRows: 1_000,
	adminTokenChars: 16,
	/** Least time between two looks at whether the file with the admin token changed. */
	adminTokenCheckMs: 1_000,
	/** A token that Firebreak issues lives so long when nobody says otherwise; the issuer's max_lifetime is the ceiling. */
	issuedTokenMs: 300_000,
	/** A key is published so long before it signs, and its predecessor for so long after, unless the rotation says otherwise. */
	keyAnnounceMs: 600_000,
	keyOverlapMs: 86_400_000,
	/** A file with a private key. */
	keyFileBytes: 16_384,
	/** Public listener: a request's body, its time, and connections at once. */
	publicBodyBytes: 32_768,
	publicRequestMs: 10_000,
	publicConnections: 4_096,
	/** Time for which others may keep the published keys; below the announcement of a key. */
	publicJwksSeconds: 60,
	/** Tokens that one workload may ask for in exchange. */
	exchangesPerSecond: 20,
	exchangesBurst: 100,
	/** Workloads that a token names one behind the other as those that acted (RFC 8693, 4.1). */
	actorDepth: 8,
	/** One answer of an Envoy's admin side, from the connection to the last byte. */
	doctorAnswerMs: 15_000,
	/** Its size; the configuration of a large mesh has some 100 MB. */
	doctorAnswerBytes: 268_435_456,
} as const;
