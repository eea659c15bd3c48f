/**
 * From Postgres to enforced, with the real program on a real Postgres: a large set from its rows to ready, beside a bare
 * `select *` of the same rows; its memory; one policy changed in it; and COMMIT to enforced on five servers, as a
 * caller sees it. `node store.ts [POLICIES]`.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
	type Client,
	credentials,
	type GrpcObject,
	loadPackageDefinition,
	type ServiceClientConstructor,
} from "@grpc/grpc-js";
import pg from "pg";
import { migrateUp } from "../../demo/firebreak.ts";
import { freePorts } from "../../demo/ports.ts";
import { startEmbeddedPostgres } from "../../demo/postgres.ts";
import { type RunningProcess, startProcess } from "../../demo/processes.ts";
import { createWorkspace } from "../../demo/workspace.ts";
import { AUTHORIZATION_SERVICE, PACKAGE_DEFINITION } from "../../src/extauthz/proto.ts";
import { fill } from "./fill.ts";
import { mebibytes, printTable, quantile, TINY, times } from "./measure.ts";

const SIZE = Number(process.argv[2] ?? (TINY ? 2_000 : 1_000_000));
const SMALL = TINY ? 400 : 10_000;
const SERVERS = TINY ? 2 : 5;
const CHANGES = TINY ? 2 : 20;
const COMMITS = TINY ? 3 : 100;

interface Server {
	readonly process: RunningProcess;
	readonly admin: string;
	readonly grpc: string;
	readonly secondsToReady: number;
}

await using resources = new AsyncDisposableStack();
const say = (text: string) => process.stderr.write(`store: ${text} ...\n`);
const workspace = createWorkspace("bench");
resources.defer(() => workspace.remove());
const postgres = await startEmbeddedPostgres();
resources.defer(() => postgres.stop());

const empty = await measureEmpty();
await measureLarge(empty);
await measureFleet();

async function measureEmpty(): Promise<number> {
	const server = await startServer(await makeDatabase("empty", 0));
	const bytes = residentBytes(server.process.pid);
	await server.process.stop();
	return bytes;
}

async function measureLarge(emptyBytes: number): Promise<void> {
	const url = await makeDatabase("large", SIZE);
	say(`a bare select of ${SIZE.toLocaleString("en")} rows`);
	const bare = await bareSelect(url);
	say("the same from Postgres to ready");
	const server = await startServer(url, 300_000);
	const bytes = residentBytes(server.process.pid);
	say(`${CHANGES} changes of one policy`);
	const work: number[] = [];
	const pauses: number[] = [];
	for (let turn = 0; turn < CHANGES; turn++) {
		await longestPause(server);
		const revision = await changeOne(url, turn);
		await until(async () => (await statusOf(server)).policy.revision >= revision);
		pauses.push(await longestPause(server));
		work.push(lastMilliseconds(server));
	}
	await server.process.stop();
	const perPolicy = (bytes - emptyBytes) / SIZE;
	printTable(
		`${SIZE.toLocaleString("en")} policies`,
		["", "measured", "reach"],
		[
			["bare select * through pg", `${bare.toFixed(1)} s`, ""],
			["from Postgres to ready, process start included", `${server.secondsToReady.toFixed(1)} s`, "8 s"],
			["  to the bare select", times(server.secondsToReady / bare), ""],
			["resident memory of the server", mebibytes(bytes), ""],
			["  a policy, over the empty server", `${perPolicy.toFixed(0)} bytes`, "700 bytes"],
			["one policy changed: load, compile and swap, median", `${quantile(work, 0.5).toFixed(0)} ms`, "50 ms"],
			["  longest pause of the event loop, median", `${quantile(pauses, 0.5).toFixed(1)} ms`, "10 ms"],
		],
	);
}

async function measureFleet(): Promise<void> {
	const url = await makeDatabase("fleet", SMALL);
	say(`COMMIT to enforced on ${SERVERS} servers, ${COMMITS} times`);
	const servers = await Promise.all(Array.from({ length: SERVERS }, () => startServer(url)));
	const clients = servers.map(({ grpc }) => clientOf(grpc));
	const database = new pg.Client({ connectionString: url });
	await database.connect();
	const samples: number[] = [];
	for (let turn = 0; turn < COMMITS; turn++) {
		const path = `/bench-${turn}`;
		await database.query("begin");
		await database.query(
			"select firebreak.allow('bench', source => 'service-00000', destination => 'service-00001', owner => 'platform', methods => array['GET'], paths => array[$1])",
			[path],
		);
		await database.query("commit");
		const committed = performance.now();
		await Promise.all(
			clients.map(async (client) => {
				await until(() => isAllowed(client, path));
				samples.push(performance.now() - committed);
			}),
		);
	}
	await database.end();
	for (const client of clients) client.close();
	await Promise.all(servers.map((server) => server.process.stop()));
	printTable(
		`COMMIT to the first allowed check, ${SERVERS} servers, one policy in ${SMALL.toLocaleString("en")}`,
		["", "measured", "reach"],
		[
			["p50", `${quantile(samples, 0.5).toFixed(1)} ms`, "20 ms"],
			["p99", `${quantile(samples, 0.99).toFixed(1)} ms`, "100 ms"],
		],
	);
}

async function makeDatabase(name: string, policies: number): Promise<string> {
	say(`database ${name}, ${policies.toLocaleString("en")} policies`);
	const client = new pg.Client({ connectionString: postgres.url });
	await client.connect();
	await client.query(`create database ${name}`);
	await client.end();
	const url = new URL(postgres.url);
	url.pathname = `/${name}`;
	await migrateUp(url.href, workspace.path);
	if (policies > 0) await fill(url.href, policies);
	return url.href;
}

async function bareSelect(url: string): Promise<number> {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	const start = performance.now();
	await client.query("select * from firebreak.policy");
	const seconds = (performance.now() - start) / 1_000;
	await client.end();
	return seconds;
}

async function startServer(url: string, readyWithinMs = 60_000): Promise<Server> {
	const [grpcPort, adminPort] = await freePorts(2);
	const [grpc, admin] = [`127.0.0.1:${grpcPort}`, `127.0.0.1:${adminPort}`];
	const start = performance.now();
	const process_ = await startProcess({
		name: "firebreak serve",
		command: process.execPath,
		args: [fileURLToPath(new URL("../../src/main.ts", import.meta.url)), "serve"],
		env: { PATH: process.env.PATH, DATABASE_URL: url, FIREBREAK_GRPC_ADDR: grpc, FIREBREAK_ADMIN_ADDR: admin },
		ready: async () => (await fetch(`http://${admin}/readyz`)).ok,
		readyWithinMs,
	});
	resources.defer(() => process_.stop());
	return { process: process_, grpc, admin, secondsToReady: (performance.now() - start) / 1_000 };
}

async function changeOne(url: string, turn: number): Promise<number> {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	try {
		await client.query(
			"select firebreak.allow('bench', source => 'service-00000', destination => 'service-00001', owner => 'platform', methods => array['GET'], paths => array[$1])",
			[`/bench-${turn}`],
		);
		const { rows } = await client.query<{ revision: string }>("select revision from firebreak.head");
		return Number(rows[0]?.revision);
	} finally {
		await client.end();
	}
}

async function statusOf({ admin }: Server): Promise<{ policy: { revision: number } }> {
	return (await fetch(`http://${admin}/v1/status`)).json() as Promise<{ policy: { revision: number } }>;
}

/** Milliseconds, since it was asked last: the metric starts anew at each scrape. */
async function longestPause({ admin }: Server): Promise<number> {
	const text = await (await fetch(`http://${admin}/metrics`)).text();
	return Number(/^nodejs_eventloop_lag_max_seconds ([\d.e+-]+)/m.exec(text)?.[1]) * 1_000;
}

/** What the server's own log says of the last change. */
function lastMilliseconds({ process: { output } }: Server): number {
	const lines = output().match(/"milliseconds":(\d+)[^\n]*policy revision enforced/g) ?? [];
	return Number(/\d+/.exec(lines.at(-1) ?? "")?.[0]);
}

function residentBytes(pid: number): number {
	const status = readFileSync(`/proc/${pid}/status`, "utf8");
	return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
}

type Authorization = Client & { Check(request: unknown, done: (error: Error | null, answer: Answer) => void): void };
interface Answer {
	readonly status?: { readonly code?: number };
}

function clientOf(address: string): Authorization {
	const Service = AUTHORIZATION_SERVICE.split(".").reduce<unknown>(
		(scope, part) => (scope as GrpcObject)[part],
		loadPackageDefinition(PACKAGE_DEFINITION),
	) as ServiceClientConstructor;
	return new Service(address, credentials.createInsecure()) as unknown as Authorization;
}

function isAllowed(client: Authorization, path: string): Promise<boolean> {
	const principal = (name: string) => ({ principal: `spiffe://prod.example.org/ns/${name}/sa/${name}` });
	const http = { method: "GET", path, host: "service-00001", scheme: "https", headers: {} };
	const attributes = { source: principal("service-00000"), destination: principal("service-00001"), request: { http } };
	return new Promise((resolve, reject) => {
		client.Check({ attributes }, (error, { status } = {}) =>
			error ? reject(error) : resolve((status?.code ?? 0) === 0),
		);
	});
}

async function until(holds: () => Promise<boolean>): Promise<void> {
	while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 1));
}
