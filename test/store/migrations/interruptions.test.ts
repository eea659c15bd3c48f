/** Runs that are killed, raced or cut off: all of one or nothing, and the next goes on. Each run is a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { DatabaseError } from "pg";
import { compilePolicySet } from "../../../src/core/compile/compile.ts";
import { connectToMigrate } from "../../../src/store/migrations/connect.ts";
import { migrateUp } from "../../../src/store/migrations/up.ts";
import { type Database, openDatabase } from "../../../src/store/pool.ts";
import { until } from "../../support/wait.ts";
import { startProxy, type Proxy as TcpProxy } from "../support/proxy.ts";
import { allow, COMPANY, openWorkbench, refusal, type Workbench } from "../support/workbench.ts";

const MAIN = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));

let bench: Workbench;
const started: Run[] = [];

beforeAll(async () => {
	bench = await openWorkbench();
	bench.put("platform/20260101000000_company.sql", COMPANY);
	await bench.up();
});
beforeEach(() => bench.emptyFolder());
afterEach(async () => {
	for (const { child, ended } of started.splice(0)) {
		child.kill("SIGKILL");
		await ended;
	}
});
afterAll(() => bench?.close());

interface Run {
	readonly child: ChildProcess;
	/** Its exit code, null when it was killed. */
	readonly ended: Promise<number | null>;
	err(): string;
}

/** `firebreak migrate up` as a process. */
function run(...args: string[]): Run {
	const child = spawn(process.execPath, [MAIN, "migrate", "up", "--dir", bench.folders().policy, ...args], {
		env: { PATH: process.env.PATH, DATABASE_URL: bench.test.url },
		stdio: ["ignore", "ignore", "pipe"],
	});
	let err = "";
	child.stderr.setEncoding("utf8").on("data", (text) => {
		err += text;
	});
	const one = { child, ended: once(child, "close").then(([code]) => code as number | null), err: () => err };
	started.push(one);
	return one;
}

async function rows(text: string): Promise<Record<string, string>[]> {
	const client = await bench.test.connect();
	try {
		return (await client.query(text)).rows;
	} finally {
		await client.end();
	}
}

/** The runs that Postgres knows of, by what they wait for. */
const backends = async (event: string) =>
	(
		await rows(
			"select wait_event from pg_stat_activity where datname = current_database() and application_name = 'firebreak migrate'",
		)
	).filter(({ wait_event }) => wait_event === event).length;
const writing = async () => Number((await rows(`${ALIVE} and backend_xid is not null`))[0]!.n);
const sleeping = () => until("the run is in its long statement", async () => (await backends("PgSleep")) > 0);
const policies = async () => (await rows("select name from firebreak.policy order by name")).map(({ name }) => name);
const state = async () => ({
	policies: await policies(),
	migrations: (await rows("select name from firebreak.migration where owner is not null order by name")).map(
		({ name }) => name,
	),
	head: (await rows("select revision from firebreak.head"))[0]!.revision,
	left: (
		await rows(
			"select (select count(*) from firebreak.running) + (select count(*) from firebreak.touched) + (select count(*) from firebreak.pending) as n",
		)
	)[0]!.n,
});

describe("a run that is killed", () => {
	test("in the middle of a statement leaves nothing, frees the lock at once, and the next goes on", async () => {
		const before = await state();
		bench.put("platform/20260201000000_a.sql", allow("a", "/a"));
		bench.put("platform/20260202000000_slow.sql", "select pg_sleep(600);");
		const killed = run();
		await sleeping();
		killed.child.kill("SIGKILL");
		expect(await killed.ended).toBeNull();
		expect(await state()).toEqual(before);

		// The statement would have gone on for minutes.
		bench.put("platform/20260202000000_slow.sql", allow("b", "/b"));
		const next = run();
		expect(await next.ended).toBe(0);
		expect(await policies()).toEqual(["a", "b"]);
		expect(await backends("PgSleep")).toBe(0);
	});

	test("at any moment has done all or nothing", async () => {
		const files = 12;
		for (let file = 0; file < files; file++) {
			const lines = Array.from({ length: 40 }, (_, line) => allow(`p${file}-${line}`, `/p/${file}/${line}`));
			bench.put(`platform/2026030100${String(file).padStart(2, "0")}00_many.sql`, lines.join(""));
		}
		const before = await state();
		let whole = 0;
		for (const afterMs of [0, 50, 100, 200, 400, 800]) {
			const one = run();
			await until("it has begun to write", async () => one.child.exitCode !== null || (await writing()) > 0);
			await sleep(afterMs);
			one.child.kill("SIGKILL");
			await one.ended;
			await until("Postgres has noticed", async () => (await rows(ALIVE))[0]!.n === "0");
			const after = await state();
			if (after.policies.length === before.policies.length) expect(after).toEqual(before);
			else {
				whole++;
				expect(after).toMatchObject({
					policies: { length: before.policies.length + files * 40 },
					migrations: { length: before.migrations.length + files },
					head: String(Number(before.head) + 1),
					left: "0",
				});
				break;
			}
		}
		const last = run();
		expect(await last.ended).toBe(0);
		expect(whole).toBeLessThanOrEqual(1);
		expect((await policies()).length).toBe(before.policies.length + files * 40);
		expect((await state()).head).toBe(String(Number(before.head) + 1));
	});
});

describe("two runs at once", () => {
	test("both end well, and everything is applied once", async () => {
		const gate = await bench.gate();
		bench.put("platform/20260401000000_a.sql", `${allow("twice", "/twice")} ${gate.sql}`);
		const runs = [run(), run(), run()];
		const waiting = () => runs.filter(({ err }) => err().includes("another migrate up is running"));
		await until("all but one wait", () => waiting().length === 2);
		await gate.open();
		expect(await Promise.all(runs.map(({ ended }) => ended))).toEqual([0, 0, 0]);
		expect(await rows("select count(*) as n from firebreak.migration where name like '%20260401000000_a'")).toEqual([
			{ n: "1" },
		]);
		expect(waiting()).toHaveLength(2);
	});

	test("the one that waits goes on as soon as the other is killed", async () => {
		bench.put("platform/20260402000000_a.sql", "select case when count(*) = 0 then pg_sleep(600) end from public.go;");
		await rows("create table public.go (a integer); grant select on public.go to public");
		const first = run();
		await sleeping();
		const second = run();
		await until("the second waits", () => second.err().includes("waiting for it to end"));
		await rows("insert into public.go values (1)");
		first.child.kill("SIGKILL");
		expect(await second.ended).toBe(0);
		expect((await state()).migrations).toContain("platform/20260402000000_a");
		expect(await first.ended).toBeNull();
	});
});

describe("a connection that is lost", () => {
	let proxy: TcpProxy;
	let database: Database;
	beforeEach(async () => {
		proxy = await startProxy(bench.test.url);
		database = openDatabase(proxy.url, { applicationName: "firebreak migrate" });
	});
	afterEach(async () => {
		await database.end();
		await proxy.stop();
	});
	const up = () => migrateUp(database, { folders: bench.folders(), compile: compilePolicySet, clock: Date.now });

	test("in the middle of a statement: nothing is applied, and the next run goes on by itself", async () => {
		const before = await state();
		bench.put("platform/20260501000000_a.sql", allow("cut", "/cut"));
		bench.put("platform/20260502000000_slow.sql", "select pg_sleep(600);");
		const cut = refusal(up());
		await sleeping();
		proxy.cut();
		expect((await cut).code).toBe("dependency_unreachable");
		bench.put("platform/20260502000000_slow.sql", "select 1;");
		expect((await up()).applied).toHaveLength(2);
		expect((await policies()).filter((name) => !before.policies.includes(name))).toEqual(["cut"]);
	});

	test("while the set is being compiled: nothing is applied, and the next run goes on", async () => {
		bench.put("platform/20260503000000_a.sql", allow("compiled", "/compiled"));
		const cut = refusal(
			migrateUp(database, {
				folders: bench.folders(),
				clock: Date.now,
				compile: (set) => {
					proxy.cut();
					return compilePolicySet(set);
				},
			}),
		);
		expect((await cut).code).toBe("dependency_unreachable");
		expect(await policies()).not.toContain("compiled");
		expect((await up()).applied).toHaveLength(1);
	});

	test("during COMMIT: it says that it does not know, and the next run finds out", async () => {
		bench.put("platform/20260504000000_a.sql", allow("committed", "/committed"));
		proxy.swallowAnswersTo("commit\0");
		const cut = refusal(up());
		await until("it is committed", async () => (await policies()).includes("committed"));
		proxy.cut();
		const error = await cut;
		expect(error.code).toBe("dependency_unreachable");
		expect(error.message).toContain("all of it is applied, or nothing");
		proxy.swallowAnswersTo(null);
		expect((await up()).applied).toEqual([]);
	});
});

describe("the connection of a run", () => {
	test("is watched from Postgres's side, also after RESET ALL and within files", async () => {
		bench.put(
			"platform/20260601000000_a.sql",
			`do $$ begin
				if current_setting('client_connection_check_interval') = '0' or current_setting('tcp_keepalives_idle') <> '10'
				then raise 'not watched'; end if;
			end $$;`,
		);
		expect((await bench.up()).applied).toHaveLength(1);
	});

	test("does without where the system cannot watch", async () => {
		const given: object[] = [];
		const client = { query: async () => ({ rows: [{ version: "18.0", number: 180_000 }] }) };
		const unable = Object.assign(new DatabaseError("must be set to 0 on platforms that lack support", 1, "error"), {
			code: "22023",
		});
		const connect = async (options: object = {}) => {
			given.push(options);
			if ("options" in options) throw unable;
			return client;
		};
		expect(await connectToMigrate({ connect } as unknown as Database)).toBe(client);
		expect(given).toMatchObject([{ options: expect.any(String) }, { statement_timeout: expect.any(Number) }]);
	});
});

const ALIVE =
	"select count(*) as n from pg_stat_activity where datname = current_database() and application_name = 'firebreak migrate'";
