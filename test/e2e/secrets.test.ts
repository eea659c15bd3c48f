/**
 * No credential comes out anywhere. Secrets of every kind are planted in requests, configuration and commands, through a
 * real Envoy, a real server that logs everything, and real commands; then all output is searched for them.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { ISSUER, Kit, type Made } from "../../demo/chapter/kit.ts";
import type { ClientResponse } from "../../demo/client.ts";
import { query } from "../../demo/database.ts";
import { firebreakProgram, migrateUp } from "../../demo/firebreak.ts";
import type { TokenRecipe } from "../../demo/issuers.ts";
import { runProcess } from "../../demo/processes.ts";
import { dpopProof } from "../../demo/proofs.ts";
import { type Stage, setStage } from "../../demo/stage.ts";
import { makeSigningKey } from "../../demo/tokens.ts";
import { HEADER_BYTES } from "../../src/store/snapshot-file/format.ts";
import { unpackFrames } from "../../src/store/snapshot-file/frames.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { type Haystack, Secrets } from "../support/secrets.ts";
import { until } from "../support/wait.ts";

// Postgres, Firebreak and Envoy start from nothing, on a machine that may have other things to do.
jest.setTimeout(240_000);

const secrets = new Secrets();
const folder = mkdtempSync(join(tmpdir(), "firebreak-secrets-"));
const snapshotFile = join(folder, "snapshot");
const adminToken = secrets.plant("admin token");
/** What people see, and programs: by name. */
const answers: Haystack[] = [];
let receiver: OtlpReceiver;
let stage: Stage;

beforeAll(async () => {
	writeFileSync(join(folder, "admin-token"), adminToken, { mode: 0o600 });
	receiver = await startOtlpReceiver();
	stage = await setStage({
		otlpPort: receiver.port,
		signs: true,
		settings: {
			FIREBREAK_LOG_LEVEL: "trace",
			FIREBREAK_ADMIN_TOKEN_FILE: join(folder, "admin-token"),
			FIREBREAK_SNAPSHOT_PATH: snapshotFile,
			OTEL_EXPORTER_OTLP_HEADERS: `x-key=${secrets.plant("header of the collector")}`,
			// Nobody listens there: it goes on without, and tells of it.
			FIREBREAK_RATE_STORE: "redis",
			FIREBREAK_REDIS_URL: `redis://user:${secrets.plant("password of Redis")}@127.0.0.1:1`,
		},
	});
	secrets.add("password of the server's login", new URL(stage.serverUrl).password);
	secrets.add("password of the superuser", new URL(stage.world.databaseUrl).password);
	const { pki } = stage.world;
	secrets.pem("private key of Firebreak", pki.firebreak.key);
	for (const [name, { key }] of pki.services) secrets.pem(`private key of ${name}`, key);
});
afterAll(async () => {
	await stage?.world.stop();
	await receiver?.stop();
	rmSync(folder, { recursive: true, force: true });
});

const token = (name: string, claims: Partial<TokenRecipe> = {}) =>
	secrets.jws(name, stage.issuers.token({ issuer: "internal", subject: "orders", scope: "payments:read", ...claims }));

/** Every way of bringing a credential along, good and bad, and its answer's status. */
function requests(): readonly (readonly [status: number, headers: Record<string, string | string[]>, path?: string])[] {
	const good = token("good token");
	const proof = dpopProof(makeSigningKey("ES256", "k"), {
		method: "GET",
		uri: "https://payments.example.org/v1/payments/7",
		token: good,
		now: Date.now() / 1000,
	});
	const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
	return [
		[200, { ...bearer(good), cookie: `session=${secrets.plant("cookie")}`, "x-api-key": secrets.plant("x-api-key") }],
		[200, bearer(good), `/v1/payments/7?access_token=${secrets.plant("token in the query")}`],
		[401, bearer(token("expired token", { lifetime: -60 }))],
		[401, bearer(token("forged token", { forged: true }))],
		[401, bearer(token("token for others", { audience: "https://elsewhere.example.org" }))],
		[403, bearer(token("token without the scope", { scope: "orders:read" }))],
		[401, bearer(secrets.plant("token that is no JWT"))],
		[401, bearer(`${secrets.plant("a header").replaceAll("-", "")}.e30.AAAA`)],
		[401, bearer(`fbk_${secrets.plant("API key").replaceAll("-", "")}`)],
		[401, { authorization: `Basic ${Buffer.from(`user:${secrets.plant("password")}`).toString("base64")}` }],
		[401, { authorization: secrets.plant("scheme alone") }],
		[400, { authorization: [`Bearer ${good}`, `Bearer ${secrets.plant("second token")}`] }],
		[400, { ...bearer(good), dpop: secrets.jws("proof beside a bearer token", proof) }],
		[401, { authorization: `DPoP ${good}`, dpop: secrets.plant("proof that is no JWT") }],
		[401, { authorization: `DPoP ${token("another token")}`, dpop: proof }],
		[400, bearer(good), "/v1/payments/../7"],
		[400, { authorization: `Bearer \u00e9${secrets.plant("token outside ASCII")}` }],
		[400, { ...bearer(good), "x-http-method-override": secrets.plant("method override") }],
	];
}

/** Sends every request; the answers that are ours to give, and the ids of their decisions. */
async function sendAll(): Promise<string[]> {
	const ids: string[] = [];
	for (const [status, headers, path = "/v1/payments/7"] of requests()) {
		const response: ClientResponse = await stage.world.send({ from: "orders", to: "payments", path, headers });
		expect([response.status, Object.keys(headers), path]).toEqual([status, Object.keys(headers), path]);
		if (status === 200) continue;
		ids.push(response.headers["x-firebreak-decision"] ?? "");
		answers.push({
			name: `answer ${status}`,
			text: JSON.stringify([response.headers, response.text]),
			holds: "urn:fire",
		});
	}
	return ids;
}

/** Asks the admin side, with the right token unless another is given. */
async function admin(path: string, body?: unknown, bearer = adminToken): Promise<string> {
	const response = await fetch(`${stage.firebreak.adminUrl}${path}`, {
		method: body === undefined ? "GET" : "POST",
		headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
		...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
	});
	const text = `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`;
	answers.push({ name: path, text, holds: /./ });
	return text;
}

/** Runs a command, and takes what it wrote. */
async function command(args: readonly string[], env: Readonly<Record<string, string>>, holds: string | RegExp) {
	const { PATH = "", HOME = "" } = process.env;
	const program = firebreakProgram(args, { PATH, HOME, DATABASE_URL: stage.world.databaseUrl, ...env });
	const { stdout, stderr } = await runProcess(program);
	answers.push({ name: `firebreak ${args.join(" ")}`, text: stdout + stderr, holds });
}

async function askAdmin(ids: readonly string[]): Promise<void> {
	const explained = { source: "orders", destination: "payments", method: "GET", path: "/v1/payments/7" };
	const cookie = { cookie: secrets.plant("cookie that is explained") };
	expect(await admin("/v1/explain", { ...explained, token: token("token explained"), headers: cookie })).toMatch(
		/^200 /,
	);
	await admin("/v1/explain", { ...explained, token: secrets.plant("bad token explained") });
	await admin("/v1/explain", { ...explained, token: { secret: secrets.plant("token of the wrong kind") } });
	await admin("/v1/explain", `{"token":"${secrets.plant("token in broken JSON")}"`);
	expect(await admin("/v1/status", undefined, secrets.plant("wrong admin token"))).toMatch(/^401 /);
	for (const path of ["/v1/status", "/v1/servers", "/v1/flows", "/metrics", "/readyz"]) {
		expect(await admin(path)).toMatch(/^200 /);
	}
	for (const id of ids) {
		await until("the decision is stored", async () => (await admin(`/v1/decisions/${id}`)).startsWith("200 "));
	}
}

async function runCommands(): Promise<void> {
	const explain = ["explain", "--source", "orders", "--destination", "payments", "--path", "/v1/payments/7"];
	const file = (name: string, text: string) => {
		const path = join(folder, name);
		writeFileSync(path, text);
		return path;
	};
	const good = file("good", token("token of a command"));
	await command([...explain, "--token-file", good], {}, "allowed");
	await command([...explain, "--token-file", good, "--json"], {}, "allowed");
	await command(
		[...explain, "--token-file", file("bad", secrets.plant("bad token of a command"))],
		{},
		"token_invalid",
	);
	const header = `cookie: ${secrets.plant("cookie of a command")}`;
	await command([...explain, "--token-file", good, "--header", header], {}, "allowed");
	const url = (name: string, rest: string) => `postgres://user:${secrets.plant(name)}@${rest}`;
	await command(["servers"], { DATABASE_URL: url("password of a database that is down", "127.0.0.1:1/x") }, /reach/);
	await command(["servers"], { DATABASE_URL: url("password in a broken URL", "host:port/x") }, /DATABASE_URL/);
	const wrong = new URL(stage.world.databaseUrl);
	wrong.password = secrets.plant("wrong password");
	await command(["migrate", "status", "--json"], { DATABASE_URL: wrong.href }, /error/);
	await command(
		["serve", "--check-config"],
		{
			DATABASE_URL: url("password in the configuration", "host:port/x"),
			FIREBREAK_REDIS_URL: `redis://:${secrets.plant("password in a broken Redis URL")}@host:port`,
			FIREBREAK_RATE_STORE: "redis",
			FIREBREAK_ADMIN_TOKEN_FILE: join(folder, "admin-token"),
			FIREBREAK_GRPC_TLS_KEY: file("key.pem", secrets.plant("no PEM of a key")),
			FIREBREAK_GRPC_TLS_CERT: file("cert.pem", "no PEM"),
		},
		/FIREBREAK_/,
	);
	await command(["servers"], {}, /firebreak|server|ago/i);
}

/** Signing keys, tokens and API keys of our own: made, shown once, used, rotated, listed and revoked. */
async function controlPlane(): Promise<void> {
	const kit = new Kit(stage);
	await kit.addIssuer();
	stage.policies.add("platform", "api_keys", API_KEYS);
	await migrateUp(stage.world.databaseUrl, stage.policies.path);
	const keysFolder = stage.keysFolder ?? "";
	const keysOption = ["--keys-dir", keysFolder];
	const takeKeys = () => {
		for (const file of readdirSync(join(keysFolder, "internal"), { recursive: true, encoding: "utf8" })) {
			const [, d] = /"d":\s*"([\w-]+)"/.exec(readFileSync(join(keysFolder, "internal", file), "utf8")) ?? [];
			if (d !== undefined) secrets.add(`private key ${file}`, d);
		}
	};
	await command(["keys", "rotate", "--domain", "internal", "--reason", "first", ...keysOption], {}, "signs with");
	takeKeys();
	const issue = ["token", "issue", "--subject", "orders", "--owner", "orders", "--purpose", "tests", ...keysOption];
	const scope = ["--scope", "payments:read"];
	const own = await maker("own token", [...issue, "--domain", "internal", ...scope]);
	const apiKey = await maker("API key of ours", [
		...issue,
		"--api-key",
		"--issuer",
		KEYS,
		"--lifetime",
		"1d",
		...scope,
	]);
	const rotated = await maker("rotated token", ["token", "rotate", ISSUER, own.id, ...keysOption]);
	await maker("rotated API key", ["token", "rotate", KEYS, apiKey.id, ...keysOption]);
	for (const credential of [own.token, apiKey.token, rotated.token]) {
		const headers = { authorization: `Bearer ${credential}` };
		await until("it passes", async () => (await stage.world.send({ ...PAYMENT, headers })).status === 200);
	}
	await exchange(kit);
	const mistyped = `${apiKey.token.slice(0, -1)}${apiKey.token.endsWith("0") ? "1" : "0"}`;
	const refused = await stage.world.send({ ...PAYMENT, headers: { authorization: `Bearer ${mistyped}` } });
	expect(refused.status).toBe(401);
	await command([...issue, "--domain", "internal", "--scope", "nobody:uses"], {}, "nobody:uses");
	for (const args of [
		["token", "show", ISSUER, rotated.id],
		["token", "list", "--all"],
		["keys", "list"],
		["token", "revoke", "--owner", "orders", "--reason", "test"],
	]) {
		await command(args, {}, /internal|orders/);
		await command([...args, "--json"], {}, /internal|orders|seq/);
	}
	await command(
		["keys", "rotate", "--domain", "internal", "--reason", "next", "--announce", "0s", ...keysOption],
		{},
		"signs with",
	);
	takeKeys();
}

/** Tokens in exchange for others, good and bad. The one that is given is a secret from everybody but who asked. */
async function exchange(kit: Kit): Promise<void> {
	const form = (subjectToken: string) => ({
		grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
		subject_token: subjectToken,
		subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
		audience: "payments",
	});
	const { status, body } = await kit.exchange("orders", form(token("subject token")));
	expect(status).toBe(200);
	secrets.jws("exchanged token", (body as { access_token: string }).access_token);
	for (const subject of [
		token("forged subject token", { forged: true }),
		secrets.plant("subject token that is no JWT"),
		`fbk_${secrets.plant("subject token that is no API key").replaceAll("-", "")}`,
	]) {
		const refused = await kit.exchange("orders", form(subject));
		expect(refused.status).toBe(400);
		answers.push({
			name: "/oauth/token",
			text: JSON.stringify([refused.headers, refused.text]),
			holds: "invalid_request",
		});
	}
	const secret = { ...form(token("token beside a secret")), client_secret: secrets.plant("client secret") };
	const refused = await kit.exchange("orders", secret);
	answers.push({
		name: "/oauth/token",
		text: JSON.stringify([refused.headers, refused.text]),
		holds: "invalid_request",
	});
}

/** Runs a command that makes a secret: it is all that may be on stdout, and nowhere else. */
async function maker(name: string, args: readonly string[]): Promise<Made> {
	const { PATH = "", HOME = "" } = process.env;
	const program = firebreakProgram(args, { PATH, HOME, DATABASE_URL: stage.world.databaseUrl });
	const { end, stdout, stderr } = await runProcess(program);
	expect([end, stderr]).toEqual([0, expect.stringContaining("until")]);
	const made = stdout.trim();
	if (made.startsWith("fbk_")) secrets.add(name, made);
	else secrets.jws(name, made);
	answers.push({ name: `stderr of ${name}`, text: stderr, holds: "until" });
	const [id = ""] = /\b[tk]-[\w-]+/.exec(stderr) ?? [];
	return { token: made, id };
}

const PAYMENT = { from: "orders", to: "payments", path: "/v1/payments/7" } as const;
const KEYS = "https://keys.internal.example.org";
const API_KEYS = `select firebreak.issuer(
	url => '${KEYS}', domain => 'internal', profile => 'api_key', max_lifetime => '90 days'
);`;

/** Every row of every table of ours. */
async function tables(): Promise<Haystack[]> {
	const url = stage.world.databaseUrl;
	const names = await query<{ name: string }>(
		url,
		"select tablename as name from pg_tables where schemaname = 'firebreak'",
	);
	return Promise.all(
		names.map(async ({ name }) => {
			const rows = await query<{ text: string }>(url, `select to_jsonb(t)::text as text from firebreak.${name} t`);
			return { name: `table ${name}`, text: `rows: ${rows.map(({ text }) => text).join("\n")}`, holds: "rows: " };
		}),
	);
}

/** A snapshot file with its frames inflated. */
function unpacked(file: Buffer): string {
	const frames = [...unpackFrames(file.subarray(HEADER_BYTES))];
	return file.subarray(0, HEADER_BYTES).toString("latin1") + JSON.stringify(frames);
}

test("no secret comes out anywhere", async () => {
	const ids = await sendAll();
	await askAdmin(ids);
	await runCommands();
	await controlPlane();
	// What is told of a database that goes and comes back.
	await stage.world.postgres?.halt();
	await until("it is told of", () => /database|Postgres/i.test(readFileSync(stage.firebreak.logFile, "utf8")));
	await stage.world.postgres?.resume();
	await receiver.waitFor(({ service }) => service === "firebreak");
	await until(
		"flows are written",
		async () => (await query(stage.world.databaseUrl, "select 1 from firebreak.flow")).length > 0,
		90_000,
	);
	const stored = await tables();
	await stage.firebreak.process.stop();

	// Envoy's own spans hold the URL that was asked, as it came: they are Envoy's to configure.
	const spans = receiver.spans.filter(({ service }) => service === "firebreak");
	const text = JSON.stringify(spans, (_, value) => (typeof value === "bigint" ? String(value) : value));
	const all: Haystack[] = [
		...answers,
		...stored,
		{ name: "logs", text: readFileSync(stage.firebreak.logFile, "utf8"), holds: '"level":' },
		{ name: "spans", text, holds: "token_invalid" },
		{ name: "snapshot file", text: unpacked(readFileSync(snapshotFile)), holds: "payments" },
	];
	expect(stored.find(({ name }) => name === "table decision")?.text).toMatch(/token_invalid/);
	expect(stored.find(({ name }) => name === "table flow")?.text).toMatch(/payments/);
	expect(all.flatMap((haystack) => secrets.foundIn(haystack))).toEqual([]);
});
