/** The follower against a real Postgres: what the simulated source stands for. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Client } from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../../demo/postgres.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { realTimers, type Timers } from "../../../src/store/follow/timers.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { applySchema } from "../../support/postgres-broker.ts";
import { type Followed, follow as followPostgres, revisionOf } from "../support/following.ts";
import { startProxy } from "../support/proxy.ts";
import { allow, COMPANY } from "../support/workbench.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
	for (const close of closing.splice(0).reverse()) await close();
});

function follow(url: string, pollInterval?: number, timers?: Timers): Followed {
	const followed = followPostgres(url, {
		...(pollInterval === undefined ? {} : { pollInterval }),
		...(timers ? { timers } : {}),
	});
	closing.push(() => followed.stop());
	return followed;
}

describe("with a database of its own", () => {
	let database: TestDatabase;
	let writer: Client;
	beforeAll(async () => {
		database = await createTestDatabase();
		writer = await database.connect();
		await writer.query(COMPANY);
	});
	afterAll(() => database?.drop());

	let changes = 0;
	/** @returns the revision that it made. */
	const commit = async (text: string): Promise<number> => {
		await writer.query(text);
		return Number((await writer.query("select revision from firebreak.head")).rows[0].revision);
	};
	const change = () => commit(allow("changing", `/v${++changes}`));

	test("a committed change is enforced by its notification, long before the next poll", async () => {
		const followed = follow(database.url, 3_600_000);
		await followed.follower.start();
		await followed.until(() => followed.follower.status().listening);
		const revision = await change();
		await followed.until(() => revisionOf(followed) === revision);
		expect(followed.events).toContainEqual(expect.objectContaining({ kind: "adopted", whole: false, policies: 1 }));
		await writer.query("select firebreak.revoke_token('https://id.example.org', 't1', 'stolen')");
		await followed.until(() => followed.follower.current().lane.seq === 1);
	});

	test("a lost notification is made up for by the poll", async () => {
		const followed = follow(database.url);
		await followed.follower.start();
		// The counter is moved by hand, so that no trigger notifies.
		const revision = await commit("update firebreak.policy_counter set revision = revision + 1");
		await followed.until(() => revisionOf(followed) === revision);
	});

	test("a revision that does not compile is refused whole and said, and the next good one is taken", async () => {
		const followed = follow(database.url);
		await followed.follower.start();
		const good = revisionOf(followed);
		const revision = await commit(
			allow("bad", "/v1/{id}").replace("methods =>", "condition => 'params.nothing == \"a\"', methods =>"),
		);
		await followed.until(() => followed.follower.status().refused !== null);
		expect(followed.follower.status()).toMatchObject({
			state: "following",
			enforced: { revision: good },
			refused: { revision, problems: [{ object: "policy bad", field: "condition" }] },
		});
		expect(followed.log.lines()).toContainEqual(
			expect.objectContaining({
				level: "error",
				msg: "policy revision refused; the last good one stays",
				revision,
				problems: [expect.stringContaining("policy bad, condition: ")],
			}),
		);
		const mended = await commit("select firebreak.remove('policy', 'bad')");
		await followed.until(() => revisionOf(followed) === mended);
		expect(followed.follower.status().refused).toBeNull();
	});

	test("a renewed epoch is loaded afresh", async () => {
		const followed = follow(database.url, 3_600_000);
		await followed.follower.start();
		await followed.until(() => followed.follower.status().listening);
		const { rows } = await writer.query("select firebreak.renew_epoch() as epoch");
		await followed.until(() => followed.follower.current().snapshot.epoch === rows[0].epoch);
		expect(followed.events.map(({ kind }) => kind)).toContain("rewound");
	});

	test("connections that are cut are replaced, and what was missed is loaded at once", async () => {
		const proxy = await startProxy(database.url);
		closing.push(() => proxy.stop());
		const followed = follow(proxy.url, 3_600_000);
		await followed.follower.start();
		await followed.until(() => followed.follower.status().listening);
		proxy.refuse(true);
		proxy.cut();
		await followed.until(() => !followed.follower.status().listening);
		const before = revisionOf(followed);
		const revision = await change();
		expect(revisionOf(followed)).toBe(before);
		proxy.refuse(false);
		await followed.until(() => revisionOf(followed) === revision);
	});

	test("connections that go silent do not stop it", async () => {
		const proxy = await startProxy(database.url);
		closing.push(() => proxy.stop());
		const followed = follow(proxy.url);
		await followed.follower.start();
		await followed.until(() => followed.follower.status().listening);
		proxy.freeze();
		const revision = await change();
		await followed.until(() => revisionOf(followed) === revision);
		await followed.until(() => followed.events.some(({ kind }) => kind === "found"));
		expect(followed.events.map(({ kind }) => kind)).toContain("lost");
		expect(JSON.stringify(followed.log.lines())).not.toContain(new URL(database.url).password);
	});
});

describe("a LISTEN connection that is half dead: no packet comes through it, and no reset", () => {
	let database: TestDatabase;
	beforeAll(async () => {
		database = await createTestDatabase();
		await (await database.connect()).query(COMPANY);
	});
	afterAll(() => database?.drop());

	/** Listens, is silenced then, and by its own account still listens. */
	async function silenced(pollInterval: number, checkMs: number) {
		const proxy = await startProxy(database.url);
		closing.push(() => proxy.stop());
		const after: Timers["after"] = (ms, task) => realTimers.after(ms === LIMITS.listenCheckMs ? checkMs : ms, task);
		const followed = follow(proxy.url, pollInterval, { ...realTimers, after });
		await followed.follower.start();
		await followed.until(() => followed.follower.status().listening);
		proxy.freeze("listen ");
		return { followed };
	}
	const commit = async (path: string) => {
		const writer = await database.connect();
		await writer.query(allow("half-dead", path));
		return Number((await writer.query("select revision from firebreak.head")).rows[0].revision);
	};

	test("the poll finds what changes meanwhile, and no error is made of it", async () => {
		const { followed } = await silenced(50, 3_600_000);
		const revision = await commit("/polled");
		await followed.until(() => revisionOf(followed) === revision);
		expect(followed.follower.status()).toMatchObject({ state: "following", listening: true, lastError: null });
		expect(followed.events.map(({ kind }) => kind)).toEqual(expect.not.arrayContaining(["lost", "deaf"]));
	});

	test("it is found out and replaced, what was missed is loaded at once, and hints come again", async () => {
		const { followed } = await silenced(3_600_000, 200);
		const missed = await commit("/missed");
		await followed.until(() => followed.events.some(({ kind }) => kind === "deaf"));
		expect(followed.follower.status().lastError).toMatch(/cannot be reached: Query read timeout/);
		await followed.until(() => revisionOf(followed) === missed && followed.follower.status().listening);
		expect(followed.follower.status().lastError).toBeNull();
		expect(followed.events.filter(({ kind }) => kind === "listening")).toHaveLength(2);
		const hinted = await commit("/hinted");
		await followed.until(() => revisionOf(followed) === hinted);
	});
});

describe("with a Postgres of its own", () => {
	let postgres: EmbeddedPostgres;
	beforeAll(async () => {
		postgres = await startEmbeddedPostgres();
	});
	afterAll(() => postgres?.stop());

	test("a Postgres that stops changes nothing, and one that starts again is followed again", async () => {
		const commit = async (text: string) => {
			const client = new Client({ connectionString: postgres.url });
			await client.connect();
			if (text === "schema") await applySchema(client);
			else await client.query(text);
			await client.end();
		};
		await commit("schema");
		await commit(COMPANY);
		const followed = follow(postgres.url);
		await followed.follower.start();
		await followed.until(() => followed.follower.status().listening);
		const { snapshot } = followed.follower.current();

		await postgres.halt();
		await followed.until(() => followed.follower.status().state === "lost" && !followed.follower.status().listening);
		expect(followed.follower.current().snapshot).toBe(snapshot);
		expect(followed.follower.status()).toMatchObject({
			enforced: { revision: 1 },
			lastError: expect.stringMatching(/^Postgres at 127\.0\.0\.1:\d+\/postgres (cannot be reached|is |ended )/),
		});

		await postgres.resume();
		await commit(allow("after", "/after"));
		await followed.until(() => revisionOf(followed) === 2 && followed.follower.status().listening);
		expect(followed.follower.status()).toMatchObject({ state: "following", lastError: null });
	});

	test("a server that starts before Postgres does begins when it comes", async () => {
		await postgres.halt();
		const followed = follow(postgres.url);
		const ready = followed.follower.start();
		await followed.until(() => followed.follower.status().state === "lost");
		await postgres.resume();
		await ready;
		expect(followed.follower.status()).toMatchObject({ enforced: { revision: 2 } });
	});
});
