/** Applying what undo wrote gives what stood: over the example, and over random histories. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Client } from "pg";
import { migrateUndo, type UndoOptions } from "../../../../src/store/migrations/undo/undo.ts";
import { type Arguments, call, EXAMPLE, headOf } from "../../schema/calls.ts";
import { FULL } from "../../schema/full.ts";
import { makeChanges, policyChanges } from "../../support/policy-changes.ts";
import { openWorkbench, refusal, type Workbench } from "../../support/workbench.ts";

/** Hundreds of transactions, on machines of any speed. */
const PATIENCE_MS = 180_000;

let bench: Workbench;
let client: Client;
let now: number;

beforeAll(async () => {
	bench = await openWorkbench();
	await bench.up();
	client = await bench.test.connect();
});
afterAll(() => bench?.close());
beforeEach(() => {
	now ??= Date.UTC(2026, 0, 1);
});

/** Each undo has an hour of its own. */
function undo(toRevision: number, options: Partial<UndoOptions> = {}) {
	now += 3_600_000;
	bench.emptyFolder();
	const directory = bench.folders().policy;
	return migrateUndo(bench.database, { directory, toRevision, owner: null, name: null, clock: () => now, ...options });
}

/** As the set would be judged; that the set compiles is not what is tried here. */
const apply = () =>
	bench.up({
		// biome-ignore lint/correctness/useYield: it gives its answer at once
		compile: function* () {
			return { ok: true, snapshot: null as never };
		},
	});

const setAt = async (revision: number, where = "true") =>
	(
		await client.query(`select kind, name, owner, spec from firebreak.policy_at($1) where ${where} order by 1, 2`, [
			revision,
		])
	).rows;
const revision = async () => (await headOf(client)).revision;
const textsOf = ({ files }: Awaited<ReturnType<typeof undo>>) => files.map(({ path }) => readFileSync(path, "utf8"));

/** The example and one object of each kind with every argument given, as revisions of their own. */
async function stateExample(): Promise<number> {
	await client.query("begin");
	for (const [name, args] of EXAMPLE) await call(client, name, args);
	await client.query("commit");
	for (const [name, , args] of FULL) await call(client, name, args);
	return revision();
}

describe("undo", () => {
	test("from everything to nothing and back: every argument of every function", async () => {
		const full = await stateExample();
		const toNothing = await undo(0);
		expect((await apply()).applied).toHaveLength(toNothing.files.length);
		expect(await setAt(await revision())).toEqual([]);

		await undo(full);
		await apply();
		expect(await setAt(await revision())).toEqual(await setAt(full));
	});

	test("holds only what differs, says what it undoes, and is there to be read", async () => {
		const before = await revision();
		await client.query(`
			begin;
			select firebreak.allow('orders-reads-payments', 'orders', 'payments', 'payments', array['GET', 'HEAD'], array['/v1/payments/{id}'],
				scopes => array['payments:read'], reason => 'it''s asked for');
			select firebreak.allow('new', 'web', 'payments', 'payments', array['GET'], array['/new']);
			select firebreak.remove('policy', 'no-cards');
			commit`);
		const outcome = await undo(before, { owner: "payments", name: "No more of it" });
		expect(outcome).toMatchObject({ toRevision: before, head: { revision: before + 1 } });
		expect(outcome.files).toEqual([
			{ path: expect.stringMatching(/\/payments\/\d{14}_no_more_of_it\.sql$/), owner: "payments", statements: 3 },
		]);
		const [text] = textsOf(outcome);
		const { rows } = await client.query('select at, "by" from firebreak.revision where number = $1', [before + 1]);
		expect(
			text,
		).toBe(`-- Puts payments's part of the policy set back as it was at revision ${before}: undoes revision ${before + 1}.
--   ${before + 1}, ${rows[0].at.toISOString()}, ${rows[0].by}: by hand

-- policy new: was added
select firebreak.remove('policy', 'new');

-- policy no-cards: was removed
select firebreak.deny(
	name => 'no-cards',
	source => '*',
	destination => 'payments',
	owner => 'payments',
	methods => array['*'],
	paths => array['/v1/cards/**']
);

-- policy orders-reads-payments: was altered (reason, methods)
select firebreak.allow(
	name => 'orders-reads-payments',
	source => 'orders',
	destination => 'payments',
	owner => 'payments',
	methods => array['GET'],
	paths => array['/v1/payments/{id}'],
	scopes => array['payments:read']
);
`);
		await apply();
		expect(await setAt(await revision())).toEqual(await setAt(before));
		expect((await undo(before)).files).toEqual([]);
	});

	test("consent to a crossing comes back and goes again", async () => {
		const accepted = await revision();
		await call(client, "crossing", {
			...EXAMPLE.find(([name]) => name === "crossing")![1],
			reason: "something else",
		});
		const voided = await revision();
		await call(client, "accept_crossing", { name: "web-to-internal", owner: "platform" });
		const again = await revision();
		for (const wanted of [voided, again, accepted, voided]) {
			await undo(wanted);
			await apply();
			expect(await setAt(await revision(), "kind = 'crossing'")).toEqual(await setAt(wanted, "kind = 'crossing'"));
		}
		expect(textsOf(await undo(again)).join("")).toContain(
			"select firebreak.accept_crossing(name => 'web-to-internal', owner => 'platform');",
		);
	});

	test("each owner's part goes to its own folder, in an order that their times state", async () => {
		const before = await revision();
		await client.query(`
			begin;
			select firebreak.segment('payments', 'internal', 'prod', 'orders', array['spiffe://prod.example.org/ns/payments/sa/payments']);
			select firebreak.allow('orders-reads-payments', 'orders', 'payments', 'orders', array['GET'], array['/x']);
			select firebreak.remove('policy', 'no-cards'), firebreak.remove('policy', 'full');
			select firebreak.remove('rate_limit', 'segment:payments');
			commit`);
		const { files } = await undo(before);
		expect(files.map(({ owner }) => owner)).toEqual(["orders", "payments"]);
		expect(readFileSync(files[1]!.path, "utf8")).toMatch(/^-- requires: orders\/\d{14}_undo_to_revision_\d+\n/);
		await apply();
		expect(await setAt(await revision())).toEqual(await setAt(before));
	});

	test("what is not there is refused by name", async () => {
		expect(await refusal(undo((await revision()) + 1))).toMatchObject({ code: "not_found" });
		expect(await refusal(undo(0, { owner: "nobody" }))).toMatchObject({
			code: "not_found",
			problems: [{ object: "--owner" }],
		});
		expect(await refusal(undo(0, { name: "../up" }))).toMatchObject({
			code: "usage",
			problems: [{ object: "--name" }],
		});
	});
});

describe("over random histories", () => {
	test(
		"the set is what it was at the revision",
		async () => {
			await fc.assert(
				fc.asyncProperty(policyChanges, fc.nat(), async (transactions, choice) => {
					await makeChanges(client, transactions);
					const wanted = choice % ((await revision()) + 1);
					const { files } = await undo(wanted);
					const { applied, head } = await apply();
					expect(applied.filter(({ owner }) => owner !== null)).toHaveLength(files.length);
					expect(await setAt(head.revision)).toEqual(await setAt(wanted));
				}),
				{ numRuns: 25, endOnFailure: true },
			);
		},
		PATIENCE_MS,
	);

	test(
		"and every file is within the rights of its owner's role",
		async () => {
			const roles = {
				orders: await bench.test.role("orders", "firebreak_author"),
				payments: await bench.test.role("payments", "firebreak_author"),
			};
			const fenced = (name: string, args: Arguments): Arguments => {
				if (name === "owner") return { ...args, role: roles[args.name as keyof typeof roles] ?? null };
				// Who may vouch for other workloads is an operator.
				return name === "segment" ? { ...args, enforcer: false } : args;
			};
			await client.query("begin");
			await client.query("select firebreak.remove(kind, name) from firebreak.object");
			await client.query("commit");
			const start = await revision();
			await fc.assert(
				fc.asyncProperty(policyChanges, fc.nat(), async (transactions, choice) => {
					await makeChanges(client, transactions, fenced);
					const wanted = start + (choice % ((await revision()) - start + 1));
					await undo(wanted);
					const { head } = await apply();
					expect(await setAt(head.revision)).toEqual(await setAt(wanted));
				}),
				{ numRuns: 25, endOnFailure: true },
			);
		},
		PATIENCE_MS,
	);

	test(
		"an owner's policies and segments are what they were, and nobody else's have changed",
		async () => {
			await fc.assert(
				fc.asyncProperty(policyChanges, fc.nat(), async (transactions, choice) => {
					await makeChanges(client, transactions);
					const wanted = choice % ((await revision()) + 1);
					await undo(wanted, { owner: "payments" }).catch((error) => {
						if (error.code !== "not_found") throw error;
					});
					const before = await revision();
					// What others own now may be in the way of what was; then nothing is applied.
					const applied = await apply().then(
						() => true,
						(error) => {
							expect(error.code).toBe("migration_invalid");
							return false;
						},
					);
					const others = "kind in ('policy', 'segment') and owner <> 'payments'";
					expect(await setAt(await revision(), others)).toEqual(await setAt(before, others));
					if (!applied) return;
					const own = "kind in ('policy', 'segment') and owner = 'payments'";
					const keys = async (at: number, where: string) =>
						(await setAt(at, where)).map(({ kind, name }) => `${kind} ${name}`);
					// What has gone from one owner to another since is left with it.
					const moved = new Set([...(await keys(before, others)), ...(await keys(wanted, others))]);
					const unmoved = async (at: number) =>
						(await setAt(at, own)).filter(({ kind, name }) => !moved.has(`${kind} ${name}`));
					expect(await unmoved(await revision())).toEqual(await unmoved(wanted));
				}),
				{ numRuns: 15, endOnFailure: true },
			);
		},
		PATIENCE_MS,
	);
});
