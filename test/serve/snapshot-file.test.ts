/** The whole server with a snapshot file, on a Postgres that goes away and comes back. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Client } from "pg";
import { query } from "../../demo/database.ts";
import { onFreePorts } from "../../demo/ports.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../demo/postgres.ts";
import type { Running } from "../../src/cli/serve.ts";
import { readConfig } from "../../src/config.ts";
import { serve } from "../../src/serve.ts";
import { connect, type TestClient } from "../extauthz/client.ts";
import { read } from "../store/support/checkpoints.ts";
import { allow, COMPANY } from "../store/support/workbench.ts";
import { checkRequest } from "../support/check-requests.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { applySchema } from "../support/postgres-broker.ts";
import { readMetrics } from "../support/prometheus.ts";
import { until } from "../support/wait.ts";

const MINUTE = 60_000;
const SERVING = 1;
const NOT_SERVING = 2;

const folder = mkdtempSync(join(tmpdir(), "firebreak-serve-"));
const path = join(folder, "policy.snapshot");
let postgres: EmbeddedPostgres;
/** How far the server's clock is ahead. */
let ahead = 0;
let started: Started[] = [];

interface Started {
	readonly running: Running;
	readonly client: TestClient;
	readonly admin: string;
}

beforeAll(async () => {
	postgres = await startEmbeddedPostgres();
	const client = new Client({ connectionString: postgres.url });
	await client.connect();
	await applySchema(client);
	await client.query(COMPANY);
	await client.query(TOKENS);
	await client.query(allow("orders-reads", "/v1/payments"));
	await client.query("select firebreak.quarantine('workload', 'spiffe://prod.example.org/stolen', 'found on a disk')");
	await client.end();
});
afterEach(async () => {
	for (const { running, client } of started) {
		client.close();
		await running.stop();
	}
	started = [];
	ahead = 0;
});
afterAll(async () => {
	await postgres?.stop();
	rmSync(folder, { recursive: true, force: true });
});

/** A destination that wants tokens, so that stale revocations count. */
const TOKENS = `
select firebreak.domain('vaults', 'platform', flow => 'token');
select firebreak.issuer('https://id.example.org', 'vaults', audiences => array['vault'], jwks_uri => 'https://id.example.org/jwks');
select firebreak.segment('vault', 'vaults', 'prod', 'platform', array['spiffe://prod.example.org/vault']);
select firebreak.segment('stolen', 'internal', 'prod', 'platform', array['spiffe://prod.example.org/stolen']);
select firebreak.crossing('c', 'platform', 'to the vault', '2100-01-01', 'internal', 'vaults');
select firebreak.accept_crossing('c', 'platform');
select firebreak.allow(name => 'stolen-reads', source => 'stolen', destination => 'payments', owner => 'platform',
	methods => array['GET'], paths => array['/v1/payments']);
`;

async function start(databaseUrl = postgres.url, snapshotPath = path): Promise<Started> {
	const socket = join(folder, `grpc-${started.length}.sock`);
	const { running, port } = await onFreePorts(1, async ([port = 0]) => {
		const config = readConfig({
			DATABASE_URL: databaseUrl,
			FIREBREAK_GRPC_ADDR: `unix:${socket}`,
			FIREBREAK_ADMIN_ADDR: `127.0.0.1:${port}`,
			FIREBREAK_SNAPSHOT_PATH: snapshotPath,
			FIREBREAK_POLL_INTERVAL: "50ms",
			FIREBREAK_DRAIN_TIMEOUT: "0ms",
			FIREBREAK_LOG_LEVEL: "silent",
		});
		return { running: await serve(config, { clock: () => Date.now() + ahead }), port };
	});
	const client = connect({ kind: "unix", path: socket });
	const one = { running, client, admin: `http://127.0.0.1:${port}` };
	started.push(one);
	await until("its first second is over", async () => {
		const { problems } = await readyz(one);
		return !(problems as readonly string[]).includes("the server began within this second");
	});
	return one;
}

async function stop({ running, client }: Started): Promise<void> {
	started = started.filter((one) => one.running !== running);
	client.close();
	await running.stop();
}

/** The HTTP status that the proxy gives the caller: 200 when it may pass. */
async function ask({ client }: Started, from = "orders", to = "payments"): Promise<number> {
	const sent = { from: `spiffe://prod.example.org/${from}`, to, path: "/v1/payments" };
	const { status, deniedResponse } = await client.check(checkRequest(sent));
	return status?.code === 0 || status?.code === undefined ? 200 : (deniedResponse?.status?.code ?? 0);
}

async function readyz({ admin }: Started): Promise<Record<string, unknown>> {
	const answer = await fetch(`${admin}/readyz`);
	return { status: answer.status, ...((await answer.json()) as object) };
}

async function status({ admin }: Started): Promise<Record<string, Record<string, unknown>>> {
	return (await (await fetch(`${admin}/v1/status`)).json()) as Record<string, Record<string, unknown>>;
}

async function source({ admin }: Started): Promise<Record<string, number>> {
	const samples = readMetrics(await (await fetch(`${admin}/metrics`)).text());
	const ours = samples.filter(({ name }) => name === "firebreak_snapshot_source");
	return Object.fromEntries(ours.map(({ labels, value }) => [labels.source, value]));
}

const live = (server: Started) =>
	until("it follows Postgres", async () => {
		const serving = (await server.client.health()) === SERVING;
		return serving && (await readyz(server)).source === "database";
	});
const served = (server: Started) => until("policy is there", async () => (await readyz(server)).source !== null);

describe("with Postgres", () => {
	test("the file is written after the first load, with what holds, and again at the end", async () => {
		const server = await start();
		await live(server);
		await until("a file", async () => (await status(server)).snapshot_file!.written_at);
		const { header } = await read(path);
		expect(header).toMatchObject({ revision: 3, seq: 1, counts: { policies: 2, revocations: 1 } });
		expect(statSync(path).mode & 0o777).toBe(0o600);
		expect(await status(server)).toMatchObject({
			policy: { source: "database", revision: 3 },
			snapshot_file: { path, written_at: new Date(header.writtenAt).toISOString(), error: null },
		});
		await stop(server);
		expect((await read(path)).header.policyConfirmedAt).toBeGreaterThan(header.policyConfirmedAt);
	});

	test("no credential is in it", async () => {
		const { password } = new URL(postgres.url);
		expect(password.length).toBeGreaterThan(10);
		expect(readFileSync(path).includes(password)).toBe(false);
		const { set, lane } = await read(path);
		const texts = JSON.stringify([{ ...set, policies: [...set.policies] }, [...lane()]]);
		expect(texts).toContain("orders-reads");
		expect(texts).not.toContain(password);
	});
});

describe("without Postgres", () => {
	beforeEach(() => postgres.halt());
	afterEach(() => postgres.resume());

	test("it starts from the file, answers, and says so", async () => {
		const server = await start();
		await served(server);
		await until("Postgres was tried in vain", async () => {
			const { warnings } = await readyz(server);
			return (warnings as readonly string[]).includes("the database cannot be reached");
		});
		expect(await Promise.all([ask(server), ask(server, "payments"), ask(server, "stolen")])).toEqual([200, 403, 403]);
		expect(await server.client.health()).toBe(SERVING);
		expect(await readyz(server)).toEqual({
			status: 200,
			ready: true,
			problems: [],
			warnings: ["the database cannot be reached", "policy comes from the snapshot on disk"],
			source: "disk",
		});
		expect(await status(server)).toMatchObject({
			policy: { source: "disk", revision: 3, seq: 1 },
			database: { reachable: false, head: null },
			snapshot_file: { path, written_at: null, error: null },
		});
		expect(await source(server)).toEqual({ disk: 1, database: 0 });
		const { header } = await read(path);
		await stop(server);
		expect((await read(path)).header).toEqual(header);
	});

	test("with revocations that are too old, what needs a token is refused, and the rest passes", async () => {
		ahead = 6 * MINUTE;
		const server = await start();
		await served(server);
		expect(await Promise.all([ask(server), ask(server, "orders", "vault")])).toEqual([200, 503]);
		expect(await readyz(server)).toMatchObject({
			ready: true,
			warnings: expect.arrayContaining(["revocations are older than FIREBREAK_MAX_REVOCATION_AGE"]),
		});
	});

	test("with policy that is too old, it refuses everything and gets no traffic, until Postgres is back", async () => {
		ahead = 25 * 60 * MINUTE;
		const server = await start();
		await served(server);
		expect(await ask(server)).toBe(503);
		expect(await server.client.health()).toBe(NOT_SERVING);
		expect(await readyz(server)).toMatchObject({
			status: 503,
			problems: ["the policy is older than FIREBREAK_MAX_POLICY_AGE"],
			source: "disk",
		});
		await postgres.resume();
		await until("it is ready", async () => (await readyz(server)).ready);
		expect([await ask(server), await source(server)]).toEqual([200, { disk: 0, database: 1 }]);
		await until("it serves", async () => (await server.client.health()) === SERVING);
		await stop(server);
		await postgres.halt();
		expect((await read(path)).header.policyConfirmedAt).toBeGreaterThan(Date.now() + 24 * 60 * MINUTE);
	});

	test("a clock that was ahead when the file was written makes nothing fresh: it is refused", async () => {
		const server = await start();
		await until("it was looked at", async () => (await status(server)).policy!.loading === null);
		expect(await readyz(server)).toMatchObject({ status: 503, problems: ["no policy is loaded yet"], source: null });
		expect(await ask(server)).toBe(503);
	});
});

describe("when Postgres comes back", () => {
	test("what changed meanwhile is enforced, and kept", async () => {
		await stop(await startedAndKept());
		await postgres.halt();
		const server = await start();
		await served(server);
		const { header } = await read(path);
		await postgres.resume();
		await query(postgres.url, "select firebreak.remove('policy', 'orders-reads')");
		await until("it is enforced", async () => (await ask(server)) === 403);
		await live(server);
		await until("it is kept", async () => (await read(path)).header.revision > header.revision);
		expect((await read(path)).header.counts.policies).toBe(1);
	});
});

describe("a file that must not be used", () => {
	test.each<[string, () => void]>([
		["damaged", () => writeFileSync(path, readFileSync(path).subarray(0, -1))],
		["empty", () => writeFileSync(path, "")],
		["something else", () => writeFileSync(path, "hello")],
	])("because it is %s stops no start, and is written anew", async (_title, damage) => {
		await stop(await startedAndKept());
		damage();
		const server = await start();
		await live(server);
		expect(await ask(server, "stolen")).toBe(403);
		await until("it is whole again", () => read(path).then(Boolean, () => false));
	});

	test("because it is another database's is never served, and is written anew", async () => {
		await stop(await startedAndKept());
		const other = await createTestDatabase();
		try {
			const server = await start(other.url);
			await live(server);
			expect(await status(server)).toMatchObject({ policy: { source: "database", revision: 0 } });
			expect(await ask(server)).toBe(403);
			await until("it is of this database", async () => (await read(path)).header.revision === 0);
			await stop(server);
		} finally {
			await other.drop();
		}
	});
});

/** A server that has written the file. */
async function startedAndKept(): Promise<Started> {
	const server = await start();
	await live(server);
	await until("a file", async () => (await status(server)).snapshot_file!.written_at);
	return server;
}
