import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { ClientBase } from "pg";
import { LIMITS } from "../../../src/core/limits.ts";
import type { FollowStatus } from "../../../src/store/follow/events.ts";
import { realTimers, type Timers } from "../../../src/store/follow/timers.ts";
import { type Database, openDatabase } from "../../../src/store/pool.ts";
import { createHeartbeat, type Heartbeat } from "../../../src/store/servers/heartbeat.ts";
import { readServers } from "../../../src/store/servers/row.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { until } from "../../support/wait.ts";
import { fakeTime } from "../support/fake-time.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
	for (const close of closing.splice(0).reverse()) await close();
});

function status(change: Partial<FollowStatus> = {}): FollowStatus {
	return {
		state: "following",
		source: "test",
		origin: "database",
		listening: true,
		head: { epoch: "e", revision: 7, seq: 3 },
		enforced: { epoch: "e", revision: 7, seq: 3 },
		refused: null,
		loading: null,
		lastError: null,
		policyAgeMs: 0,
		revocationAgeMs: 0,
		...change,
	};
}

interface Beating {
	readonly heartbeat: Heartbeat;
	readonly events: string[];
	is: FollowStatus;
}

function beating(database: Database, timers: Timers = realTimers, id = "one"): Beating {
	const events: string[] = [];
	const state: Beating = {
		is: status(),
		events,
		heartbeat: createHeartbeat({
			self: { id, version: "1.2.3", started: Date.UTC(2026, 0, 1) },
			database,
			status: () => state.is,
			timers,
			random: () => 0,
			events: { lost: () => events.push("lost"), back: () => events.push("back") },
		}),
	};
	closing.push(() => state.heartbeat.stop());
	return state;
}

describe("in a real database, as the server's role", () => {
	let test_: TestDatabase;
	let database: Database;
	beforeAll(async () => {
		test_ = await createTestDatabase();
		database = openDatabase(`${test_.url}?options=-c%20role%3Dfirebreak_server`, { applicationName: "heartbeat test" });
	});
	afterAll(async () => {
		await database?.end();
		await test_?.drop();
	});

	const servers = () => database.withClient(readServers);

	test("the row is there at once, follows every change, and goes with the server", async () => {
		const server = beating(database);
		server.heartbeat.start();
		await until("the first heartbeat", async () => (await servers()).length === 1);
		const [first] = await servers();
		expect(first).toEqual({
			id: "one",
			version: "1.2.3",
			epoch: "e",
			revision: 7,
			seq: 3,
			refused: null,
			problem: null,
			started: new Date(Date.UTC(2026, 0, 1)),
			heartbeat: expect.any(Date),
			ageMs: expect.any(Number),
			live: true,
		});

		server.is = status({ enforced: { epoch: "e", revision: 8, seq: 4 } });
		server.heartbeat.beat();
		await until("the next one", async () => (await servers())[0]?.revision === 8);
		const problem = (object: string) => ({ object, message: "it is wrong", cure: "mend it" });
		server.is = status({ refused: { epoch: "e", revision: 9, problems: [problem("policy a"), problem("policy b")] } });
		server.heartbeat.beat();
		await until("the refusal", async () => (await servers())[0]?.refused === 9);
		expect((await servers())[0]).toMatchObject({
			revision: 7,
			problem: "policy a: it is wrong (mend it), and 1 more",
			started: new Date(Date.UTC(2026, 0, 1)),
		});

		await server.heartbeat.stop();
		expect(await servers()).toEqual([]);
		expect(server.events).toEqual([]);
	});

	test("a server without any policy enforces revision 0; one that never saw the database says nothing", async () => {
		const server = beating(database);
		server.is = status({ head: null, enforced: null });
		server.heartbeat.start();
		await new Promise((resolve) => setTimeout(resolve, 50));
		expect(await servers()).toEqual([]);
		server.is = status({ enforced: null });
		server.heartbeat.beat();
		await until("its row", async () => (await servers()).length === 1);
		expect((await servers())[0]).toMatchObject({ epoch: "e", revision: 0, seq: 0 });
	});

	test("who was not heard of is not live, and is forgotten in the end", async () => {
		const client = await test_.connect();
		const add = (id: string, ms: number) =>
			client.query(
				`insert into firebreak.server (id, epoch, revision, seq, started, heartbeat)
				values ($1, 'e', 1, 1, now(), clock_timestamp() - make_interval(secs => $2::double precision / 1000))`,
				[id, ms],
			);
		await add("silent", LIMITS.serverLiveMs);
		await add("talking", 0);
		await add("gone", LIMITS.serverForgetMs + 1_000);
		expect((await servers()).map(({ id, live }) => [id, live])).toEqual([
			["gone", false],
			["silent", false],
			["talking", true],
		]);
		const server = beating(database);
		server.heartbeat.start();
		await until("its row", async () => (await servers()).some(({ id }) => id === "one"));
		expect((await servers()).map(({ id }) => id)).toEqual(["one", "silent", "talking"]);
		await client.query("delete from firebreak.server where id <> 'one'");
	});
});

describe("under a clock that the test drives", () => {
	/** Counts what is written; fails while told to. */
	function fakeDatabase() {
		const state = { failing: false, writes: 0, removals: 0 };
		const client = {
			query: async ({ text }: { text: string }) => {
				if (text.includes("insert into firebreak.server")) state.writes++;
				if (text.startsWith("delete from firebreak.server where id = $1")) state.removals++;
				return { rows: [{ others: 2 }] };
			},
		} as unknown as ClientBase;
		const database = {
			name: "fake",
			withClient: async (work: (given: ClientBase) => Promise<unknown>) => {
				if (state.failing) throw new Error("away");
				return work(client);
			},
		} as unknown as Database;
		return { state, database };
	}

	test("it is written at the interval, and soon after something changed, once for all that changed", async () => {
		const time = fakeTime();
		const { state, database } = fakeDatabase();
		const { heartbeat } = beating(database, time.timers);
		heartbeat.start();
		await time.settle();
		expect(state.writes).toBe(1);
		await time.advance(LIMITS.heartbeatMs * 3);
		expect(state.writes).toBe(4);
		heartbeat.beat();
		heartbeat.beat();
		await time.settle();
		expect(state.writes).toBe(4);
		heartbeat.beat();
		await time.advance(LIMITS.heartbeatSettleMs);
		expect(state.writes).toBe(5);
		await time.advance(LIMITS.heartbeatMs - 1);
		expect(state.writes).toBe(5);
		heartbeat.beat();
		await time.settle();
		await heartbeat.stop();
		expect({ ...state, pending: time.pending() }).toMatchObject({ writes: 5, removals: 1, pending: 0 });
	});

	test("an outage is said once, retried ever more slowly, and its end is said", async () => {
		const time = fakeTime();
		const { state, database } = fakeDatabase();
		const { heartbeat, events } = beating(database, time.timers);
		expect(heartbeat.live).toBe(1);
		heartbeat.start();
		await time.settle();
		state.failing = true;
		await time.advance(120_000);
		expect(events).toEqual(["lost"]);
		expect(heartbeat.live).toBe(3);
		state.failing = false;
		await time.advance(LIMITS.databaseRetryMaxMs);
		expect(events).toEqual(["lost", "back"]);
		expect(state.writes).toBeGreaterThanOrEqual(2);
	});

	test("a server that stops during an outage does not wait for its end", async () => {
		const time = fakeTime();
		const { state, database } = fakeDatabase();
		const { heartbeat } = beating(database, time.timers);
		heartbeat.start();
		await time.settle();
		state.failing = true;
		await time.advance(LIMITS.heartbeatMs);
		await heartbeat.stop();
		expect({ removals: state.removals, pending: time.pending() }).toEqual({ removals: 0, pending: 0 });
	});
});
