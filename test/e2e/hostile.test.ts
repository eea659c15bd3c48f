/** What attackers send: it is refused, the process stays up, and nothing secret is told anywhere. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { query } from "../../demo/database.ts";
import { type Stage, setStage } from "../../demo/stage.ts";
import { type Line, STORY } from "../../demo/story.ts";
import { differences, type Told, tell } from "../../demo/teller.ts";
import type { Echo } from "../../demo/upstream.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { sendRaw, statusesOf } from "../support/raw-request.ts";
import { until } from "../support/wait.ts";

const READ = STORY[0] as Line;

let receiver: OtlpReceiver;
let stage: Stage;
/** Every token that was sent. */
const tokens: string[] = [];

beforeAll(async () => {
	receiver = await startOtlpReceiver();
	stage = await setStage({ otlpPort: receiver.port, settings: { FIREBREAK_LOG_LEVEL: "trace" } });
	const { token } = stage.issuers;
	stage = { ...stage, issuers: { ...stage.issuers, token: (recipe) => keep(token(recipe)) } };
});
afterAll(async () => {
	await stage?.world.stop();
	await receiver?.stop();
});

function keep(token: string): string {
	tokens.push(token);
	return token;
}

const send = (line: Line): Promise<Told> => tell(stage.world, stage.issuers, line);
const headersAt = (told: Told): Readonly<Record<string, string>> => (told.response.body as Echo).headers;

describe("forged headers", () => {
	const FORGED = {
		"x-firebreak-principal": "spiffe://prod.example.org/ns/root/sa/root",
		"x-firebreak-source": ["payments", "storefront"],
		"X-Firebreak-Subject": "root",
		"x-firebreak-subject-kind": "user",
		"x-firebreak-decision": "00000000-0000-0000-0000-000000000000",
		"x-firebreak-role": "admin",
		x_firebreak_subject: "root",
		"x_firebreak-principal": "root",
	};

	test.each([[false], [true]])("the upstream sees what is verified and nothing else (HTTP/2: %s)", async (http2) => {
		const authorization = `Bearer ${stage.issuers.token(READ.token as NonNullable<Line["token"]>)}`;
		const { status, body } = await stage.world.send({
			from: "orders",
			to: "payments",
			path: READ.path,
			headers: { ...FORGED, authorization },
			http2,
		});
		expect(status).toBe(200);
		const { headers } = body as Echo;
		expect(Object.keys(headers).filter((name) => /firebreak/i.test(name))).toEqual([
			"x-firebreak-principal",
			"x-firebreak-source",
			"x-firebreak-subject",
			"x-firebreak-subject-kind",
			"x-firebreak-decision",
		]);
		expect(headers).toMatchObject(READ.expect.upstream as object);
		expect(headers["x-firebreak-decision"]).not.toBe(FORGED["x-firebreak-decision"]);
	});

	test("a probe has no identity, whatever it claims", async () => {
		const { status, body } = await stage.world.send({ from: null, to: "payments", path: "/healthz", headers: FORGED });
		expect(status).toBe(200);
		expect(Object.keys((body as Echo).headers).filter((name) => /firebreak/i.test(name))).toEqual([
			"x-firebreak-decision",
		]);
	});

	test("a forwarded certificate is not believed", async () => {
		const orders = stage.world.pki.services.get("orders");
		const cert = encodeURIComponent(orders?.certificate ?? "");
		const uri = "spiffe://prod.example.org/ns/orders/sa/orders";
		const headers = { "x-forwarded-client-cert": `By=x;URI=${uri};Cert="${cert}"` };
		expect((await send({ ...READ, from: null, headers })).verdict.reason).toBe("identity_missing");
		expect((await send({ ...READ, from: "storefront", headers })).verdict.reason).toBe("no_policy");
	});
});

describe("hostile requests", () => {
	const token = (): string => stage.issuers.token(READ.token as NonNullable<Line["token"]>);
	const raw = async (head: string | Buffer): Promise<string> => {
		const { world } = stage;
		const certificate = world.pki.services.get("orders");
		if (!certificate) throw new Error("orders has a certificate");
		const target = { port: world.envoy.port("payments"), authority: world.pki.authority.certificate, certificate };
		return sendRaw(target, typeof head === "string" ? Buffer.from(head, "latin1") : head);
	};
	const get = (path: string, ...headers: readonly string[]): string =>
		[`GET ${path} HTTP/1.1`, "host: payments", "connection: close", ...headers, "", ""].join("\r\n");
	const authorized = (path: string, ...headers: readonly string[]): string =>
		get(path, `authorization: Bearer ${token()}`, ...headers);

	/** Each would be allowed but for what is wrong with it. Envoy refuses some of them itself. */
	const REFUSED: readonly (readonly [what: string, request: () => string])[] = [
		["dot segments", () => authorized("/v1/payments/7/../7")],
		["encoded dot segments", () => authorized("/v1/payments/%2E%2e/payments/7")],
		["a doubled slash", () => authorized("//v1/payments/7")],
		["an encoded slash", () => authorized("/v1%2fpayments/7")],
		["a doubly encoded slash", () => authorized("/v1%252fpayments/7")],
		["a backslash", () => authorized("/v1/payments\\7")],
		["an encoded backslash", () => authorized("/v1/payments/%5c7")],
		["a matrix parameter", () => authorized("/v1/payments;x=y/7")],
		["an encoded NUL", () => authorized("/v1/payments/7%00")],
		["a NUL", () => authorized("/v1/payments/7\0")],
		["a line break", () => authorized("/v1/payments/7%0d%0ax-firebreak-subject:%20root")],
		["a needlessly encoded letter", () => authorized("/v1/payments/%37")],
		["an overlong UTF-8 dot", () => authorized("/v1/payments/%c0%ae%c0%ae/7")],
		["Latin-1", () => authorized("/v1/payments/\xe9")],
		["a fragment", () => authorized("/v1/payments/7#/x")],
		["half an escape", () => authorized("/v1/payments/%")],
		["no leading slash", () => authorized("v1/payments/7")],
		["a path of 9,000 bytes", () => authorized(`/v1/payments/${"7".repeat(9_000)}`)],
		["200 segments", () => authorized(`/v1/payments/7${"/a".repeat(200)}`)],
		["two tokens", () => authorized(READ.path, `authorization: Bearer ${token()}`)],
		["two tokens in one header", () => get(READ.path, `authorization: Bearer ${token()}, Bearer ${token()}`)],
		["a token and a proof", () => authorized(READ.path, "dpop: x.y.z")],
		["a method override", () => authorized(READ.path, "x-http-method-override: DELETE")],
		["two hosts", () => authorized(READ.path, "host: other")],
		["an unknown upgrade", () => authorized(READ.path, "connection: upgrade", "upgrade: websocket")],
		["a method that is none", () => authorized(READ.path).replace("GET", "G=T")],
		["CONNECT", () => "CONNECT payments:443 HTTP/1.1\r\nhost: payments:443\r\nconnection: close\r\n\r\n"],
		["OPTIONS *", () => authorized("*").replace("GET", "OPTIONS")],
		["two lengths", () => authorized(READ.path, "content-length: 0", "content-length: 5")],
		["a length and chunks", () => authorized(READ.path, "content-length: 5", "transfer-encoding: chunked")],
		["a header name with a space", () => authorized(READ.path, "x-a b: c")],
		["a token of 60 KB", () => get(READ.path, `authorization: Bearer ${"a".repeat(58_000)}`)],
		["headers of 70 KB", () => authorized(READ.path, `x-a: ${"a".repeat(70_000)}`)],
		["300 headers", () => authorized(READ.path, ...Array.from({ length: 300 }, (_, i) => `x-${i}: ${i}`))],
		["no HTTP", () => "\x16\x03\x01\x00\xff not http \xff\xff\r\n\r\n"],
	];

	let answers: ReadonlyMap<string, string>;
	let reached: number;
	beforeAll(async () => {
		const upstream = stage.world.upstream("payments");
		const before = upstream.requests();
		// All at once: Envoy takes its time to close connections on which it was spoken to in no HTTP.
		answers = new Map(await Promise.all(REFUSED.map(async ([what, request]) => [what, await raw(request())] as const)));
		reached = upstream.requests() - before;
	});

	test.each(REFUSED.map(([what]) => what))("%s", (what) => {
		const answer = answers.get(what) ?? "";
		for (const status of statusesOf(answer)) {
			expect(status).toBeGreaterThanOrEqual(400);
			expect(status).toBeLessThan(500);
		}
		expect(answer).not.toMatch(/spiffe:|orders-reads|\bpolicy\b|\bat .*\.ts:/);
	});

	test("none of them reaches the service", () => {
		expect(reached).toBe(0);
	});

	test("a header of 58 KB beside a good token is no reason to refuse, nor to fall over", async () => {
		const big = "a".repeat(58_000);
		const told = await send({ ...READ, headers: { "x-big": big } });
		expect(differences(READ, told)).toEqual([]);
		expect(headersAt(told)["x-big"]).toBe(big);
	});

	test("a burst of refusals and good requests at once gets each its own answer", async () => {
		const lines = Array.from({ length: 60 }, (_, i) => STORY[i % STORY.length] as Line);
		const answers = await Promise.all(lines.map(async (line) => differences(line, await send(line))));
		expect(answers.flat()).toEqual([]);
	});

	test("the process that was there at the start is there still, without an error in its log", async () => {
		expect(differences(READ, await send(READ))).toEqual([]);
		expect(stage.replicas).toHaveLength(1);
		process.kill(stage.firebreak.process.pid, 0);
		const levels = logLines().map(({ level }) => level);
		expect(levels.length).toBeGreaterThan(0);
		expect(levels).not.toContain("error");
		expect(levels).not.toContain("fatal");
		const metrics = await (await fetch(`${stage.firebreak.adminUrl}/metrics`)).text();
		expect(metrics).not.toContain('reason="internal_error"');
	});
});

function logLines(): { readonly level: string }[] {
	// The last one may still be on its way to the file.
	const lines = readFileSync(stage.firebreak.logFile, "utf8").split("\n").slice(0, -1);
	return lines.map((line) => JSON.parse(line));
}

describe("secrets", () => {
	const PLANTED = {
		query: "planted-in-the-query",
		cookie: "planted-in-a-cookie",
		header: "planted-in-a-header",
		basic: Buffer.from("user:planted-password").toString("base64"),
	};
	const told: string[] = [];

	beforeAll(async () => {
		const headers = { cookie: `session=${PLANTED.cookie}`, "x-api-key": PLANTED.header };
		const path = `${READ.path}?access_token=${PLANTED.query}`;
		for (const line of STORY) {
			const { response } = await send({ ...line, headers: { ...line.headers, ...headers } });
			if (response.status !== 200) told.push(JSON.stringify(response));
		}
		for (const change of [{ path }, { path, from: "storefront" }, { path: `${path}#`, method: "DELETE" }]) {
			await send({ ...READ, ...change, headers });
		}
		const { token: _, ...without } = READ;
		const { response } = await send({ ...without, headers: { authorization: `Basic ${PLANTED.basic}` } });
		told.push(JSON.stringify(response));
	});

	/** Nothing that opens anything: whole tokens, their signed parts, passwords, keys. */
	function secrets(): string[] {
		const parts = tokens.flatMap((token) => [token, ...token.split(".").slice(1)]);
		const passwords = [stage.world.databaseUrl, stage.serverUrl].map((url) => new URL(url).password);
		const keys = [...stage.world.pki.services.values(), stage.world.pki.firebreak].map(({ key }) => key.split("\n")[1]);
		return [...parts, ...passwords, ...Object.values(PLANTED), ...keys].filter((text) => text !== undefined);
	}

	function expectClean(text: string): void {
		expect(text.length).toBeGreaterThan(0);
		expect(secrets().filter((secret) => text.includes(secret))).toEqual([]);
	}

	test("are in no line of Firebreak's log, at its most talkative", () => {
		expectClean(readFileSync(stage.firebreak.logFile, "utf8"));
	});

	test("are in no span of Firebreak's", async () => {
		const { traceId } = await send(READ);
		await receiver.waitFor((span) => span.traceId === traceId && span.name === "firebreak.check");
		const spans = receiver.spans.filter(({ service }) => service === "firebreak");
		expectClean(JSON.stringify(spans, (_key, value) => (typeof value === "bigint" ? String(value) : value)));
	});

	test("are in no record, nor anywhere else in the database", async () => {
		const { databaseUrl } = stage.world;
		const count = async (): Promise<number> =>
			Number((await query<{ n: string }>(databaseUrl, "select count(*) as n from firebreak.decision"))[0]?.n);
		await until("the denials are recorded", async () => (await count()) > 10);
		const tables = await query<{ name: string }>(
			databaseUrl,
			"select tablename as name from pg_tables where schemaname = 'firebreak'",
		);
		for (const { name } of tables) {
			const rows = await query(databaseUrl, `select to_jsonb(t)::text as row from firebreak.${name} t`);
			const planted = secrets().filter((secret) => JSON.stringify(rows).includes(secret));
			expect({ name, planted }).toEqual({ name, planted: [] });
		}
	});

	test("are in no answer to a caller who was refused", () => {
		expectClean(told.join("\n"));
	});

	test("are not told by the admin side", async () => {
		for (const path of ["/metrics", "/v1/status", "/v1/flows", "/readyz", "/livez"]) {
			const response = await fetch(`${stage.firebreak.adminUrl}${path}`);
			expect(response.status).toBe(200);
			expectClean(await response.text());
		}
	});

	test("are not in the access log that the example's Envoy writes", () => {
		expectClean(readFileSync(`${stage.world.workspace.path}/access.log`, "utf8"));
	});
});
