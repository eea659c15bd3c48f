/** Budgets through Envoy: two servers that share one, by halves in memory or together in Redis; what the caller sees of 429. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { query } from "../../demo/database.ts";
import { migrateUp } from "../../demo/firebreak.ts";
import { type Stage, setStage } from "../../demo/stage.ts";
import { type Line, STORY } from "../../demo/story.ts";
import { ask, tell } from "../../demo/teller.ts";
import { hasRedis, startRedis, type TestRedis } from "../support/redis.ts";
import { until } from "../support/wait.ts";

const READ = STORY[0] as Line;
const DELETE = STORY.find(({ row }) => row === 7) as Line;
const BURST = 10;

let stage: Stage;

/** Migrates, and returns when both servers enforce it and know of each other. */
async function migrate(slug: string, sql: string): Promise<void> {
	stage.policies.add("payments", slug, sql);
	const { revision } = await migrateUp(stage.world.databaseUrl, stage.policies.path);
	await until("both servers enforce it", async () => {
		const rows = await query(stage.world.databaseUrl, "select revision from firebreak.server");
		return rows.length === 2 && rows.every((row) => Number(row.revision) === revision);
	});
}

const budget = (per_second: number, burst: number) =>
	`select firebreak.rate_limit(kind => 'segment', name => 'payments', per_second => ${per_second}, burst => ${burst});`;

/** How often each status came. */
async function statuses(line: Line, count: number): Promise<Record<number, number>> {
	const seen: Record<number, number> = {};
	for (let turn = 0; turn < count; turn++) {
		const { status } = (await ask(stage.world, stage.issuers, line)).response;
		seen[status] = (seen[status] ?? 0) + 1;
	}
	return seen;
}

async function fallbacks(): Promise<number> {
	const texts = await Promise.all(
		stage.replicas.map(async ({ adminUrl }) => (await fetch(`${adminUrl}/metrics`)).text()),
	);
	return texts
		.flatMap((text) => [...text.matchAll(/^firebreak_rate_fallbacks_total\{.*\} (\d+)$/gm)])
		.reduce((sum, [, count]) => sum + Number(count), 0);
}

describe("in memory", () => {
	beforeAll(async () => {
		stage = await setStage({ servers: 2 });
	});
	afterAll(() => stage?.world.stop());

	test("two servers grant a budget by halves; what policy refuses spends nothing; other destinations go on", async () => {
		await migrate("limit", budget(0.001, BURST));
		expect(await statuses(DELETE, 20)).toEqual({ 403: 20 });
		const seen = await statuses(READ, 60);
		// Each of the two was asked, whichever way Envoy turned.
		expect(seen).toEqual({ 200: BURST, 429: 50 });
		const other = STORY.find(({ to, expect: { status } }) => to !== "payments" && status === 200) as Line;
		expect(await statuses(other, 3)).toEqual({ 200: 3 });
	});

	test("the caller is told when to come again, and nothing of policy", async () => {
		const { response, verdict } = await tell(stage.world, stage.issuers, READ);
		expect(verdict).toMatchObject({ decision: "deny", reason: "rate_limited", detail: "segment" });
		expect(response.status).toBe(429);
		expect(response.headers).toMatchObject({
			"retry-after": expect.stringMatching(/^\d+$/),
			"ratelimit-policy": '"segment";q=10;w=10000',
			ratelimit: `"segment";r=0;t=${response.headers["retry-after"]}`,
		});
		expect(JSON.stringify(response.body)).not.toContain("payments");
	});

	test("new figures take effect at once; without a budget nothing is counted", async () => {
		await migrate("wider", budget(0.001, BURST + 4));
		expect(await statuses(READ, 30)).toEqual({ 200: 4, 429: 26 });
		await migrate("remove", "select firebreak.remove(kind => 'rate_limit', name => 'segment:payments');");
		expect(await statuses(READ, 30)).toEqual({ 200: 30 });
	});
});

(hasRedis("test/e2e/budgets.test.ts, in Redis,") ? describe : describe.skip)("in Redis", () => {
	let redis: TestRedis;
	beforeAll(async () => {
		redis = await startRedis();
		stage = await setStage({
			servers: 2,
			settings: { FIREBREAK_RATE_STORE: "redis", FIREBREAK_REDIS_URL: redis.url },
		});
	});
	afterAll(async () => {
		await stage?.world.stop();
		await redis?.stop();
	});

	test("two servers spend one budget; without Redis each its half, counted; nothing else is touched", async () => {
		await migrate("limit", budget(0.001, BURST));
		const first = await statuses(READ, 25);
		const before = await fallbacks();
		// None, but on a machine so busy that Redis seems slow.
		expect(first[200]).toBeGreaterThanOrEqual(BURST);
		expect(first[200]).toBeLessThanOrEqual(BURST + before);
		await redis.stop();
		await migrate("fresh", budget(0.001, BURST + 2));
		const seen = await statuses(READ, 60);
		expect(seen[200]).toBeLessThanOrEqual(BURST + 2);
		expect(seen[200]! + seen[429]!).toBe(60);
		expect((await fallbacks()) - before).toBeGreaterThanOrEqual(60);
		expect(await statuses(DELETE, 5)).toEqual({ 403: 5 });
	});
});
