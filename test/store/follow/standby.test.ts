/** A real hot standby: no source while it is one, also behind one name with the primary; then it is promoted, with less. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Client } from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../../demo/postgres.ts";
import { loadChanges } from "../../../src/store/changes.ts";
import type { FollowEvent } from "../../../src/store/follow/events.ts";
import { readHead } from "../../../src/store/head.ts";
import { openDatabase } from "../../../src/store/pool.ts";
import { applySchema } from "../../support/postgres-broker.ts";
import { until } from "../../support/wait.ts";
import { type Followed, follow, revisionOf } from "../support/following.ts";
import { startProxy } from "../support/proxy.ts";
import { allow, COMPANY, refusal } from "../support/workbench.ts";

let primary: EmbeddedPostgres;
let standby: EmbeddedPostgres;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
	primary = await startEmbeddedPostgres();
	const client = new Client({ connectionString: primary.url });
	await client.connect();
	await applySchema(client);
	await client.end();
	await run(primary, COMPANY);
});
beforeEach(async () => {
	standby = await primary.standby();
	closing.push(() => standby.stop());
});
afterEach(async () => {
	for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => primary?.stop());

async function run(postgres: EmbeddedPostgres, text: string) {
	const client = new Client({ connectionString: postgres.url });
	await client.connect();
	try {
		return (await client.query(text)).rows;
	} finally {
		await client.end();
	}
}

async function revisionIn(postgres: EmbeddedPostgres): Promise<number> {
	return Number((await run(postgres, "select revision from firebreak.head"))[0].revision);
}

/** @returns the revision that it made. */
async function commit(postgres: EmbeddedPostgres, text: string): Promise<number> {
	await run(postgres, text);
	return revisionIn(postgres);
}

const caughtUp = (revision: number) =>
	until("the standby has it", async () => (await revisionIn(standby)) === revision);

function following(url: string): Followed {
	const followed = follow(url);
	closing.push(() => followed.stop());
	return followed;
}

const WHY = {
	code: "store_unsuitable",
	message: "the database is a read-only standby",
	problems: [
		{
			object: "DATABASE_URL",
			message: "a standby cannot notify, and its lag looks fresh",
			cure: "name the primary, as with target_session_attrs=read-write and several hosts behind one name",
		},
	],
};

describe("a standby", () => {
	test("is refused by a server that starts, which answers nothing from it and says why", async () => {
		await caughtUp(await commit(primary, allow("replicated", "/v1")));
		const followed = following(standby.url);
		void followed.follower.start();
		await followed.until(() => followed.follower.status().state === "lost");
		expect(followed.events.find(({ kind }) => kind === "lost")).toMatchObject({ error: WHY });
		expect(followed.follower.status()).toMatchObject({ enforced: null, lastError: WHY.message });
		expect(followed.follower.current().policyConfirmedAt).toBe(Number.NEGATIVE_INFINITY);
		expect(followed.log.lines()).toContainEqual(
			expect.objectContaining({ msg: "the policy source does not answer; what is known is enforced on" }),
		);
	});

	test("can be read by what only looks, and says what it is to what writes", async () => {
		await caughtUp(await revisionIn(primary));
		const database = openDatabase(standby.url, { applicationName: "firebreak test" });
		closing.push(() => database.end());
		const head = await database.withClient(readHead);
		expect(head.revision).toBe(await revisionIn(primary));
		expect(await database.withClient((client) => loadChanges(client, head))).toMatchObject({ revision: head.revision });
		const write = "select firebreak.quarantine('workload', 'spiffe://prod.example.org/orders', 'no')";
		const error = await refusal(database.withClient((client) => client.query(write)));
		expect(error).toMatchObject({
			code: "store_unsuitable",
			problems: [{ cure: expect.stringMatching(/^name the primary/) }],
		});
	});
});

describe("a failover to a standby that is behind", () => {
	/** A follower behind one name, which leads to the primary until it is turned. */
	async function behindOneName() {
		const name = await startProxy(primary.url);
		closing.push(() => name.stop());
		const followed = following(name.url);
		await followed.follower.start();
		await followed.until(() => followed.follower.status().listening);
		const turn = () => {
			name.lead(standby.url);
			name.cut();
		};
		return { followed, turn };
	}

	test("is refused until it is promoted; then what it lacks is in force no more, also under numbers given out anew", async () => {
		const { followed, turn } = await behindOneName();
		const kept = await commit(primary, allow("both", "/both"));
		await caughtUp(kept);
		// From here on it gets nothing from the primary.
		await run(standby, "alter system set primary_conninfo = ''");
		await run(standby, "select pg_reload_conf()");
		await until("it is cut off", async () => (await run(primary, "select 1 from pg_stat_replication")).length === 0);
		const lost = await commit(primary, allow("lost", "/lost"));
		await followed.until(() => revisionOf(followed) === lost);
		expect(await revisionIn(standby)).toBe(kept);

		turn();
		await until("it is refused", () => followed.follower.status().lastError === WHY.message);
		expect(revisionOf(followed)).toBe(lost);

		await run(standby, "select pg_promote()");
		await followed.until(() => revisionOf(followed) === kept);
		// The promotion began another line of history, and its epoch says so.
		const rewound = followed.events.find(({ kind }) => kind === "rewound") as Rewound;
		expect([rewound.from.revision, rewound.to.revision]).toEqual([lost, kept]);
		expect(rewound.to.epoch).not.toBe(rewound.from.epoch);
		expect(names(followed)).toEqual(["both"]);
		const anew = await commit(standby, allow("anew", "/anew"));
		expect(anew).toBe(lost);
		await followed.until(() => revisionOf(followed) === anew);
		expect(names(followed)).toEqual(["anew", "both"]);
		// The listening connection is made anew when its wait is over.
		await followed.until(() => followed.follower.status().lastError === null);
		expect(followed.follower.status()).toMatchObject({ state: "following", refused: null });
	});
});

type Rewound = Extract<FollowEvent, { kind: "rewound" }>;

function names({ follower }: Followed): string[] {
	const shards = [...follower.current().snapshot.shards.values()];
	const rules = shards.flatMap(({ bySource }) => [...bySource.values()].flatMap((set) => set.rules));
	return rules
		.map(({ name }) => name)
		.filter((name) => name !== "replicated")
		.sort();
}
