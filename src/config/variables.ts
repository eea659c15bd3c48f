/** Every environment variable that is ours: default, reader, and which names are unknown. */
import { FirebreakError, type Problem } from "../core/errors.ts";
import { nearest } from "./nearest.ts";
import { address, count, duration, Malformed, orOff, path, type Reader, url, word } from "./values.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type Environment = Readonly<Record<string, string | undefined>>;

/** Notes one mistake: the variable, what is wrong, the cure. Values are never quoted. */
export type Note = (variable: string, message: string, cure: string) => void;

interface Variable<T> {
	/** As the operator would write it; null when there is none. */
	readonly initial: string | null;
	readonly read: Reader<T>;
	/** What it is, for the documentation and for `--check-config`. */
	readonly about: string;
}

function variable<T>(initial: string | null, read: Reader<T>, about: string): Variable<T> {
	return { initial, read, about };
}

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

const postgresUrl = url(["postgres", "postgresql"], "postgresql://USER:PASSWORD@HOST:PORT/DATABASE");

/** docs/reference/configuration.md is tested against this table. Durations are milliseconds once read. */
export const VARIABLES = {
	DATABASE_URL: variable(null, postgresUrl, "Postgres that holds the policies"),
	FIREBREAK_DATABASE_URL: variable(null, postgresUrl, "the same, where DATABASE_URL is taken"),
	FIREBREAK_GRPC_ADDR: variable("127.0.0.1:9001", address, "where Envoy asks; host:port or unix:PATH"),
	FIREBREAK_GRPC_TLS_CERT: variable(null, path, "certificate chain of the gRPC side, PEM"),
	FIREBREAK_GRPC_TLS_KEY: variable(null, path, "its private key, PEM"),
	FIREBREAK_GRPC_TLS_CLIENT_CA: variable(null, path, "authorities that sign the certificates of proxies, PEM"),
	FIREBREAK_ENFORCER_IDENTITY: variable(null, word(["tls", "none"]), "how a proxy proves which destination it guards"),
	FIREBREAK_ADMIN_ADDR: variable("127.0.0.1:9002", orOff(address), "health, metrics, status and explain over HTTP"),
	FIREBREAK_ADMIN_TOKEN_FILE: variable(null, path, "file with the bearer token of the admin side"),
	FIREBREAK_ADMIN_OPERATOR_TOKEN_FILE: variable(
		null,
		path,
		"file with the bearer token of operators, where readers are to be told from them",
	),
	FIREBREAK_PUBLIC_ADDR: variable("off", orOff(address), "JWKS and the token endpoint"),
	FIREBREAK_PUBLIC_TLS_CERT: variable(null, path, "certificate chain of the public side, PEM"),
	FIREBREAK_PUBLIC_TLS_KEY: variable(null, path, "its private key, PEM"),
	FIREBREAK_PUBLIC_TLS_CLIENT_CA: variable(null, path, "authorities that sign the certificates of workloads, PEM"),
	FIREBREAK_SNAPSHOT_PATH: variable("off", orOff(path), "last good policy set on disk"),
	FIREBREAK_MAX_POLICY_AGE: variable("24h", duration(SECOND, 3_650 * DAY), "older policy answers 503"),
	FIREBREAK_MAX_REVOCATION_AGE: variable(
		"5m",
		duration(SECOND, 3_650 * DAY),
		"with older revocations, on_stale of the domain decides",
	),
	FIREBREAK_POLL_INTERVAL: variable("500ms", duration(10, HOUR), "how often Postgres is asked for news"),
	FIREBREAK_KEYS_DIR: variable("off", orOff(path), "private signing keys, one folder a domain"),
	FIREBREAK_REPLAY_STORE: variable(
		"memory",
		word(["memory", "redis"]),
		"where used proofs of possession are remembered",
	),
	FIREBREAK_RATE_STORE: variable("memory", word(["memory", "redis"]), "where budgets are counted"),
	FIREBREAK_REDIS_URL: variable(null, url(["redis", "rediss"], "rediss://USER:PASSWORD@HOST:PORT"), "Redis or Valkey"),
	FIREBREAK_RECORD_QUEUE_MAX: variable("65536", count(1, 10_000_000), "records that may wait for Postgres"),
	FIREBREAK_RECORD_RETENTION: variable("30d", duration(HOUR, 36_500 * DAY), "older records are deleted"),
	FIREBREAK_DRAIN_TIMEOUT: variable("20s", duration(0, HOUR), "longest wait for calls in flight at shutdown"),
	FIREBREAK_LOG_LEVEL: variable("info", word(LOG_LEVELS), LOG_LEVELS.join(", ")),
} as const;
export type VariableName = keyof typeof VARIABLES;

/** What the variables hold, defaults included; null when not set without a default, or malformed (then noted). */
export type Values = { readonly [N in VariableName]: ReturnType<(typeof VARIABLES)[N]["read"]> | null };

/** Reads every variable. One set to the empty text counts as not set. */
export function readValues(env: Environment, note: Note): Values {
	const values: Partial<Record<VariableName, unknown>> = {};
	for (const name of Object.keys(VARIABLES) as VariableName[]) values[name] = readValue(env, name, note);
	return values as Values;
}

function readValue(env: Environment, name: VariableName, note: Note): unknown {
	const text = env[name] || VARIABLES[name].initial;
	if (text === null) return null;
	try {
		return VARIABLES[name].read(text);
	} catch (error) {
		if (!(error instanceof Malformed)) throw error;
		note(name, error.message, error.cure);
		return null;
	}
}

/**
 * Reads the database's URL alone, for commands that need nothing else. `given` comes from the command line.
 * @throws FirebreakError config_invalid
 */
export function readDatabaseUrl(env: Environment, given?: string): string {
	const problems: Problem[] = [];
	const note: Note = (object, message, cure) => problems.push({ object, message, cure });
	const source = withDatabaseUrl(env, given);
	const values = (["DATABASE_URL", "FIREBREAK_DATABASE_URL"] as const).map((name) => readValue(source, name, note));
	const url = problems.length > 0 ? null : oneDatabaseUrl(values[0] as string | null, values[1] as string | null, note);
	if (url === null) throw new FirebreakError("config_invalid", "no database to use", { problems });
	return url;
}

/**
 * Reads FIREBREAK_KEYS_DIR alone. `given` comes from the command line.
 * @throws FirebreakError config_invalid when neither names a folder.
 */
export function readKeysDirectory(env: Environment, given?: string): string {
	const problems: Problem[] = [];
	const note: Note = (object, message, cure) => problems.push({ object, message, cure });
	const folder = given ?? readValue(env, "FIREBREAK_KEYS_DIR", note);
	if (typeof folder === "string" && folder !== "off" && folder !== "") return folder;
	if (problems.length === 0)
		note("FIREBREAK_KEYS_DIR", "it is not set", "name the folder of the signing keys, or use --keys-dir");
	throw new FirebreakError("config_invalid", "no folder of signing keys to use", { problems });
}

/** The environment as if only the URL from the command line had been set. */
export function withDatabaseUrl(env: Environment, given: string | undefined): Environment {
	return given === undefined ? env : { ...env, DATABASE_URL: given, FIREBREAK_DATABASE_URL: undefined };
}

/** The one URL of the two variables; null, and noted, when there is none or they differ. */
export function oneDatabaseUrl(general: string | null, ours: string | null, note: Note): string | null {
	if (general !== null && ours !== null && general !== ours) {
		note("FIREBREAK_DATABASE_URL", "DATABASE_URL is set too, and differs", "unset one of them");
		return null;
	}
	const url = ours ?? general;
	if (url === null) note("DATABASE_URL", "it is not set", "set it to the PostgreSQL URL that holds the policies");
	return url;
}

/** What Kubernetes injects for a Service named `firebreak`. */
const INJECTED = /^FIREBREAK_(?:SERVICE_|PORT)/;
/** What it injects for Services whose names begin with `firebreak-`. */
const INJECTED_FOR_ANOTHER =
	/^FIREBREAK_.+_(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_.+)?)?)$/;

/** Notes each `FIREBREAK_` name that is none of ours. */
export function checkNames(env: Environment, note: Note): void {
	const known = Object.keys(VARIABLES);
	for (const name of Object.keys(env).sort()) {
		if (!name.startsWith("FIREBREAK_") || known.includes(name) || INJECTED.test(name)) continue;
		const near = nearest(name, known);
		if (near !== null) note(name, "there is no such setting", `did you mean ${near}?`);
		else if (INJECTED_FOR_ANOTHER.test(name)) {
			note(name, "Kubernetes injected it for another Service", "set enableServiceLinks: false on the pod");
		} else note(name, "there is no such setting", "remove it, or see docs/reference/configuration.md");
	}
}
