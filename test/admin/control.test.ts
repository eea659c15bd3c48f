/** What operators see and change over HTTP, against a real database. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Change } from "../../src/admin/control.ts";
import { type AdminServer, startAdminServer } from "../../src/admin/server.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { type Database, openDatabase } from "../../src/store/pool.ts";
import { COMPANY } from "../store/support/workbench.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

const READER = "reader-0123456789abcdef";
const OPERATOR = "operator-0123456789abcdef";
const ISSUER = "https://id.example.org";
const WORKLOAD = "spiffe://prod.example.org/orders";

let folder: string;
let test1: TestDatabase;
let database: Database;
let server: AdminServer;
let query: (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;
const changes: Change[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "firebreak-control-"));
	test1 = await createTestDatabase();
	const client = await test1.connect();
	await client.query(COMPANY);
	query = async (text, values = []) => (await client.query(text, values)).rows;
	database = openDatabase(test1.url, { applicationName: "firebreak test" });
	server = await start({});
});
beforeEach(() => {
	changes.length = 0;
	errors.length = 0;
});
afterAll(async () => {
	await server?.stop();
	await database?.end();
	await test1?.drop();
	rmSync(folder, { recursive: true, force: true });
});

function tokenFile(name: string, token: string): string {
	const file = join(folder, name);
	writeFileSync(file, token);
	return file;
}

async function start(over: { operatorTokenFile?: null; tokenFile?: null; database?: Database }): Promise<AdminServer> {
	const never = () => {
		throw new Error("not asked for here");
	};
	return startAdminServer({
		address: { kind: "tcp", host: "127.0.0.1", port: 0 },
		tokenFile: over.tokenFile === null ? null : tokenFile("reader", READER),
		operatorTokenFile: over.operatorTokenFile === null ? null : tokenFile("operator", OPERATOR),
		clock: Date.now,
		status: {} as never,
		metrics: { text: never, contentType: "" },
		explain: never,
		records: { decision: never, flows: never, servers: async () => [] },
		control: { database: over.database ?? database, clock: Date.now, onChange: (change) => changes.push(change) },
		onError: (error) => errors.push(error),
	});
}

interface Asking {
	readonly method?: string;
	readonly token?: string | null;
	readonly body?: unknown;
	readonly at?: AdminServer;
}

async function ask(path: string, { method = "GET", token = OPERATOR, body, at = server }: Asking = {}) {
	const { port } = at.address as { port: number };
	const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
		method,
		headers: {
			...(token === null ? {} : { authorization: `Bearer ${token}` }),
			...(body === undefined ? {} : { "content-type": "application/json" }),
		},
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	});
	// biome-ignore lint/suspicious/noExplicitAny: whatever a server answers
	return { status: answer.status, json: (await answer.json()) as any };
}

const post = (path: string, body: unknown, more: Asking = {}) => ask(path, { method: "POST", body, ...more });
const revocation = { issuer: ISSUER, token_id: "t-1", reason: "INC-1" };
const quarantine = { kind: "workload", name: WORKLOAD, reason: "INC-2" };
const lift = `/v1/quarantines?${new URLSearchParams(quarantine)}`;

describe("who may", () => {
	const reads = ["/v1/tokens", "/v1/revocations", "/v1/quarantines"];
	const writes: readonly (readonly [string, string, unknown])[] = [
		["POST", "/v1/revocations", revocation],
		["POST", "/v1/quarantines", quarantine],
		["DELETE", lift, undefined],
	];

	test("readers look, operators do too, strangers do not", async () => {
		for (const path of reads) {
			expect((await ask(path, { token: READER })).status).toBe(200);
			expect((await ask(path)).status).toBe(200);
			expect((await ask(path, { token: null })).status).toBe(401);
			expect((await ask(path, { token: `${READER}x` })).status).toBe(401);
		}
	});

	test("operators alone change", async () => {
		for (const [method, path, body] of writes) {
			expect(await ask(path, { method, body, token: READER })).toMatchObject({
				status: 403,
				json: { title: "This token may only read" },
			});
			expect((await ask(path, { method, body, token: null })).status).toBe(401);
			expect((await ask(path, { method, body, token: "wrong-0123456789abcdef" })).status).toBe(401);
		}
		expect(await query("select from firebreak.revocation")).toEqual([]);
		expect(changes).toEqual([]);
	});

	test("nobody changes anything where no token is set, on loopback neither", async () => {
		const closed = await start({ operatorTokenFile: null, tokenFile: null });
		try {
			expect((await ask("/v1/tokens", { at: closed, token: null })).status).toBe(200);
			for (const [method, path, body] of writes) {
				for (const token of [null, READER, OPERATOR]) {
					const { status, json } = await ask(path, { method, body, token, at: closed });
					expect({ status, title: json.title }).toEqual({
						status: 403,
						title: "Nothing can be changed here: no admin token is set",
					});
				}
			}
		} finally {
			await closed.stop();
		}
		expect(await query("select from firebreak.revocation")).toEqual([]);
	});

	test("the one token there is reads and changes", async () => {
		const single = await start({ operatorTokenFile: null });
		try {
			for (const path of reads) expect((await ask(path, { token: READER, at: single })).status).toBe(200);
			for (const [method, path] of writes.slice(0, 2)) {
				// Without a reason, so that nothing changes: whoever gets to hear of that was let in.
				const body = {};
				for (const token of [null, OPERATOR]) {
					expect((await ask(path, { method, body, token, at: single })).status).toBe(401);
				}
				expect((await ask(path, { method, body, token: READER, at: single })).status).toBe(400);
			}
		} finally {
			await single.stop();
		}
	});

	test("the server's login needs the right to, and is told so", async () => {
		await query("create role control_test_server login password 'x' in role firebreak_server");
		const url = new URL(test1.url);
		url.username = "control_test_server";
		url.password = "x";
		const weak = openDatabase(url.href, { applicationName: "firebreak test" });
		const at = await start({ database: weak });
		try {
			for (const [method, path, body] of writes.slice(0, 2)) {
				const { status, json } = await ask(path, { method, body, at });
				expect({ status, title: json.title }).toEqual({
					status: 403,
					title: expect.stringContaining("grant firebreak_operator to its login"),
				});
			}
			expect((await ask("/v1/tokens", { at })).status).toBe(200);
			await query("grant firebreak_operator to control_test_server");
			expect((await post("/v1/revocations", { ...revocation, token_id: "t-granted" }, { at })).status).toBe(201);
			expect(await query("select \"by\" from firebreak.revocation where payload ->> 'token_id' = 't-granted'")).toEqual(
				[{ by: "control_test_server" }],
			);
		} finally {
			await at.stop();
			await weak.end();
			await query("drop role control_test_server");
		}
	});

	test("an outage is 503", async () => {
		const gone = openDatabase("postgres://127.0.0.1:1/none", { applicationName: "firebreak test" });
		const at = await start({ database: gone });
		try {
			expect((await post("/v1/revocations", revocation, { at })).status).toBe(503);
			expect((await ask("/v1/tokens", { at })).status).toBe(503);
			expect(errors).toHaveLength(2);
		} finally {
			await at.stop();
			await gone.end();
		}
	});
});

describe("/v1/revocations", () => {
	test("POST revokes, with a receipt; GET lists", async () => {
		const { status, json } = await post("/v1/revocations", revocation);
		expect(status).toBe(201);
		expect(json).toEqual({
			tokens: [{ issuer: ISSUER, token_id: "t-1" }],
			issuers: [],
			issued_before: [],
			reason: "INC-1",
			epoch: expect.any(String),
			seq: expect.any(Number),
			at: expect.any(String),
			by: expect.any(String),
			until: expect.any(String),
			warnings: [expect.stringContaining("no issuer")],
		});
		expect(changes).toEqual([{ kind: "revoke", seq: json.seq, address: "127.0.0.1" }]);
		const again = await post("/v1/revocations", revocation);
		expect(again.json.seq).toBe(json.seq);
		const { revocations } = (await ask("/v1/revocations?limit=1")).json;
		expect(revocations).toMatchObject([
			{ seq: json.seq, kind: "revoke_token", issuer: ISSUER, tokenId: "t-1", reason: "INC-1" },
		]);
	});

	test("by owner, subject and issuer", async () => {
		await query(
			`select firebreak.register_token('${ISSUER}', 'o-1', 'platform', 'x', now() + interval '1 hour', destinations => '{payments}')`,
		);
		const bySegment = await post("/v1/revocations", { segment: "orders", reason: "x" });
		expect(bySegment).toMatchObject({ status: 200, json: { tokens: [], seq: null } });
		const byOwner = await post("/v1/revocations", { owner: "platform", reason: "x" });
		expect(byOwner.json.tokens).toEqual([{ issuer: ISSUER, token_id: "o-1" }]);
		const asked = Date.now();
		const bySubject = await post("/v1/revocations", { subject: "alice", issuer: ISSUER, reason: "x" });
		expect(bySubject).toMatchObject({ status: 201, json: { issuers: [ISSUER] } });
		// Another issuer's clock may be ahead, as far as servers let it.
		const [before] = bySubject.json.issued_before;
		expect(before).toMatchObject({ issuer: ISSUER, subject: "alice" });
		expect(Date.parse(before.issued_before)).toBeGreaterThan(asked + LIMITS.clockSkewSeconds * 1_000);
		for (const order of [{ owner: "plattform" }, { segment: "ordres" }]) {
			const nowhere = await post("/v1/revocations", { ...order, reason: "x" });
			expect(nowhere).toMatchObject({ status: 404 });
		}
		expect((await post("/v1/revocations", { issuer: ISSUER, all: true, reason: "x" })).status).toBe(201);
		const { revocations } = (await ask("/v1/revocations")).json;
		expect(revocations.slice(0, 2)).toMatchObject([
			{ kind: "revoke_before", subject: null },
			{ kind: "revoke_before", subject: "alice" },
		]);
	});

	test.each([
		["no reason", { ...revocation, reason: undefined }],
		["an empty reason", { ...revocation, reason: "" }],
		["nothing to revoke", { reason: "x" }],
		["a whole issuer without saying so", { issuer: ISSUER, reason: "x" }],
		["two ways", { ...revocation, owner: "platform" }],
		["an unknown field", { ...revocation, tokenid: "x" }],
		["all that is not true", { issuer: ISSUER, all: false, reason: "x" }],
		["an issuer that is none", { ...revocation, issuer: "id" }],
	])("refuses %s", async (_name, body) => {
		const before = await query("select from firebreak.revocation");
		expect((await post("/v1/revocations", body)).status).toBe(400);
		expect(await query("select from firebreak.revocation")).toHaveLength(before.length);
		expect(errors).toEqual([]);
	});
});

describe("/v1/quarantines", () => {
	test("POST puts in, GET lists, DELETE lifts", async () => {
		const put = await post("/v1/quarantines", { ...quarantine, until: "2h" });
		expect(put).toMatchObject({
			status: 201,
			json: { ...quarantine, seq: expect.any(Number), until: expect.any(String) },
		});
		expect((await ask("/v1/quarantines")).json.quarantines).toMatchObject([quarantine]);
		const lifted = await ask(lift, { method: "DELETE" });
		expect(lifted).toMatchObject({ status: 200, json: { seq: put.json.seq + 1, reason: "INC-2" } });
		expect((await ask("/v1/quarantines")).json.quarantines).toEqual([]);
		expect((await ask(lift, { method: "DELETE" })).status).toBe(404);
		expect(changes.map(({ kind }) => kind)).toEqual(["quarantine", "lift"]);
	});

	test.each([
		["no reason", { ...quarantine, reason: undefined }],
		["another kind", { ...quarantine, kind: "planet" }],
		["a workload that is none", { ...quarantine, name: "orders" }],
		["an end that is none", { ...quarantine, until: "soon" }],
	])("refuses %s", async (_name, body) => {
		expect((await post("/v1/quarantines", body)).status).toBe(400);
	});

	test.each(["2025-12-01T00:00:00Z", "0s"])("an end that is past (%s) does not end what is in force", async (until) => {
		await post("/v1/quarantines", quarantine);
		const before = (await ask("/v1/quarantines")).json;
		const refused = await post("/v1/quarantines", { ...quarantine, until });
		expect(refused).toMatchObject({ status: 400, json: { errors: [{ field: "until" }] } });
		expect(JSON.stringify(refused.json)).toContain("is past; DELETE /v1/quarantines ends a quarantine");
		expect((await ask("/v1/quarantines")).json).toEqual(before);
		await ask(lift, { method: "DELETE" });
	});

	test("refuses to lift without a reason", async () => {
		const path = `/v1/quarantines?${new URLSearchParams({ kind: "workload", name: WORKLOAD })}`;
		expect((await ask(path, { method: "DELETE" })).status).toBe(400);
	});
});

describe("/v1/tokens", () => {
	test("lists and shows what is known", async () => {
		const issuer = "https://other.example.org";
		await query(`select firebreak.register_token('${issuer}', 'a/b c', 'platform', 'reports', now() + interval '1 hour',
			subject => 'bob', networks => '{10.0.0.0/8}', scopes => '{r}', sources => '{orders}')`);
		const listed = await ask("/v1/tokens?subject=bob");
		expect(listed.json.tokens).toMatchObject([
			{ token_id: "a/b c", owner: "platform", purpose: "reports", networks: ["10.0.0.0/8"], uses: 0 },
		]);
		expect((await ask("/v1/tokens?segment=orders&expires_within=2h&owner=platform&limit=5")).json.tokens).toHaveLength(
			1,
		);
		expect((await ask("/v1/tokens?expires_within=1m")).json.tokens).toEqual([]);
		const one = `/v1/tokens/${encodeURIComponent("a/b c")}?${new URLSearchParams({ issuer })}`;
		expect((await ask(one, { token: READER })).json).toMatchObject({
			token_id: "a/b c",
			subject: "bob",
			revoked_from: null,
		});
		expect((await ask(`/v1/tokens/none?issuer=${encodeURIComponent(ISSUER)}`)).status).toBe(404);
	});

	test.each([
		"/v1/tokens/x",
		"/v1/tokens?limit=0",
		"/v1/tokens?limit=99999",
		"/v1/tokens?expires_within=soon",
		"/v1/tokens?own=x",
	])("GET %s is wrong", async (path) => {
		expect((await ask(path)).status).toBe(400);
	});
});
