import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { VARIABLES } from "../../src/config/variables.ts";
import { type Config, describeConfig, type Environment, readConfig, readDatabaseUrl } from "../../src/config.ts";
import { FirebreakError, type Problem } from "../../src/core/errors.ts";

const DATABASE_URL = "postgresql://server:s3cret@db.example.org:5432/firebreak";
const TLS = {
	FIREBREAK_GRPC_TLS_CERT: "/tls/cert.pem",
	FIREBREAK_GRPC_TLS_KEY: "/tls/key.pem",
	FIREBREAK_GRPC_TLS_CLIENT_CA: "/tls/ca.pem",
};
const PUBLIC_TLS = {
	FIREBREAK_PUBLIC_TLS_CERT: "/pc",
	FIREBREAK_PUBLIC_TLS_KEY: "/pk",
	FIREBREAK_PUBLIC_TLS_CLIENT_CA: "/pa",
};
const allFilesAreThere = () => null;

function read(env: Environment): Config {
	return readConfig({ DATABASE_URL, ...env }, { checkFile: allFilesAreThere, checkFolder: allFilesAreThere });
}

function problemsOf(work: () => unknown): readonly Problem[] {
	try {
		work();
	} catch (error) {
		expect(error).toBeInstanceOf(FirebreakError);
		expect((error as FirebreakError).code).toBe("config_invalid");
		return (error as FirebreakError).problems;
	}
	throw new Error("nothing was refused");
}

/** `variable: message` of each problem. */
function refusals(env: Environment): string[] {
	return problemsOf(() => read(env)).map(({ object, message }) => `${object}: ${message}`);
}

describe("readConfig accepts", () => {
	test("nothing but a database, with the documented defaults", () => {
		expect(read({})).toEqual({
			databaseUrl: DATABASE_URL,
			grpc: { address: { kind: "tcp", host: "127.0.0.1", port: 9001 }, tls: null, enforcerIdentity: "none" },
			admin: { address: { kind: "tcp", host: "127.0.0.1", port: 9002 }, tokenFile: null, operatorTokenFile: null },
			public: { address: null, tls: null },
			keysDirectory: null,
			policy: { maxAge: 86_400_000, maxRevocationAge: 300_000, pollInterval: 500, snapshotPath: null },
			records: { queueMax: 65_536, retention: 2_592_000_000 },
			rate: { redisUrl: null },
			replay: { redisUrl: null },
			drainTimeout: 20_000,
			logLevel: "info",
			tracing: { enabled: false, parentBased: true },
		});
	});

	test("is frozen, inside too", () => {
		const config = read({});
		expect(Object.isFrozen(config)).toBe(true);
		expect(Object.isFrozen(config.grpc.address)).toBe(true);
	});

	const accepted: [string, Environment, (config: Config) => unknown, unknown][] = [
		[
			"our own database variable",
			{ DATABASE_URL: "", FIREBREAK_DATABASE_URL: "postgres:///x" },
			(c) => c.databaseUrl,
			"postgres:///x",
		],
		["both database variables, alike", { FIREBREAK_DATABASE_URL: DATABASE_URL }, (c) => c.databaseUrl, DATABASE_URL],
		[
			"a socket",
			{ FIREBREAK_GRPC_ADDR: "unix:/run/fb.sock" },
			(c) => c.grpc.address,
			{ kind: "unix", path: "/run/fb.sock" },
		],
		[
			"an IPv6 loopback",
			{ FIREBREAK_GRPC_ADDR: "[::1]:0" },
			(c) => c.grpc.address,
			{ kind: "tcp", host: "::1", port: 0 },
		],
		[
			"any address with certificates",
			{ FIREBREAK_GRPC_ADDR: "0.0.0.0:9001", ...TLS },
			(c) => c.grpc.enforcerIdentity,
			"tls",
		],
		["certificates on loopback", TLS, (c) => c.grpc.tls?.key, "/tls/key.pem"],
		[
			"identity none with certificates on loopback",
			{ ...TLS, FIREBREAK_ENFORCER_IDENTITY: "none" },
			(c) => c.grpc.enforcerIdentity,
			"none",
		],
		["no admin side", { FIREBREAK_ADMIN_ADDR: "off" }, (c) => c.admin.address, null],
		[
			"an open admin side with a token",
			{ FIREBREAK_ADMIN_ADDR: "[::]:9002", FIREBREAK_ADMIN_TOKEN_FILE: "/t" },
			(c) => c.admin.tokenFile,
			"/t",
		],
		["compound durations", { FIREBREAK_DRAIN_TIMEOUT: "1m30s" }, (c) => c.drainTimeout, 90_000],
		["an empty variable as unset", { FIREBREAK_LOG_LEVEL: "" }, (c) => c.logLevel, "info"],
		[
			"budgets in Redis",
			{ FIREBREAK_RATE_STORE: "redis", FIREBREAK_REDIS_URL: "rediss://:hunter2@cache.example.org:6380/1" },
			(c) => [c.rate, describeConfig(c)["rate store"]],
			[{ redisUrl: "rediss://:hunter2@cache.example.org:6380/1" }, "redis cache.example.org:6380"],
		],
		[
			"used proofs in Redis",
			{ FIREBREAK_REPLAY_STORE: "redis", FIREBREAK_REDIS_URL: "redis://:hunter2@cache.example.org" },
			(c) => [c.replay, c.rate, describeConfig(c)["replay store"]],
			[{ redisUrl: "redis://:hunter2@cache.example.org" }, { redisUrl: null }, "redis cache.example.org"],
		],
		[
			"what is off",
			{ FIREBREAK_KEYS_DIR: "off", FIREBREAK_PUBLIC_ADDR: "off" },
			(c) => [c.keysDirectory, c.public],
			[null, { address: null, tls: null }],
		],
		[
			"an open public side with its certificates, and keys",
			{ FIREBREAK_PUBLIC_ADDR: "0.0.0.0:9003", ...PUBLIC_TLS, FIREBREAK_KEYS_DIR: "/keys" },
			(c) => [c.public, c.keysDirectory, describeConfig(c)["signing keys"]],
			[
				{ address: { kind: "tcp", host: "0.0.0.0", port: 9003 }, tls: { cert: "/pc", key: "/pk", clientCa: "/pa" } },
				"/keys",
				"/keys",
			],
		],
		[
			"a public side without certificates on loopback",
			{ FIREBREAK_PUBLIC_ADDR: "127.0.0.1:9003" },
			(c) => c.public.tls,
			null,
		],
		[
			"an operator token",
			{ FIREBREAK_ADMIN_OPERATOR_TOKEN_FILE: "/operator" },
			(c) => c.admin.operatorTokenFile,
			"/operator",
		],
		[
			"what Kubernetes injects",
			{
				FIREBREAK_SERVICE_HOST: "10.0.0.1",
				FIREBREAK_PORT: "tcp://10.0.0.1:9001",
				FIREBREAK_PORT_9001_TCP_ADDR: "10.0.0.1",
			},
			(c) => c.logLevel,
			"info",
		],
		["names that are not ours", { OTEL_WHATEVER: "x", FIREBREAKER: "y" }, (c) => c.logLevel, "info"],
	];
	test.each(accepted)("%s", (_title, env, pick, expected) => {
		expect(pick(read(env))).toEqual(expected);
	});

	test("the command line's database over both variables", () => {
		const env = { DATABASE_URL: "postgres://a/b", FIREBREAK_DATABASE_URL: "nonsense" };
		expect(readConfig(env, { databaseUrl: "postgres://c/d" }).databaseUrl).toBe("postgres://c/d");
	});
});

describe("readConfig refuses", () => {
	const refused: [string, Environment, string[]][] = [
		["no database", { DATABASE_URL: "" }, ["DATABASE_URL: it is not set"]],
		[
			"two databases",
			{ FIREBREAK_DATABASE_URL: "postgres://other/x" },
			["FIREBREAK_DATABASE_URL: DATABASE_URL is set too, and differs"],
		],
		[
			"another database's URL",
			{ DATABASE_URL: "mysql://u:p@h/d" },
			["DATABASE_URL: it is no postgres:// or postgresql:// URL"],
		],
		[
			"an address without port",
			{ FIREBREAK_GRPC_ADDR: "127.0.0.1" },
			["FIREBREAK_GRPC_ADDR: it is neither host:port nor unix:PATH"],
		],
		["an address without host", { FIREBREAK_GRPC_ADDR: ":9001" }, ["FIREBREAK_GRPC_ADDR: it names no host"]],
		[
			"an unbracketed IPv6 address",
			{ FIREBREAK_GRPC_ADDR: "::1:9001" },
			["FIREBREAK_GRPC_ADDR: it is neither host:port nor unix:PATH"],
		],
		[
			"a port out of range",
			{ FIREBREAK_GRPC_ADDR: "127.0.0.1:65536" },
			["FIREBREAK_GRPC_ADDR: a port is at most 65535"],
		],
		[
			"a relative socket",
			{ FIREBREAK_GRPC_ADDR: "unix:fb.sock" },
			["FIREBREAK_GRPC_ADDR: a socket's path is absolute and has one leading slash"],
		],
		["gRPC off", { FIREBREAK_GRPC_ADDR: "off" }, ["FIREBREAK_GRPC_ADDR: it is neither host:port nor unix:PATH"]],
		[
			"an open address without TLS",
			{ FIREBREAK_GRPC_ADDR: "0.0.0.0:9001" },
			["FIREBREAK_GRPC_ADDR: other machines can reach it, and there is no TLS"],
		],
		[
			"a name that is not localhost, without TLS",
			{ FIREBREAK_GRPC_ADDR: "loopback.example.org:1" },
			["FIREBREAK_GRPC_ADDR: other machines can reach it, and there is no TLS"],
		],
		[
			"an open address for whoever asks",
			{ FIREBREAK_GRPC_ADDR: "10.0.0.1:9001", ...TLS, FIREBREAK_ENFORCER_IDENTITY: "none" },
			["FIREBREAK_ENFORCER_IDENTITY: with none, other machines could ask about any destination"],
		],
		[
			"identity tls without certificates",
			{ FIREBREAK_ENFORCER_IDENTITY: "tls" },
			["FIREBREAK_ENFORCER_IDENTITY: tls needs certificates"],
		],
		[
			"a certificate without its key",
			{ ...TLS, FIREBREAK_GRPC_TLS_KEY: "" },
			["FIREBREAK_GRPC_TLS_KEY: other certificate files are set, and this one is not"],
		],
		[
			"an open admin side without a token",
			{ FIREBREAK_ADMIN_ADDR: "0.0.0.0:9002" },
			["FIREBREAK_ADMIN_ADDR: other machines can reach it, and no token protects it"],
		],
		[
			"one address for two listeners",
			{ FIREBREAK_ADMIN_ADDR: "127.0.0.1:9001" },
			["FIREBREAK_ADMIN_ADDR: it is the address of gRPC too"],
		],
		["a duration without unit", { FIREBREAK_MAX_POLICY_AGE: "3600" }, ["FIREBREAK_MAX_POLICY_AGE: it is no duration"]],
		["a duration out of range", { FIREBREAK_POLL_INTERVAL: "1ms" }, ["FIREBREAK_POLL_INTERVAL: it is out of range"]],
		[
			"an age that no poll can meet",
			{ FIREBREAK_POLL_INTERVAL: "5m" },
			["FIREBREAK_MAX_REVOCATION_AGE: it is not longer than FIREBREAK_POLL_INTERVAL"],
		],
		[
			"a queue of nothing",
			{ FIREBREAK_RECORD_QUEUE_MAX: "0" },
			["FIREBREAK_RECORD_QUEUE_MAX: it is no whole number in range"],
		],
		[
			"a queue in hexadecimal",
			{ FIREBREAK_RECORD_QUEUE_MAX: "0x10" },
			["FIREBREAK_RECORD_QUEUE_MAX: it is no whole number in range"],
		],
		["an unknown log level", { FIREBREAK_LOG_LEVEL: "INFO" }, ["FIREBREAK_LOG_LEVEL: it is no known word"]],
		[
			"an open public side without TLS",
			{ FIREBREAK_PUBLIC_ADDR: "0.0.0.0:9003" },
			["FIREBREAK_PUBLIC_ADDR: other machines can reach it, and there is no TLS"],
		],
		[
			"public certificates by halves",
			{ FIREBREAK_PUBLIC_ADDR: "127.0.0.1:9003", ...PUBLIC_TLS, FIREBREAK_PUBLIC_TLS_CLIENT_CA: "" },
			["FIREBREAK_PUBLIC_TLS_CLIENT_CA: other certificate files are set, and this one is not"],
		],
		[
			"public certificates for nothing",
			{ ...PUBLIC_TLS },
			["FIREBREAK_PUBLIC_ADDR: its certificates are set, and it is off"],
		],
		[
			"the public side in another's place",
			{ FIREBREAK_PUBLIC_ADDR: "127.0.0.1:9002" },
			["FIREBREAK_PUBLIC_ADDR: it is the address of FIREBREAK_ADMIN_ADDR too"],
		],
		[
			"a Redis store without Redis",
			{ FIREBREAK_RATE_STORE: "redis" },
			["FIREBREAK_REDIS_URL: a store is redis, and no Redis is named"],
		],
		[
			"Redis without a Redis store",
			{ FIREBREAK_REDIS_URL: "redis://:hunter2@r" },
			["FIREBREAK_REDIS_URL: every store is memory, so nothing would use it"],
		],
		[
			"a Redis that is none",
			{ FIREBREAK_RATE_STORE: "redis", FIREBREAK_REDIS_URL: "http://:hunter2@r" },
			["FIREBREAK_REDIS_URL: it is no redis:// or rediss:// URL"],
		],
		[
			"an unknown name",
			{ FIREBREAK_NONSENSE_THAT_IS_LONG: "1" },
			["FIREBREAK_NONSENSE_THAT_IS_LONG: there is no such setting"],
		],
	];
	test.each(refused)("%s", (_title, env, expected) => {
		expect(refusals(env)).toEqual(expected);
	});

	test("all mistakes at once", () => {
		const env = {
			DATABASE_URL: "",
			FIREBREAK_GRPC_ADDR: "0.0.0.0:9001",
			FIREBREAK_LOG_LEVEL: "loud",
			FIREBREAK_DRAIN: "1s",
			FIREBREAK_MAX_POLICY_AGE: "soon",
		};
		expect(
			problemsOf(() => read(env))
				.map(({ object }) => object)
				.sort(),
		).toEqual([
			"DATABASE_URL",
			"FIREBREAK_DRAIN",
			"FIREBREAK_GRPC_ADDR",
			"FIREBREAK_LOG_LEVEL",
			"FIREBREAK_MAX_POLICY_AGE",
		]);
	});

	test.each([
		["FIREBREAK_GRPC_ADRR", "did you mean FIREBREAK_GRPC_ADDR?"],
		["FIREBREAK_LOGLEVEL", "did you mean FIREBREAK_LOG_LEVEL?"],
		["FIREBREAK_ADMIN_TOKEN", "did you mean FIREBREAK_ADMIN_TOKEN_FILE?"],
		["FIREBREAK_METRICS_SERVICE_HOST", "set enableServiceLinks: false on the pod"],
		["FIREBREAK_METRICS_PORT_9002_TCP_ADDR", "set enableServiceLinks: false on the pod"],
	])("%s, with a cure", (name, cure) => {
		expect(problemsOf(() => read({ [name]: "x" }))).toMatchObject([{ object: name, cure }]);
	});

	test("every problem has a cure, and none quotes a value", () => {
		const planted = "planted-s3cret";
		for (const name of Object.keys(VARIABLES)) {
			const env = { [name]: `${planted}\0:`, FIREBREAK_UNKNOWN: planted };
			for (const problem of problemsOf(() => readConfig(env, { checkFile: () => "it does not exist" }))) {
				expect(problem.cure).not.toBe("");
				expect(JSON.stringify(problem)).not.toContain(planted);
			}
		}
	});
});

describe("files", () => {
	const folder = mkdtempSync(join(tmpdir(), "firebreak-config-"));
	afterAll(() => rmSync(folder, { recursive: true }));
	const good = join(folder, "token");
	const empty = join(folder, "empty");
	writeFileSync(good, "0123456789abcdef");
	writeFileSync(empty, "");

	test("that are there are accepted", () => {
		expect(readConfig({ DATABASE_URL, FIREBREAK_ADMIN_TOKEN_FILE: good }).admin.tokenFile).toBe(good);
	});

	test.each([
		["missing", join(folder, "missing"), "its file does not exist"],
		["under a file", join(good, "x"), "its file does not exist"],
		["folders", folder, "it names no file"],
		["empty", empty, "its file is empty"],
	])("that are %s are refused", (_title, file, message) => {
		const problems = problemsOf(() => readConfig({ DATABASE_URL, FIREBREAK_ADMIN_TOKEN_FILE: file }));
		expect(problems).toMatchObject([{ object: "FIREBREAK_ADMIN_TOKEN_FILE", message }]);
	});
});

describe("the folder of signing keys", () => {
	const folder = mkdtempSync(join(tmpdir(), "firebreak-config-"));
	afterAll(() => rmSync(folder, { recursive: true }));
	writeFileSync(join(folder, "file"), "");

	test("is taken when it is there", () => {
		expect(readConfig({ DATABASE_URL, FIREBREAK_KEYS_DIR: folder }).keysDirectory).toBe(folder);
	});

	test.each([
		["missing", "missing", "its folder does not exist"],
		["a file", "file", "it names no folder"],
	])("is refused when it is %s", (_title, name, message) => {
		const problems = problemsOf(() => readConfig({ DATABASE_URL, FIREBREAK_KEYS_DIR: join(folder, name) }));
		expect(problems).toMatchObject([{ object: "FIREBREAK_KEYS_DIR", message }]);
	});
});

describe("the snapshot's place", () => {
	const folder = mkdtempSync(join(tmpdir(), "firebreak-config-"));
	afterAll(() => rmSync(folder, { recursive: true }));
	const there = join(folder, "policy.snapshot");
	writeFileSync(there, "");
	mkdirSync(join(folder, "folder"));
	const socket = createServer().listen(join(folder, "socket"));
	afterAll(() => {
		socket.close();
	});
	const pathOf = (path: string) => readConfig({ DATABASE_URL, FIREBREAK_SNAPSHOT_PATH: path }).policy.snapshotPath;

	test.each([
		["over a file", there, there],
		["as a new file", join(folder, "new"), join(folder, "new")],
		["nowhere", "off", null],
	])("may be %s", (_title, path, expected) => {
		expect(pathOf(path)).toBe(expected);
		expect(readdirSync(folder).sort()).toEqual(["folder", "policy.snapshot", "socket"]);
	});

	test.each([
		["a folder", join(folder, "folder"), "it names a folder"],
		["a folder to be", `${join(folder, "new")}/`, "it names a folder"],
		["a socket", join(folder, "socket"), "it names no file"],
		["in no folder", join(folder, "missing/policy.snapshot"), "its folder does not exist"],
		["in a file", join(there, "policy.snapshot"), "its folder does not exist"],
		[
			"in a folder that nobody may write",
			"/proc/policy.snapshot",
			expect.stringMatching(/^its folder cannot be written/),
		],
	])("may not be %s", (_title, path, message) => {
		expect(problemsOf(() => pathOf(path))).toMatchObject([{ object: "FIREBREAK_SNAPSHOT_PATH", message }]);
	});
});

describe("tracing", () => {
	test.each<[Environment, boolean, boolean]>([
		[{}, false, true],
		[{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4317" }, true, true],
		[{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c:4317" }, true, true],
		[{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4317", OTEL_SDK_DISABLED: "true" }, false, true],
		[{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4317", OTEL_TRACES_EXPORTER: "none" }, false, true],
		[{ OTEL_TRACES_EXPORTER: "otlp", OTEL_TRACES_SAMPLER: "always_on" }, false, false],
		[{ OTEL_TRACES_SAMPLER: "parentbased_traceidratio" }, false, true],
	])("%j", (env, enabled, parentBased) => {
		expect(read(env).tracing).toEqual({ enabled, parentBased });
	});
});

describe("readDatabaseUrl", () => {
	test("needs no other setting to be right", () => {
		expect(readDatabaseUrl({ FIREBREAK_NONSENSE: "1", DATABASE_URL })).toBe(DATABASE_URL);
		expect(readDatabaseUrl({ DATABASE_URL }, "postgres://given/x")).toBe("postgres://given/x");
	});

	test.each<[Environment, string | undefined]>([
		[{}, undefined],
		[{ DATABASE_URL: "postgres://a/b", FIREBREAK_DATABASE_URL: "postgres://a/c" }, undefined],
		[{ DATABASE_URL }, "not-a-url"],
	])("refuses %j given %s", (env, given) => {
		expect(problemsOf(() => readDatabaseUrl(env, given))).toHaveLength(1);
	});
});

test("describeConfig shows the settings in force without the password", () => {
	const settings = describeConfig(read({ ...TLS, FIREBREAK_GRPC_ADDR: "[::]:9001" }));
	expect(settings).toMatchObject({
		database: "db.example.org:5432/firebreak",
		grpc: "[::]:9001",
		"enforcer identity": "tls",
		"max policy age": "1d",
	});
	expect(JSON.stringify(settings)).not.toContain("s3cret");
});
