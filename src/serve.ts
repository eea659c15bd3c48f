/** The composition root: builds the server's parts in order, joins them, and releases them in reverse. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { startAdminServer } from "./admin/server.ts";
import { postgresSink } from "./audit/postgres-sink.ts";
import { recordReader } from "./audit/reader.ts";
import { createRecorder } from "./audit/recorder.ts";
import { createRetention } from "./audit/retention.ts";
import { createAuthenticator } from "./authn/authenticator.ts";
import { KeyRing } from "./authn/keys/ring.ts";
import type { Io } from "./cli/io.ts";
import type { Running } from "./cli/serve.ts";
import { type Config, formatAddress } from "./config.ts";
import { compilePolicySet, recompile } from "./core/compile/compile.ts";
import { LIMITS } from "./core/limits.ts";
import { type AgeLimits, isPolicyStale } from "./core/policy-view.ts";
import { createCheck } from "./extauthz/check.ts";
import { explain } from "./extauthz/explain.ts";
import { type GrpcServer, startGrpcServer } from "./extauthz/server.ts";
import { keepYoungObjectsYoung } from "./serve/collector.ts";
import { startLimiter } from "./serve/limiter.ts";
import { observer } from "./serve/observe.ts";
import { connectionBounds, openFileLimit, openFilesShort } from "./serve/open-files.ts";
import { startPublic } from "./serve/public.ts";
import { startReplay } from "./serve/replay.ts";
import {
	figuresOf,
	logChange,
	logDrops,
	logHeartbeat,
	logKeys,
	logRecords,
	logRetention,
	logSchema,
	logShedding,
	logSnapshotFile,
} from "./serve/report.ts";
import type { FollowEvent } from "./store/follow/events.ts";
import { createPolicyFollower } from "./store/follow/follower.ts";
import { logFollowEvent } from "./store/follow/log.ts";
import { postgresSource } from "./store/follow/source.ts";
import { realTimers } from "./store/follow/timers.ts";
import { readSchemaFiles, SCHEMA_DIRECTORY } from "./store/migrations/files.ts";
import { openDatabase } from "./store/pool.ts";
import { createSchemaWatch } from "./store/schema-watch.ts";
import { createHeartbeat } from "./store/servers/heartbeat.ts";
import { createKeeper } from "./store/snapshot-file/keeper.ts";
import { snapshotKeepsake } from "./store/snapshot-file/keepsake.ts";
import { createLogger } from "./telemetry/logging.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { NO_TRACING, startTracing } from "./telemetry/tracing.ts";
import { VERSION } from "./version.ts";

/**
 * Starts the server and resolves when it listens. Policy may come later: until then it answers `policy_stale`, and says
 * that it is not ready.
 *
 * @throws FirebreakError config_invalid when an address or a certificate cannot be used; nothing is left running then.
 */
export async function serve(config: Config, { clock }: Pick<Io, "clock">): Promise<Running> {
	keepYoungObjectsYoung();
	await using starting = new AsyncDisposableStack();
	const random = Math.random;
	/** Tells the servers of one database apart, in records and in `firebreak.server`. */
	const server = `${hostname()}-${randomUUID().slice(0, 8)}`;
	const started = clock();
	const logger = createLogger({ level: config.logLevel, version: VERSION });

	const openFiles = openFileLimit();
	const connections = connectionBounds(openFiles);
	const short = openFilesShort(openFiles);
	if (short) logger.warn("few files may be open", { error: short });

	const tracing = config.tracing.enabled
		? await startTracing({ version: VERSION, parentBased: config.tracing.parentBased, logger, clock })
		: NO_TRACING;
	starting.defer(() => tracing.stop());

	const database = openDatabase(config.databaseUrl, { applicationName: "firebreak serve" });
	starting.defer(() => database.end());

	const recorder = createRecorder({
		queueMax: config.records.queueMax,
		sink: postgresSink(database, server),
		clock,
		random,
		events: logRecords(logger),
	});
	starting.defer(() => recorder.stop(LIMITS.recordDrainMs));

	const { retention } = config.records;
	const pruning = createRetention({ database, retention, clock, random, events: logRetention(logger) });
	starting.defer(() => pruning.stop());

	const keys = new KeyRing({ clock, random, report: logKeys(logger) });
	starting.defer(() => keys.stop());
	const replay = startReplay({ ...config.replay, started, random, logger });
	starting.defer(() => replay.stop());
	const authenticator = createAuthenticator({ clock, keys, replay: replay.memory });

	const ages: AgeLimits = { maxPolicyAge: config.policy.maxAge, maxRevocationAge: config.policy.maxRevocationAge };
	const { snapshotPath } = config.policy;
	let revisionsRefused = 0;
	const follower = createPolicyFollower({
		source: postgresSource(database),
		keepsake: snapshotPath === null ? undefined : snapshotKeepsake(snapshotPath),
		compiler: { whole: (set) => compilePolicySet(set, follower.current().snapshot), changes: recompile },
		clock,
		random,
		timers: realTimers,
		pollInterval: config.policy.pollInterval,
		report: (event) => {
			logFollowEvent(logger, event);
			if (event.kind === "refused") revisionsRefused++;
			if (event.kind === "live") serveIfFresh();
			if (!CHANGES_WHAT_HOLDS.has(event.kind)) return;
			heartbeat.beat();
			keeper?.note();
			if (event.kind !== "adopted" && event.kind !== "restored") return;
			keys.follow([...follower.current().snapshot.domains.values()].flatMap(({ issuers }) => issuers));
		},
	});
	starting.defer(() => follower.stop());

	const keeper =
		snapshotPath === null
			? null
			: createKeeper({
					path: snapshotPath,
					checkpoint: () => follower.checkpoint(),
					timers: realTimers,
					clock,
					version: VERSION,
					events: logSnapshotFile(logger),
				});
	starting.defer(() => keeper?.stop());

	const heartbeat = createHeartbeat({
		self: { id: server, version: VERSION, started },
		database,
		status: () => follower.status(),
		timers: realTimers,
		random,
		events: logHeartbeat(logger),
	});
	starting.defer(() => heartbeat.stop());

	const shipped = (await readSchemaFiles(SCHEMA_DIRECTORY)).map(({ name }) => name);
	const schema = createSchemaWatch({ database, shipped, timers: realTimers, report: logSchema(logger) });
	starting.defer(() => schema.stop());

	const stopwatch = () => performance.now();
	const budgets = startLimiter({ ...config.rate, liveServers: () => heartbeat.live, stopwatch, random, logger });
	starting.defer(() => budgets.stop());

	let grpcSide: Pick<GrpcServer, "shed" | "connections"> = NOT_YET;
	const exchanges: Record<string, number> = {};
	const metrics = createMetrics({
		policy: () => figuresOf(follower.status()),
		revisionsRefused: () => revisionsRefused,
		recordsLost: () => recorder.lost,
		recordQueue: () => recorder.queued,
		tokenCache: () => ({ ...authenticator.counts }),
		jwksAges: () => keys.ages(),
		checksShed: () => grpcSide.shed(),
		grpcConnections: () => grpcSide.connections(),
		rateFallbacks: () => budgets.fallbacks(),
		exchanges: () => exchanges,
	});

	let stopping = false;
	const startedAt = performance.now();
	if (config.admin.address !== null) {
		const admin = await startAdminServer({
			address: config.admin.address,
			connections: connections.admin,
			tokenFile: config.admin.tokenFile,
			operatorTokenFile: config.admin.operatorTokenFile,
			clock,
			metrics,
			records: recordReader(database),
			control: { database, clock, onChange: logChange(logger) },
			explain: (query) => explain({ authenticator, ages, clock }, follower.current(), query),
			status: {
				version: VERSION,
				uptime: () => performance.now() - startedAt,
				stopping: () => stopping,
				beginning: () => clock() < replay.since,
				follow: () => follower.status(),
				schemaMissing: () => schema.missing,
				snapshotFile: () => keeper?.status() ?? null,
				ages,
				jwksAges: () => keys.ages(),
				records: () => ({ queued: recorder.queued, lost: recorder.lost }),
				tokenCache: () => ({ ...authenticator.counts }),
			},
			onError: (error) => logger.error("the admin side failed to answer", { error }),
		});
		starting.defer(() => admin.stop());
		logger.info("listening for operators", { admin_address: formatAddress(admin.address) });
	}

	const publicSide = await startPublic({
		config: config.public,
		connections: connections.public,
		keysDirectory: config.keysDirectory,
		view: () => follower.current(),
		ages,
		authenticator,
		database,
		clock,
		stopwatch,
		logger,
		count: (result) => {
			exchanges[result] = (exchanges[result] ?? 0) + 1;
		},
		recordUse: (issuer, tokenId, at) => recorder.recordUse(issuer, tokenId, at),
	});
	if (publicSide) {
		starting.defer(() => publicSide.stop());
		logger.info("listening for everybody", { public_address: formatAddress(publicSide.address) });
	}

	const onError = (error: unknown) => logger.error("a check failed and was denied", { error });
	const grpc = await startGrpcServer({
		address: config.grpc.address,
		tls: config.grpc.tls,
		check: createCheck({
			view: () => follower.current(),
			authenticator,
			limiter: budgets.limiter,
			ages,
			enforcerIdentity: config.grpc.enforcerIdentity,
			clock,
			stopwatch,
			newId: randomUUID,
			observe: observer({ recorder, metrics, tracing, clock, view: () => follower.current() }),
			onError,
		}),
		onError,
		onShedding: logShedding(logger, () => grpcSide.shed()),
		onDrop: logDrops(logger, stopwatch),
		limits: { grpcConnections: connections.grpc },
		onTlsReload: (error) => {
			if (error === null) logger.info("the gRPC certificates were read again");
			else logger.error("the gRPC certificates cannot be read again; the old ones stay", { error });
		},
	});
	grpcSide = grpc;
	starting.defer(async () => {
		const times = { noticeMs: LIMITS.drainNoticeMs, timeoutMs: config.drainTimeout };
		const finished = await grpc.drain(times);
		if (!finished) logger.warn("checks under way were cut off at the end of the drain");
	});

	recorder.start();
	pruning.start();
	heartbeat.start();
	schema.start();
	// Serving begins with the first policies and revocations together, so that no token is refused for want of the latter. What
	// the disk kept may be too old; then it begins when Postgres answers.
	const serveIfFresh = () => {
		const early = replay.since - clock();
		if (early > 0) setTimeout(serveIfFresh, early).unref();
		else if (!isPolicyStale(follower.current(), ages, clock())) grpc.setServing(true);
	};
	void follower.start().then(() => {
		serveIfFresh();
		keeper?.start();
	});
	logger.info("listening for checks", { address: formatAddress(grpc.address) });

	const parts = starting.move();
	return {
		async stop() {
			stopping = true;
			logger.info("stopping");
			await parts.disposeAsync();
			logger.info("stopped");
		},
	};
}

/** Before it listens. */
const NOT_YET: Pick<GrpcServer, "shed" | "connections"> = {
	shed: () => ({ delay: 0, streams: 0, deadline: 0 }),
	connections: () => ({ open: 0, dropped: { limit: 0, displaced: 0, handshake: 0 } }),
};
/** After these events of the follower, what this server enforces or refuses is another. */
const CHANGES_WHAT_HOLDS: ReadonlySet<FollowEvent["kind"]> = new Set([
	"adopted",
	"restored",
	"live",
	"refused",
	"lane",
	"rewound",
]);
