/** The real program under load, on a Postgres that is killed, shut down and started again: answers go on, and all is told. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client } from "pg";
import { query } from "../../demo/database.ts";
import { onFreePorts } from "../../demo/ports.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../demo/postgres.ts";
import { type RunningProcess, startProcess } from "../../demo/processes.ts";
import { connect, type TestClient } from "../extauthz/client.ts";
import { allow, COMPANY } from "../store/support/workbench.ts";
import { checkRequest } from "../support/check-requests.ts";
import { applySchema } from "../support/postgres-broker.ts";
import { readMetrics } from "../support/prometheus.ts";
import { until } from "../support/wait.ts";

const WAIT_MS = 60_000;
const CALLERS = 4;

let postgres: EmbeddedPostgres;
let server: RunningProcess;
let client: TestClient;
let admin: string;
let load: Load;

beforeAll(async () => {
	// What was committed is there after a crash.
	postgres = await startEmbeddedPostgres({ synchronous_commit: "on" });
	const writer = new Client({ connectionString: postgres.url });
	await writer.connect();
	await applySchema(writer);
	await writer.query(COMPANY + allow("first", "/first"));
	await writer.end();
	await onFreePorts(2, async ([grpcPort = 0, adminPort = 0]) => {
		admin = `http://127.0.0.1:${adminPort}`;
		server = await startProcess({
			name: "firebreak serve",
			command: process.execPath,
			args: [fileURLToPath(new URL("../../src/main.ts", import.meta.url)), "serve"],
			env: {
				PATH: process.env.PATH,
				DATABASE_URL: postgres.url,
				FIREBREAK_GRPC_ADDR: `127.0.0.1:${grpcPort}`,
				FIREBREAK_ADMIN_ADDR: `127.0.0.1:${adminPort}`,
				FIREBREAK_POLL_INTERVAL: "100ms",
				// Room for all of an outage, however long Postgres takes to come back.
				FIREBREAK_RECORD_QUEUE_MAX: "10000000",
			},
			ready: async () => (await fetch(`${admin}/readyz`)).ok,
		});
		client = connect({ kind: "tcp", host: "127.0.0.1", port: grpcPort });
	});
});
afterAll(async () => {
	await load?.stop();
	client?.close();
	await server?.stop();
	await postgres?.stop();
});

interface Status {
	readonly policy: { readonly revision: number };
	readonly database: { readonly reachable: boolean; readonly listening: boolean; readonly last_error: string | null };
	readonly records: { readonly lost: Readonly<Record<string, number>> };
}

const status = async () => (await (await fetch(`${admin}/v1/status`)).json()) as Status;

async function internalErrors(): Promise<number> {
	const samples = readMetrics(await (await fetch(`${admin}/metrics`)).text());
	const ours = samples.filter(
		({ name, labels }) => name === "firebreak_checks_total" && labels.reason === "internal_error",
	);
	return ours.reduce((sum, { value }) => sum + value, 0);
}

/** Asks without a pause, in turn what is expected to pass and what is not; counts what came, and keeps what was not expected. */
class Load {
	readonly expected = new Map([
		["/first", true],
		["/nobody", false],
	]);
	answered = 0;
	allowed = 0;
	denied = 0;
	readonly surprises: string[] = [];
	readonly #callers: Promise<void>[];
	#over = false;

	constructor() {
		this.#callers = Array.from({ length: CALLERS }, () => this.#call());
	}

	async stop(): Promise<void> {
		this.#over = true;
		await Promise.all(this.#callers);
	}

	/** One that the load is to know of, too. */
	async ask(path: string): Promise<boolean> {
		const { status } = await client.check(checkRequest({ from: "spiffe://prod.example.org/orders", path }));
		const passes = (status?.code ?? 0) === 0;
		this.answered++;
		if (passes) this.allowed++;
		else this.denied++;
		return passes;
	}

	async #call(): Promise<void> {
		while (!this.#over) {
			for (const [path, passes] of this.expected) {
				const answer = await this.ask(path).catch((error: unknown) => {
					this.#over = true;
					return String(error);
				});
				if (answer !== passes) this.surprises.push(`${path}: ${answer}`);
			}
			// Also with nothing to ask, what else there is to do has its turn.
			await new Promise((resolve) => setImmediate(resolve));
		}
	}
}

/** So many more answers. */
async function more(load: Load, answers: number): Promise<void> {
	const from = load.answered;
	await until("answers", () => load.answered >= from + answers, WAIT_MS);
}

test("known answers go on, what is committed afterwards is enforced, and every record is stored or counted", async () => {
	load = new Load();
	await more(load, 200);

	await postgres.crash();
	await until("it is noticed", async () => !(await status()).database.reachable, WAIT_MS);
	expect((await status()).database.last_error).toMatch(/^Postgres at 127\.0\.0\.1:\d+\/postgres /);
	await more(load, 500);
	await postgres.resume();
	await query(postgres.url, allow("second", "/second"));
	await until("it is enforced", () => load.ask("/second"), WAIT_MS);
	load.expected.set("/second", true);
	await until("hints come", async () => (await status()).database.listening, WAIT_MS);
	expect((await status()).database).toMatchObject({ reachable: true, listening: true, last_error: null });

	await postgres.halt();
	await until("it is noticed", async () => !(await status()).database.reachable, WAIT_MS);
	await more(load, 500);
	await postgres.resume();
	await query(postgres.url, "select firebreak.remove('policy', 'second')");
	load.expected.delete("/second");
	await until("it is enforced", async () => !(await load.ask("/second")), WAIT_MS);
	await more(load, 200);
	// Asked about "/second" while its removal was on its way, by whoever had begun before.
	expect(load.surprises.filter((surprise) => surprise !== "/second: false")).toEqual([]);

	await query(postgres.url, "select firebreak.quarantine('segment', 'orders', 'incident 42')");
	load.expected.clear();
	await until("it is enforced", async () => !(await load.ask("/first")), WAIT_MS);
	await load.stop();

	expect(await internalErrors()).toBe(0);
	expect((await status()).records.lost).toEqual({ denial: 0, monitor: 0, crossing: 0, edge: 0, flow: 0, use: 0 });
	await server.stop();
	expect(await server.ended).toBe(0);
	const [stored] = await query<{ denied: number; allowed: number }>(
		postgres.url,
		`select (select sum(count)::int from firebreak.decision where decision = 'deny') as denied,
			(select sum(count)::int from firebreak.flow) as allowed`,
	);
	expect(stored?.denied).toBe(load.denied);
	// A batch of flows whose confirmation was lost is stored again.
	expect(stored?.allowed).toBeGreaterThanOrEqual(load.allowed);
	expect(server.output()).not.toContain("records of decisions were lost");
	expect(server.output()).not.toContain(new URL(postgres.url).password);
});
