/** What a dry run says of a run, held against what the run then does. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { loadPolicySet } from "../../../src/store/load.ts";
import type { Plan } from "../../../src/store/migrations/plan.ts";
import { readObjectChanges } from "../../../src/store/object-changes.ts";
import { allow, COMPANY, openWorkbench, type Workbench } from "../support/workbench.ts";

let bench: Workbench;

beforeAll(async () => {
	bench = await openWorkbench();
	bench.put("platform/20260101000000_company.sql", `${COMPANY}${allow("reads", "/v1/{id}")}`);
	await bench.up();
});
beforeEach(() => bench.emptyFolder());
afterAll(() => bench?.close());

let day = 0;
async function planOf(sql: string): Promise<Plan> {
	bench.put(`platform/${20260200000000 + ++day * 1_000_000}_step.sql`, sql);
	const before = await bench.database.withClient((client) => loadPolicySet(client));
	const { plan } = await bench.up({ dryRun: true });
	expect(await bench.database.withClient((client) => loadPolicySet(client))).toMatchObject({
		revision: before.revision,
	});
	const { head, changed } = await bench.up();
	// What it said is what became of it.
	const since = changed ? head.revision - 1 : head.revision;
	const changes = await bench.database.withClient((client) => readObjectChanges(client, since));
	expect(plan!.objects.map(({ kind, name, before: was, after }) => ({ kind, name, was, after }))).toEqual(
		expect.arrayContaining(changes.map(({ kind, name, before: was, after }) => ({ kind, name, was, after }))),
	);
	expect(plan!.objects).toHaveLength(changes.length);
	return plan!;
}

const brief = ({ objects }: Plan) => objects.map(({ change, kind, name }) => `${change} ${kind} ${name}`);

test("the first run adds everything", async () => {
	const fresh = await openWorkbench();
	try {
		fresh.put("platform/20260101000000_company.sql", `${COMPANY}${allow("reads", "/v1/{id}")}`);
		const { plan } = await fresh.up({ dryRun: true });
		expect(brief(plan!)).toEqual([
			"added owner platform",
			"added domain internal",
			"added segment orders",
			"added segment payments",
			"added policy reads",
		]);
		expect(plan!.edges.opened).toEqual([{ source: "orders", destination: "payments", segments: null }]);
	} finally {
		await fresh.close();
	}
});

test("objects with the fields that differ, and edges that open and close", async () => {
	const plan = await planOf(`
		select firebreak.segment('ledger', 'internal', 'prod', 'platform', array['spiffe://prod.example.org/ledger']);
		select firebreak.remove('policy', 'reads');
		select firebreak.allow(name => 'all', source => '*', destination => 'ledger', owner => 'platform', methods => array['GET'], paths => array['/**']);
		select firebreak.domain('internal', 'platform', flow => 'mtls', hidden => true);`);
	expect(brief(plan)).toEqual([
		"altered domain internal",
		"added segment ledger",
		"added policy all",
		"removed policy reads",
	]);
	expect(plan.objects[0]!.fields).toEqual([{ field: "hidden", before: false, after: true }]);
	expect(plan.edges).toEqual({
		opened: [{ source: "*", destination: "ledger", segments: ["ledger", "orders", "payments"] }],
		closed: [{ source: "orders", destination: "payments", segments: null }],
		monitor: { begun: [], ended: [] },
	});
});

test("what changes and is changed back is no change; nothing pending plans nothing", async () => {
	const plan = await planOf(`
		select firebreak.remove('policy', 'all');
		select firebreak.allow(name => 'all', source => '*', destination => 'ledger', owner => 'platform', methods => array['GET'], paths => array['/**']);`);
	expect(plan).toEqual({ objects: [], edges: { opened: [], closed: [], monitor: { begun: [], ended: [] } } });
	expect((await bench.up({ dryRun: true })).plan).toEqual(plan);
	expect((await bench.up()).plan).toBeNull();
});

test("only the run's own changes count, not what others commit meanwhile", async () => {
	const client = await bench.test.connect();
	const gate = await bench.gate();
	bench.put("platform/20260301000000_own.sql", gate.sql);
	bench.put("platform/20260302000000_own.sql", allow("own", "/own"));
	const running = Promise.withResolvers<void>();
	const dry = bench.up({
		dryRun: true,
		// Asked for the time when the first file begins.
		clock: () => {
			running.resolve();
			return Date.now();
		},
	});
	await running.promise;
	await client.query(allow("others", "/others"));
	await gate.open();
	expect(brief((await dry).plan!)).toEqual(["added policy own"]);
});

test("numbers keep every digit", async () => {
	const plan = await planOf("select firebreak.rate_limit('segment', 'ledger', 0.1234567890123456789, 5);");
	expect(JSON.stringify(plan.objects[0]!.after)).toContain('"per_second":0.1234567890123456789');
});
