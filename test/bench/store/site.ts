/** What the benchmarks of the store have in common: a Postgres of their own, filled databases, and real servers on them. */
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
import { migrateUp } from "../../../demo/firebreak.ts";
import { freePorts } from "../../../demo/ports.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../../demo/postgres.ts";
import { type RunningProcess, startProcess } from "../../../demo/processes.ts";
import { createWorkspace, type Workspace } from "../../../demo/workspace.ts";
import { AUTHORIZATION_SERVICE, PACKAGE_DEFINITION } from "../../../src/extauthz/proto.ts";
import { fill } from "../fill.ts";

export const MAIN = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));
const PAUSES = fileURLToPath(new URL("./pauses.ts", import.meta.url));

export const say = (text: string): boolean => process.stderr.write(`  ${text} ...\n`);

/** Everything that is started here ends with it. */
export class Site implements AsyncDisposable {
	readonly workspace: Workspace;
	readonly postgres: EmbeddedPostgres;
	readonly #resources = new AsyncDisposableStack();

	private constructor(workspace: Workspace, postgres: EmbeddedPostgres) {
		this.workspace = workspace;
		this.postgres = postgres;
		this.#resources.defer(() => workspace.remove());
		this.#resources.defer(() => postgres.stop());
	}

	static async open(): Promise<Site> {
		return new Site(createWorkspace("bench"), await startEmbeddedPostgres());
	}

	/** A database with the schema and so many policies. @returns its URL. */
	async database(name: string, policies: number): Promise<string> {
		say(`making ${policies.toLocaleString("en")} policies`);
		await withClient(this.postgres.url, (client) => client.query(`create database ${name}`));
		const url = new URL(this.postgres.url);
		url.pathname = `/${name}`;
		await migrateUp(url.href, this.workspace.path);
		if (policies > 0) await fill(url.href, policies);
		return url.href;
	}

	/** @param settings environment variables that are added */
	async serve(databaseUrl: string, settings: Readonly<Record<string, string>> = {}): Promise<Server> {
		const [grpcPort, adminPort] = await freePorts(2);
		const [grpc, admin] = [`127.0.0.1:${grpcPort}`, `127.0.0.1:${adminPort}`];
		const start = performance.now();
		const log = new EnforcedLog();
		const running = await startProcess({
			name: "firebreak serve",
			command: process.execPath,
			args: ["--import", PAUSES, MAIN, "serve"],
			env: {
				PATH: process.env.PATH,
				DATABASE_URL: databaseUrl,
				FIREBREAK_GRPC_ADDR: grpc,
				FIREBREAK_ADMIN_ADDR: admin,
				...settings,
			},
			onOutput: (text) => log.read(text),
			ready: async () => (await fetch(`http://${admin}/readyz`)).ok,
			readyWithinMs: 300_000,
		});
		this.#resources.defer(() => running.stop());
		return new Server(running, grpc, log, (performance.now() - start) / 1_000);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#resources.disposeAsync();
	}
}

export class Server {
	readonly process: RunningProcess;
	readonly secondsToReady: number;
	readonly #log: EnforcedLog;
	readonly #client: Authorization;

	constructor(running: RunningProcess, grpc: string, log: EnforcedLog, secondsToReady: number) {
		this.process = running;
		this.secondsToReady = secondsToReady;
		this.#log = log;
		this.#client = clientOf(grpc);
	}

	/** Resolves as soon as its log says that it enforces the revision. */
	enforces(revision: number): Promise<Enforced> {
		return this.#log.wait(revision);
	}

	/** Resolves as soon as its log says that it enforces the revocation of this number. */
	async enforcesRevocation(seq: number): Promise<void> {
		await this.#log.waitForLane(seq);
	}

	/** Whether service-00000 may GET this path of service-00001. */
	async isAllowed(path: string): Promise<boolean> {
		return ((await this.#check(path, {})).status?.code ?? 0) === 0;
	}

	/** The reason of the answer when service-00000 calls service-00001 with this token. */
	async reasonFor(token: string): Promise<string> {
		const { dynamicMetadata } = await this.#check("/", { authorization: `Bearer ${token}` });
		return dynamicMetadata?.fields.reason?.stringValue ?? "";
	}

	#check(path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
		const principal = (name: string) => ({ principal: `spiffe://prod.example.org/ns/${name}/sa/${name}` });
		const http = { method: "GET", path, host: "service-00001", scheme: "https", headers };
		const attributes = {
			source: principal("service-00000"),
			destination: principal("service-00001"),
			request: { http },
		};
		return new Promise((resolve, reject) => {
			this.#client.Check({ attributes }, (error, answer = {}) => (error ? reject(error) : resolve(answer)));
		});
	}

	/** Milliseconds of the longest time that its event loop was not free, since this was asked last. */
	async longestPause(): Promise<number> {
		const count = pausesIn(this.process).length;
		this.process.signal("SIGUSR2");
		await until(() => pausesIn(this.process).length > count);
		return Number(pausesIn(this.process).at(-1));
	}

	residentBytes(): number {
		const status = readFileSync(`/proc/${this.process.pid}/status`, "utf8");
		return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
	}

	async stop(): Promise<void> {
		this.#client.close();
		await this.process.stop();
	}
}

/** What a server's log says of a revision that it enforces from now on. */
export interface Enforced {
	readonly revision: number;
	/** By the machine's clock, milliseconds since the epoch. */
	readonly at: number;
	/** Loading, compiling and swapping. */
	readonly milliseconds: number;
}

class EnforcedLog {
	readonly #lines = new Map<number, Enforced>();
	readonly #waiting = new Map<number, (enforced: Enforced) => void>();
	#rest = "";
	/** Up to where the lane is enforced, and who waits for how far. */
	#seq = 0;
	#waitingForLane: { readonly seq: number; readonly resolve: () => void }[] = [];

	read(text: string): void {
		const lines = (this.#rest + text).split("\n");
		this.#rest = lines.pop()!;
		for (const line of lines) {
			if (line.includes("revocations enforced")) this.#advance(JSON.parse(line).seq);
			if (!line.includes("policy revision enforced")) continue;
			const { revision, time, milliseconds } = JSON.parse(line);
			const enforced = { revision, at: Date.parse(time), milliseconds };
			this.#lines.set(revision, enforced);
			this.#waiting.get(revision)?.(enforced);
		}
	}

	waitForLane(seq: number): Promise<void> {
		if (this.#seq >= seq) return Promise.resolve();
		return new Promise((resolve) => this.#waitingForLane.push({ seq, resolve }));
	}

	#advance(seq: number): void {
		this.#seq = seq;
		for (const waiting of this.#waitingForLane) if (waiting.seq <= seq) waiting.resolve();
		this.#waitingForLane = this.#waitingForLane.filter((waiting) => waiting.seq > seq);
	}

	wait(revision: number): Promise<Enforced> {
		const known = this.#lines.get(revision);
		if (known) return Promise.resolve(known);
		return new Promise((resolve) => this.#waiting.set(revision, resolve));
	}
}

const pausesIn = ({ output }: RunningProcess): readonly string[] =>
	Array.from(output().matchAll(/^longest pause (\S+) ms$/gm), (match) => match[1]!);

type Authorization = Client & { Check(request: unknown, done: (error: Error | null, answer: Answer) => void): void };
interface Answer {
	readonly status?: { readonly code?: number };
	readonly dynamicMetadata?: { readonly fields: Readonly<Record<string, { readonly stringValue?: string }>> };
}

function clientOf(address: string): Authorization {
	const Service = AUTHORIZATION_SERVICE.split(".").reduce<unknown>(
		(scope, part) => (scope as GrpcObject)[part],
		loadPackageDefinition(PACKAGE_DEFINITION),
	) as ServiceClientConstructor;
	return new Service(address, credentials.createInsecure()) as unknown as Authorization;
}

export async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	try {
		return await work(client);
	} finally {
		await client.end();
	}
}

/**
 * Commits one policy, stated anew with another path each time. What waits for the end of the transaction is done before.
 * @returns the revision that it made, and when COMMIT was sent, by the clock that all processes of a machine share.
 */
export async function changeOne(client: pg.Client, path: string): Promise<{ revision: number; committed: bigint }> {
	await client.query("begin");
	await client.query(CHANGE, [path]);
	await client.query("set constraints all immediate");
	const { rows } = await client.query<{ revision: string }>("select revision from firebreak.policy_counter");
	const committed = process.hrtime.bigint();
	await client.query("commit");
	return { revision: Number(rows[0]?.revision), committed };
}

const CHANGE = `select firebreak.allow('bench', source => 'service-00000', destination => 'service-00001',
	owner => 'platform', methods => array['GET'], paths => array[$1])`;

export async function until(holds: () => boolean | Promise<boolean>, everyMs = 2): Promise<void> {
	while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, everyMs));
}
