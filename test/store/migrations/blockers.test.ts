/** Runs that wait for others' open transactions say whom they wait for. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { UpEvent } from "../../../src/store/migrations/up.ts";
import { until } from "../../support/wait.ts";
import { allow, COMPANY, openWorkbench, type Workbench } from "../support/workbench.ts";

let bench: Workbench;
const WRITING = `select firebreak.domain('partner', 'platform', flow => 'mtls'); set constraints all immediate;`;

beforeAll(async () => {
	bench = await openWorkbench();
	bench.put("platform/20260101000000_company.sql", COMPANY);
	await bench.up();
});
beforeEach(() => bench.emptyFolder());
afterAll(() => bench?.close());

/** What a run reports of those that hold it up, while `act` goes on beside it. */
async function reported(act: (events: readonly UpEvent[]) => Promise<void>): Promise<readonly UpEvent[]> {
	const events: UpEvent[] = [];
	const running = bench.up({ report: (event) => events.push(event) });
	await Promise.race([running, act(events)]);
	expect((await running).applied).toHaveLength(1);
	return events.filter(({ kind }) => kind === "blocked" || kind === "waiting");
}

test("a run that an author's open transaction holds up names it, once, and goes on when that ends", async () => {
	const author = await bench.test.connect();
	try {
		await author.query("set application_name = 'psql of pat'");
		const { rows } = await author.query("select pg_backend_pid() as pid, current_user as login");
		await author.query("begin");
		await author.query(WRITING);
		bench.put("platform/20260201000000_a.sql", allow("a", "/a"));
		const told = await reported(async (events) => {
			await until("it says that it waits", () => events.some(({ kind }) => kind === "blocked"));
			await author.query("commit");
		});
		expect(told).toEqual([{ kind: "blocked", by: [{ ...rows[0], application: "psql of pat" }] }]);
	} finally {
		await author.end();
	}
});

test("a run that waits for nobody names nobody, however long it takes", async () => {
	const gate = await bench.gate();
	bench.put("platform/20260202000000_b.sql", `${allow("b", "/b")} ${gate.sql}`);
	const looks = async () => {
		const client = await bench.test.connect();
		try {
			const text =
				"select from pg_stat_activity where datname = current_database() and query like '%unnest(pg_blocking_pids%'";
			return (await client.query(`${text} and pid <> pg_backend_pid()`)).rowCount;
		} finally {
			await client.end();
		}
	};
	const told = await reported(async () => {
		await until("it has looked", async () => (await looks()) === 1);
		await gate.open();
	});
	expect(told).toEqual([]);
});
