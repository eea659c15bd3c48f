/** Live policy through Envoy: changes under traffic, a revision that does not compile, Postgres going and coming back. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { query } from "../../demo/database.ts";
import { migrateUp } from "../../demo/firebreak.ts";
import { type Stage, setStage } from "../../demo/stage.ts";
import { type Line, STORY } from "../../demo/story.ts";
import { ask, differences, type Told, tell } from "../../demo/teller.ts";
import { until } from "../support/wait.ts";

const READ = STORY[0] as Line;
const DELETE = STORY.find(({ row }) => row === 7) as Line;

let stage: Stage;
beforeAll(async () => {
	stage = await setStage();
});
afterAll(() => stage?.world.stop());

const send = (line: Line): Promise<Told> => tell(stage.world, stage.issuers, line);
const statusOf = async (line: Line): Promise<number> => (await ask(stage.world, stage.issuers, line)).response.status;

interface Status {
	readonly ready: boolean;
	readonly warnings: readonly string[];
	readonly policy: { readonly revision: number; readonly refused: { readonly revision: number } | null };
	readonly database: { readonly reachable: boolean; readonly head: { readonly revision: number } };
}

async function status(): Promise<Status> {
	return (await (await fetch(`${stage.firebreak.adminUrl}/v1/status`)).json()) as Status;
}

async function metric(name: string): Promise<number> {
	const text = await (await fetch(`${stage.firebreak.adminUrl}/metrics`)).text();
	return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

async function migrate(slug: string, sql: string): Promise<number> {
	stage.policies.add("payments", slug, sql);
	return (await migrateUp(stage.world.databaseUrl, stage.policies.path)).revision;
}

const DENY = `select firebreak.deny(name => 'nobody-reads-payments', source => '*', destination => 'payments',
	owner => 'payments', methods => array['GET'], paths => array['/v1/payments/{id}']);`;
const ALLOW_AGAIN = "select firebreak.remove(kind => 'policy', name => 'nobody-reads-payments');";

describe("a deny that is migrated and removed while traffic runs", () => {
	test("each request is answered by one revision or the next, and by nothing else", async () => {
		const statuses: number[] = [];
		let over = false;
		const caller = async (): Promise<void> => {
			while (!over) statuses.push(await statusOf(READ));
		};
		const traffic = Promise.all([caller(), caller(), caller()]);
		try {
			await until("traffic runs", () => statuses.length > 10);
			expect(new Set(statuses)).toEqual(new Set([200]));
			await migrate("deny", DENY);
			await until("it is denied", () => statuses.at(-1) === 403);
			expect((await send(READ)).verdict).toMatchObject({ reason: "policy_denied", policy: "nobody-reads-payments" });
			await migrate("allow_again", ALLOW_AGAIN);
			await until("it passes again", () => statuses.at(-1) === 200);
		} finally {
			over = true;
		}
		await traffic;
		expect(new Set(statuses)).toEqual(new Set([200, 403]));
		// From passing to denied and back: twice, give or take those that were on their way.
		const turns = statuses.filter((answered, i) => i > 0 && answered !== statuses[i - 1]).length;
		expect(turns).toBeLessThanOrEqual(10);
		expect(differences(READ, await send(READ))).toEqual([]);
	});
});

describe("a revision that does not compile", () => {
	let good: number;
	let bad: number;
	beforeAll(async () => {
		good = (await status()).policy.revision;
		// What no migration can do, since it is compiled before it is committed: a superuser writes straight into the tables.
		await query(
			stage.world.databaseUrl,
			`begin;
			update firebreak.policy set condition = 'params.id ==' where name = 'orders-reads-payments';
			update firebreak.policy set methods = array['GET', 'DELETE'] where name = 'orders-reads-payments';
			commit;`,
		);
		const [head] = await query<{ revision: string }>(stage.world.databaseUrl, "select revision from firebreak.head");
		bad = Number(head?.revision);
		expect(bad).toBe(good + 1);
		await until("it is refused", async () => (await status()).policy.refused !== null);
	});

	test("is refused whole: the last good one serves on", async () => {
		expect(differences(READ, await send(READ))).toEqual([]);
		expect(differences(DELETE, await send(DELETE))).toEqual([]);
		expect((await send(READ)).verdict.revision).toBe(good);
	});

	test("is told by status and metrics, and does not take the server out of service", async () => {
		const told = await status();
		expect(told).toMatchObject({ ready: true, policy: { revision: good, refused: { revision: bad } } });
		expect(told.warnings.join()).toContain(`revision ${bad} does not compile`);
		expect(JSON.stringify(told.policy.refused)).toContain("orders-reads-payments");
		expect(await metric("firebreak_revisions_refused_total")).toBeGreaterThanOrEqual(1);
		expect(await metric("firebreak_policy_revision")).toBe(good);
	});

	test("is over with the next one that compiles", async () => {
		await query(
			stage.world.databaseUrl,
			"update firebreak.policy set condition = null, methods = array['GET', 'HEAD'] where name = 'orders-reads-payments'",
		);
		await until("the next one is enforced", async () => (await status()).policy.revision > bad);
		expect((await status()).policy.refused).toBeNull();
		expect(differences(READ, await send(READ))).toEqual([]);
		expect(differences(DELETE, await send(DELETE))).toEqual([]);
	});
});

describe("Postgres stopped and started again", () => {
	test("changes no answer, is told, and a policy that is committed afterwards is enforced", async () => {
		const { postgres } = stage.world;
		if (!postgres) throw new Error("the stage has a Postgres of its own");
		const { pid } = stage.firebreak.process;
		await postgres.halt();
		for (const line of STORY) expect(differences(line, await send(line))).toEqual([]);
		await until("it is told", async () => !(await status()).database.reachable);
		expect(await status()).toMatchObject({ ready: true });
		for (const line of STORY) expect(differences(line, await send(line))).toEqual([]);

		await postgres.resume();
		await until("it is reached again", async () => (await status()).database.reachable);
		const revision = await migrate("deny_again", DENY);
		await until("the deny is enforced", async () => (await statusOf(READ)) === 403);
		expect((await send(READ)).verdict).toMatchObject({ reason: "policy_denied", revision });
		await migrate("allow_once_more", ALLOW_AGAIN);
		await until("it passes again", async () => (await statusOf(READ)) === 200);
		process.kill(pid, 0);
	});
});
