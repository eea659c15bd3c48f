/**
 * The only reader of the environment: a frozen, cross-checked Config, or a refusal to start that names every mistake
 * at once. No message quotes a value, since a credential may stand in the wrong variable.
 */
import { type Address, formatAddress } from "./config/address.ts";
import { crossCheck, hasTls } from "./config/cross-check.ts";
import { type FileCheck, unlistable, unplaceable, unreadable } from "./config/files.ts";
import {
	checkNames,
	type Environment,
	type LogLevel,
	type Note,
	oneDatabaseUrl,
	readValues,
	type Values,
	withDatabaseUrl,
} from "./config/variables.ts";
import { formatDuration } from "./core/duration.ts";
import { FirebreakError, type Problem } from "./core/errors.ts";

export { type Address, formatAddress } from "./config/address.ts";
export { type Environment, LOG_LEVELS, type LogLevel, readDatabaseUrl, readKeysDirectory } from "./config/variables.ts";

/** Where gRPC takes its certificates from; the files are read again when they change. */
export interface TlsFiles {
	readonly cert: string;
	readonly key: string;
	readonly clientCa: string;
}

/** All times are milliseconds. */
export interface Config {
	/** Holds a password: never log it. */
	readonly databaseUrl: string;
	readonly grpc: {
		readonly address: Address;
		readonly tls: TlsFiles | null;
		/** `tls`: who asks is known by the certificate of the call. `none`: whoever can connect may ask. */
		readonly enforcerIdentity: "tls" | "none";
	};
	readonly admin: {
		/** Null: no admin side at all. */
		readonly address: Address | null;
		readonly tokenFile: string | null;
		/** Of operators, who may change what it tells of; null: nobody may. */
		readonly operatorTokenFile: string | null;
	};
	readonly public: {
		/** Null: neither JWKS nor token endpoint. */
		readonly address: Address | null;
		/** Null only on loopback and sockets: then no token is exchanged. */
		readonly tls: TlsFiles | null;
	};
	/** Folder of the private signing keys; null: this server signs no token. */
	readonly keysDirectory: string | null;
	readonly policy: {
		readonly maxAge: number;
		readonly maxRevocationAge: number;
		readonly pollInterval: number;
		/** File that keeps the last good policy set; null: none is kept. */
		readonly snapshotPath: string | null;
	};
	readonly records: {
		/** Records that may wait for Postgres. */
		readonly queueMax: number;
		readonly retention: number;
	};
	readonly rate: {
		/** Redis or Valkey that all servers count budgets in; null: each counts its share in memory. May hold a password: never log it. */
		readonly redisUrl: string | null;
	};
	readonly replay: {
		/** Redis or Valkey in which all servers remember used proofs; null: each remembers its own. May hold a password: never log it. */
		readonly redisUrl: string | null;
	};
	readonly drainTimeout: number;
	readonly logLevel: LogLevel;
	readonly tracing: {
		/** An OTLP endpoint is set, and nothing turns tracing off. */
		readonly enabled: boolean;
		/** The sampler obeys the sampled flag of the parent, as OpenTelemetry's default does. */
		readonly parentBased: boolean;
	};
}

export interface ConfigOptions {
	/** From the command line; beats both variables. */
	readonly databaseUrl?: string | undefined;
	/** Says why a file cannot be read, or null when it can. The default looks at the file system. */
	readonly checkFile?: FileCheck;
	/** The same of a place where a file is to be written. */
	readonly checkPlace?: FileCheck;
	/** The same of a folder that is to be read. */
	readonly checkFolder?: FileCheck;
}

/**
 * Reads and checks the whole configuration.
 * @throws FirebreakError config_invalid, with a problem for each mistake.
 */
export function readConfig(env: Environment, options: ConfigOptions = {}): Config {
	const problems: Problem[] = [];
	const note: Note = (object, message, cure) => problems.push({ object, message, cure });
	const source = withDatabaseUrl(env, options.databaseUrl);
	checkNames(source, note);
	const values = readValues(source, note);
	const malformed = new Set(problems.map((problem) => problem.object));
	const databaseUrl =
		malformed.has("DATABASE_URL") || malformed.has("FIREBREAK_DATABASE_URL")
			? null
			: oneDatabaseUrl(values.DATABASE_URL, values.FIREBREAK_DATABASE_URL, note);
	const { checkFile = unreadable, checkPlace = unplaceable, checkFolder = unlistable } = options;
	crossCheck(source, values, { checkFile, checkPlace, checkFolder }, note);
	if (problems.length > 0) throw new FirebreakError("config_invalid", "the configuration has mistakes", { problems });
	return deepFreeze(assemble(values, databaseUrl!, source));
}

/** Every value is there: whatever is null without a default has been noted. */
function assemble(values: Values, databaseUrl: string, env: Environment): Config {
	const tls = hasTls(values, "grpc")
		? {
				cert: values.FIREBREAK_GRPC_TLS_CERT!,
				key: values.FIREBREAK_GRPC_TLS_KEY!,
				clientCa: values.FIREBREAK_GRPC_TLS_CLIENT_CA!,
			}
		: null;
	const publicTls = hasTls(values, "public")
		? {
				cert: values.FIREBREAK_PUBLIC_TLS_CERT!,
				key: values.FIREBREAK_PUBLIC_TLS_KEY!,
				clientCa: values.FIREBREAK_PUBLIC_TLS_CLIENT_CA!,
			}
		: null;
	const admin = values.FIREBREAK_ADMIN_ADDR!;
	const publicAddress = values.FIREBREAK_PUBLIC_ADDR!;
	const keys = values.FIREBREAK_KEYS_DIR!;
	const snapshot = values.FIREBREAK_SNAPSHOT_PATH!;
	return {
		databaseUrl,
		grpc: {
			address: values.FIREBREAK_GRPC_ADDR!,
			tls,
			enforcerIdentity: values.FIREBREAK_ENFORCER_IDENTITY ?? (tls === null ? "none" : "tls"),
		},
		admin: {
			address: admin === "off" ? null : admin,
			tokenFile: values.FIREBREAK_ADMIN_TOKEN_FILE,
			operatorTokenFile: values.FIREBREAK_ADMIN_OPERATOR_TOKEN_FILE,
		},
		public: { address: publicAddress === "off" ? null : publicAddress, tls: publicTls },
		keysDirectory: keys === "off" ? null : keys,
		policy: {
			maxAge: values.FIREBREAK_MAX_POLICY_AGE!,
			maxRevocationAge: values.FIREBREAK_MAX_REVOCATION_AGE!,
			pollInterval: values.FIREBREAK_POLL_INTERVAL!,
			snapshotPath: snapshot === "off" ? null : snapshot,
		},
		records: { queueMax: values.FIREBREAK_RECORD_QUEUE_MAX!, retention: values.FIREBREAK_RECORD_RETENTION! },
		rate: { redisUrl: values.FIREBREAK_RATE_STORE === "redis" ? values.FIREBREAK_REDIS_URL : null },
		replay: { redisUrl: values.FIREBREAK_REPLAY_STORE === "redis" ? values.FIREBREAK_REDIS_URL : null },
		drainTimeout: values.FIREBREAK_DRAIN_TIMEOUT!,
		logLevel: values.FIREBREAK_LOG_LEVEL!,
		tracing: readTracing(env),
	};
}

/**
 * The two things that we must know of OpenTelemetry's own variables; the SDK reads all of them itself. It would export
 * to localhost without an endpoint, which nobody asked for.
 */
function readTracing(env: Environment): Config["tracing"] {
	const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT;
	const exporters = (env.OTEL_TRACES_EXPORTER ?? "").split(",").map((name) => name.trim());
	const off = env.OTEL_SDK_DISABLED?.trim().toLowerCase() === "true" || exporters.includes("none");
	const sampler = env.OTEL_TRACES_SAMPLER || "parentbased_always_on";
	return { enabled: Boolean(endpoint) && !off, parentBased: sampler.startsWith("parentbased_") };
}

/** The settings in force, for people; credentials are left out. */
export function describeConfig(config: Config): Readonly<Record<string, string>> {
	const database = new URL(config.databaseUrl);
	return {
		database: `${database.host}${database.pathname}`,
		grpc: formatAddress(config.grpc.address),
		"grpc tls": config.grpc.tls?.cert ?? "off",
		"enforcer identity": config.grpc.enforcerIdentity,
		admin: config.admin.address === null ? "off" : formatAddress(config.admin.address),
		"admin token": config.admin.tokenFile ?? "none",
		"operator token": config.admin.operatorTokenFile ?? "none",
		public: config.public.address === null ? "off" : formatAddress(config.public.address),
		"public tls": config.public.tls?.cert ?? "off",
		"signing keys": config.keysDirectory ?? "off",
		"max policy age": formatDuration(config.policy.maxAge),
		"max revocation age": formatDuration(config.policy.maxRevocationAge),
		"poll interval": formatDuration(config.policy.pollInterval),
		"snapshot file": config.policy.snapshotPath ?? "off",
		"record queue": String(config.records.queueMax),
		"record retention": formatDuration(config.records.retention),
		"rate store": config.rate.redisUrl === null ? "memory" : `redis ${new URL(config.rate.redisUrl).host}`,
		"replay store": config.replay.redisUrl === null ? "memory" : `redis ${new URL(config.replay.redisUrl).host}`,
		"drain timeout": formatDuration(config.drainTimeout),
		"log level": config.logLevel,
		tracing: config.tracing.enabled ? "on" : "off",
	};
}

function deepFreeze<T extends object>(value: T): T {
	for (const inner of Object.values(value)) if (typeof inner === "object" && inner !== null) deepFreeze(inner);
	return Object.freeze(value);
}
