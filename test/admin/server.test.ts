/** The admin side over real HTTP. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type AdminOptions, type AdminServer, startAdminServer } from "../../src/admin/server.ts";
import type { FlowQuery } from "../../src/audit/reader.ts";
import { FirebreakError } from "../../src/core/errors.ts";
import type { Explained, ExplainQuery } from "../../src/core/explanation.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { Database } from "../../src/store/pool.ts";
import { decision, denial } from "../support/decisions.ts";

const NOW = Date.UTC(2026, 0, 31, 12);
const HEAD = { epoch: "e", revision: 17, seq: 4 };
const TOKEN = "0123456789abcdef-A._~+/==";

let folder: string;
const releasers: (() => unknown)[] = [];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "firebreak-admin-"));
	releasers.push(() => rmSync(folder, { recursive: true }));
});
afterEach(async () => {
	for (const release of releasers.splice(0).reverse()) await release();
});

const NO_DATABASE: Database = {
	name: "none",
	withClient: async () => {
		throw new FirebreakError("dependency_unreachable", "there is none");
	},
	connect: async () => {
		throw new FirebreakError("dependency_unreachable", "there is none");
	},
	end: async () => {},
};

async function start(changes: Partial<AdminOptions> = {}) {
	const queries: ExplainQuery[] = [];
	const flowQueries: FlowQuery[] = [];
	const errors: unknown[] = [];
	let ready = true;
	let now = NOW;
	const explained: Explained = { decision: decision(), steps: [{ step: "fresh", result: "pass" }] };
	const server = await startAdminServer({
		address: { kind: "tcp", host: "127.0.0.1", port: 0 },
		tokenFile: null,
		operatorTokenFile: null,
		control: { database: NO_DATABASE, clock: () => now, onChange() {} },
		clock: () => now,
		status: {
			version: "1.2.3",
			uptime: () => 1_000,
			beginning: () => false,
			stopping: () => !ready,
			follow: () => ({
				state: "following",
				source: "db",
				origin: "database",
				listening: true,
				head: HEAD,
				enforced: HEAD,
				refused: null,
				loading: null,
				lastError: null,
				policyAgeMs: 1,
				revocationAgeMs: 1,
			}),
			schemaMissing: () => [],
			snapshotFile: () => null,
			ages: { maxPolicyAge: 1_000, maxRevocationAge: 1_000 },
			jwksAges: () => [],
			records: () => ({ queued: 0, lost: {} }),
			tokenCache: () => ({}),
		},
		metrics: { text: async () => "# metrics\n", contentType: "text/plain; version=0.0.4; charset=utf-8" },
		explain: async (query) => {
			queries.push(query);
			return explained;
		},
		records: {
			decision: async (id) => (id === "d1" ? { id, reason: "no_policy" } : null),
			flows: async (query) => {
				flowQueries.push(query);
				return [{ source: "orders", count: 3 }];
			},
			servers: async () => [{ id: "a" }],
		},
		onError: (error) => errors.push(error),
		...changes,
	});
	releasers.push(() => server.stop());
	return {
		server,
		queries,
		flowQueries,
		errors,
		setReady: (value: boolean) => {
			ready = value;
		},
		advance: (ms: number) => {
			now += ms;
		},
		...clientOf(server),
	};
}

interface Answer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
	readonly text: string;
	readonly json: unknown;
}

interface Sent {
	readonly method?: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string;
}

/** fetch sets Host by itself; this does not. */
function clientOf({ address }: AdminServer) {
	const place = address.kind === "unix" ? { socketPath: address.path } : { host: address.host, port: address.port };
	const send = (path: string, { method = "GET", headers = {}, body }: Sent = {}) =>
		new Promise<Answer>((resolve, reject) => {
			request({ ...place, path, method, headers, agent: false }, async (response) => {
				const whole = await text(response);
				const isJson = /json/.test(response.headers["content-type"] ?? "");
				const json = isJson ? JSON.parse(whole) : undefined;
				resolve({ status: response.statusCode ?? 0, headers: response.headers, text: whole, json });
			})
				.on("error", reject)
				.end(body);
		});
	const post = (path: string, value: unknown, headers: Readonly<Record<string, string>> = {}) =>
		send(path, {
			method: "POST",
			headers: { "content-type": "application/json", ...headers },
			body: typeof value === "string" ? value : JSON.stringify(value),
		});
	return { get: send, post };
}

function tokenFile(content = `${TOKEN}\n`): string {
	const file = join(folder, "token");
	writeFileSync(file, content);
	return file;
}

const bearer = (token = TOKEN) => ({ headers: { authorization: `Bearer ${token}` } });
const QUESTION = { source: "orders", destination: "payments", method: "GET", path: "/v1/payments/42" };

describe("open to everybody", () => {
	test("GET /livez", async () => {
		const { get } = await start({ tokenFile: tokenFile() });
		expect(await get("/livez")).toMatchObject({ status: 200, json: { live: true } });
	});

	test("GET /readyz, 200 or 503 with the reason", async () => {
		const { get, setReady } = await start({ tokenFile: tokenFile() });
		expect(await get("/readyz")).toMatchObject({ status: 200, json: { ready: true, problems: [], warnings: [] } });
		setReady(false);
		expect(await get("/readyz")).toMatchObject({
			status: 503,
			json: { ready: false, problems: ["the server is stopping"] },
		});
	});

	test("GET /metrics, under any Host", async () => {
		const { get } = await start();
		const answer = await get("/metrics", { headers: { host: "firebreak.prod.svc" } });
		expect(answer).toMatchObject({ status: 200, text: "# metrics\n" });
		expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
	});
});

describe("with a token", () => {
	const routes = ["/v1/status", "/v1/servers", "/v1/decisions/d1", "/v1/flows"];

	test("readers' routes need it", async () => {
		const { get, post } = await start({ tokenFile: tokenFile() });
		for (const route of routes) {
			const refused = await get(route);
			expect(refused).toMatchObject({
				status: 401,
				json: { type: "about:blank", title: "An admin token is required", status: 401 },
			});
			expect(refused.headers["www-authenticate"]).toBe('Bearer realm="firebreak"');
			expect(refused.headers["content-type"]).toMatch(/^application\/problem\+json/);
			expect((await get(route, bearer())).status).toBe(200);
		}
		expect((await post("/v1/explain", QUESTION)).status).toBe(401);
		expect((await post("/v1/explain", QUESTION, bearer().headers)).status).toBe(200);
	});

	test.each([
		["another", "Bearer 0123456789abcdef-B._~+/=="],
		["a prefix", "Bearer 0123456789abcdef"],
		["none", "Bearer "],
		["Basic", "Basic dXNlcjpwYXNz"],
		["two", `Bearer ${TOKEN}, Bearer ${TOKEN}`],
		["with a space inside", `Bearer ${TOKEN} x`],
	])("%s is refused", async (_title, authorization) => {
		const { get } = await start({ tokenFile: tokenFile() });
		expect((await get("/v1/status", { headers: { authorization } })).status).toBe(401);
	});

	test("a stranger's body is not even read", async () => {
		const { post, queries } = await start({ tokenFile: tokenFile() });
		expect((await post("/v1/explain", "{broken")).status).toBe(401);
		expect(queries).toEqual([]);
	});

	test("the file is read again when it changes; one that became unusable changes nothing", async () => {
		const file = tokenFile();
		const { get, advance, errors } = await start({ tokenFile: file });
		const fresh = "fresh-token-0123456789";
		writeFileSync(file, fresh);
		advance(LIMITS.adminTokenCheckMs);
		expect((await get("/v1/status", bearer())).status).toBe(401);
		expect((await get("/v1/status", bearer(fresh))).status).toBe(200);
		writeFileSync(file, "short");
		advance(LIMITS.adminTokenCheckMs);
		expect((await get("/v1/status", bearer(fresh))).status).toBe(200);
		rmSync(file);
		advance(LIMITS.adminTokenCheckMs);
		expect((await get("/v1/status", bearer(fresh))).status).toBe(200);
		expect(errors).toHaveLength(2);
		expect(JSON.stringify(errors)).not.toContain(fresh);
	});

	test.each([
		["short", "0123456789"],
		["with spaces", "0123456789 0123456789"],
	])("one that is %s keeps the server from starting", async (_title, content) => {
		await expect(start({ tokenFile: tokenFile(content) })).rejects.toMatchObject({
			code: "config_invalid",
			problems: [{ object: "FIREBREAK_ADMIN_TOKEN_FILE" }],
		});
	});
});

test("one token for readers and operators keeps the server from starting", async () => {
	const other = join(folder, "operator");
	writeFileSync(other, TOKEN);
	await expect(start({ tokenFile: tokenFile(), operatorTokenFile: other })).rejects.toMatchObject({
		code: "config_invalid",
		problems: [{ object: "FIREBREAK_ADMIN_OPERATOR_TOKEN_FILE" }],
	});
});

describe("without a token", () => {
	test.each([
		["127.0.0.1:9002", 200],
		["localhost", 200],
		["LOCALHOST:1", 200],
		["[::1]:9002", 200],
		["evil.example.org", 403],
		["localhost.evil.example.org", 403],
		["127.0.0.1.evil.example.org:9002", 403],
	])("Host %s answers %d, so that no web page gets in by a name of its own", async (host, status) => {
		const { get } = await start();
		expect((await get("/v1/status", { headers: { host } })).status).toBe(status);
	});

	test("over a socket everybody who can connect is let in", async () => {
		const path = join(folder, "admin.sock");
		const { get, server } = await start({ address: { kind: "unix", path } });
		expect(server.address).toEqual({ kind: "unix", path });
		expect((await get("/v1/status", { headers: { host: "anything" } })).status).toBe(200);
	});
});

describe("POST /v1/explain", () => {
	test("hands over the question and gives the public form of the answer", async () => {
		const { post, queries } = await start();
		const body = { ...QUESTION, headers: { "X-Tenant": "a" }, token: "t.t.t", at: "2026-01-31T12:00:00+01:00" };
		const { status, json, text: answer } = await post("/v1/explain", body);
		expect(status).toBe(200);
		expect(json).toMatchObject({
			decision: "allow",
			reason: "allowed",
			detail: null,
			policy: "orders-reads-payments",
			revision: 17,
			steps: [{ step: "fresh", result: "pass" }],
		});
		expect(answer).not.toContain("s3cret");
		expect(queries).toEqual([
			{ ...QUESTION, headers: { "x-tenant": "a" }, token: "t.t.t", at: Date.UTC(2026, 0, 31, 11) },
		]);
	});

	test("a denial is an answer like any other", async () => {
		const explain = async () => ({ decision: denial("scope_missing"), steps: [] });
		const { post } = await start({ explain });
		expect(await post("/v1/explain", QUESTION)).toMatchObject({ status: 200, json: { decision: "deny" } });
	});

	test("defaults", async () => {
		const { post, queries } = await start();
		await post("/v1/explain", { source: "a", destination: "b", path: "/" });
		expect(queries).toEqual([
			{ source: "a", destination: "b", method: "GET", path: "/", headers: {}, token: null, at: null },
		]);
	});

	test.each<[string, unknown, number, string]>([
		["no JSON", "planted-s3cret", 400, "The request is malformed"],
		["no object", [], 400, "The request is wrong"],
		["nothing", "", 400, "The request is malformed"],
		["no source", { ...QUESTION, source: undefined }, 400, "The request is wrong"],
		["an unknown field", { ...QUESTION, planted: "s3cret" }, 400, "The request is wrong"],
		["a wrong type", { ...QUESTION, path: { planted: "s3cret" } }, 400, "The request is wrong"],
		["a time without zone", { ...QUESTION, at: "2026-01-31T12:00:00" }, 400, "The request is wrong"],
		["an endless token", { ...QUESTION, token: "s3cret".repeat(2_000) }, 400, "The request is wrong"],
		["an endless body", "x".repeat(LIMITS.adminBodyBytes + 1), 413, "The body is too large"],
		["a poisoned prototype", '{"__proto__": {"path": "/"}}', 400, "The request is malformed"],
	])("refuses %s", async (_title, body, status, title) => {
		const { post, queries, errors } = await start();
		const answer = await post("/v1/explain", body);
		expect(answer).toMatchObject({ status, json: { type: "about:blank", status, title } });
		expect(answer.text).not.toContain("s3cret");
		expect([queries, errors]).toEqual([[], []]);
	});

	test("names the fields that are wrong", async () => {
		const { post } = await start();
		const { json } = await post("/v1/explain", { source: "", destination: "b", path: "/", at: 3, extra: 1 });
		expect((json as { errors: { field: string }[] }).errors.map(({ field }) => field)).toEqual([
			"source",
			"at",
			"extra",
		]);
	});

	test("refuses another content type", async () => {
		const { post } = await start();
		const answer = await post("/v1/explain", QUESTION, { "content-type": "text/html" });
		expect(answer).toMatchObject({ status: 415, json: { title: "The body is no application/json" } });
	});

	test.each<[string, Error, number, string, number]>([
		["an unknown name", new FirebreakError("not_found", "no segment is named x"), 404, "no segment is named x", 0],
		["a wrong question", new FirebreakError("usage", "the path is ambiguous"), 400, "the path is ambiguous", 0],
		[
			"an outage",
			new FirebreakError("dependency_unreachable", "planted-s3cret"),
			503,
			"The database cannot be reached",
			1,
		],
		["a bug", new TypeError("planted-s3cret"), 500, "Internal error", 1],
		["a bug with a status", Object.assign(new Error("planted-s3cret"), { statusCode: 599 }), 500, "Internal error", 1],
	])("tells the client of %s, and no more", async (_title, error, status, title, told) => {
		const { post, errors } = await start({ explain: () => Promise.reject(error) });
		const answer = await post("/v1/explain", QUESTION);
		expect(answer).toMatchObject({ status, json: { title, status } });
		expect(answer.text).not.toContain("planted");
		expect(errors).toHaveLength(told);
	});
});

describe("records", () => {
	test("GET /v1/decisions/{id}", async () => {
		const { get } = await start();
		expect(await get("/v1/decisions/d1")).toMatchObject({ status: 200, json: { id: "d1", reason: "no_policy" } });
		for (const id of ["absent", "%00", "a%20b", ""]) {
			expect(await get(`/v1/decisions/${id}`)).toMatchObject({ status: 404, json: { status: 404 } });
		}
		expect(await get(`/v1/decisions/${"x".repeat(1_025)}`)).toMatchObject({ status: 414, json: { status: 414 } });
		expect(await get("/v1/decisions/%zz")).toMatchObject({ status: 400, json: { title: "The request is malformed" } });
	});

	test("GET /v1/flows, of the last hour unless told otherwise", async () => {
		const { get, flowQueries } = await start();
		expect(await get("/v1/flows")).toMatchObject({ status: 200, json: { flows: [{ source: "orders", count: 3 }] } });
		await get("/v1/flows?source=orders&destination=payments&since=6h&limit=5");
		await get("/v1/flows?since=2026-01-30T00:00:00Z&until=2026-01-31T00:00:00Z");
		const hour = 3_600_000;
		expect(flowQueries).toEqual([
			{ source: null, destination: null, since: NOW - hour, until: NOW + hour, limit: 100 },
			{ source: "orders", destination: "payments", since: NOW - 6 * hour, until: NOW + hour, limit: 5 },
			{ source: null, destination: null, since: NOW - 36 * hour, until: NOW - 12 * hour, limit: 100 },
		]);
	});

	test.each([
		"since=yesterday",
		"limit=0",
		"limit=1001",
		"limit=x",
		"until=1",
		"other=1",
		"since=1h&until=2020-01-01T00:00:00Z",
	])("GET /v1/flows?%s is refused", async (query) => {
		const { get, flowQueries } = await start();
		expect(await get(`/v1/flows?${query}`)).toMatchObject({ status: 400 });
		expect(flowQueries).toEqual([]);
	});

	test("GET /v1/servers and /v1/status", async () => {
		const { get } = await start();
		expect(await get("/v1/servers")).toMatchObject({ status: 200, json: { servers: [{ id: "a" }] } });
		expect(await get("/v1/status")).toMatchObject({
			status: 200,
			json: { version: "1.2.3", policy: { revision: 17 } },
		});
	});
});

describe("the server", () => {
	test("answers what is not there, and other methods, with a problem", async () => {
		const { get } = await start();
		for (const [path, method] of [
			["/", "GET"],
			["/v1/status", "DELETE"],
			["/v1/explain", "GET"],
		] as const) {
			expect(await get(path, { method })).toMatchObject({ status: 404, json: { title: "There is nothing here" } });
		}
	});

	test("forbids caching and sniffing", async () => {
		const { get } = await start();
		expect((await get("/v1/status")).headers).toMatchObject({
			"cache-control": "no-store",
			"x-content-type-options": "nosniff",
		});
	});

	test("does not start where another listens", async () => {
		const { server } = await start();
		await expect(start({ address: server.address })).rejects.toMatchObject({
			code: "config_invalid",
			problems: [{ object: "FIREBREAK_ADMIN_ADDR", message: "it cannot be listened on (EADDRINUSE)" }],
		});
		const path = join(folder, "admin.sock");
		await start({ address: { kind: "unix", path } });
		await expect(start({ address: { kind: "unix", path } })).rejects.toMatchObject({ code: "config_invalid" });
	});

	test("ends idle connections when it stops", async () => {
		const { server } = await start();
		if (server.address.kind !== "tcp") throw new Error("no port");
		const response = await fetch(`http://127.0.0.1:${server.address.port}/livez`);
		await response.text();
		await server.stop();
		await expect(fetch(`http://127.0.0.1:${server.address.port}/livez`)).rejects.toThrow();
	});
});
