/** What a team may not give itself: another team's workloads, and the right to vouch for others. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type pg from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { untilBlocked } from "./calls.ts";

let database: TestDatabase;
let pay: pg.Client;
let rogue: pg.Client;
let operator: pg.Client;

beforeAll(async () => {
	database = await createTestDatabase();
	const roles = {
		pay: await database.role("team_pay", "firebreak_author"),
		rogue: await database.role("team_rogue", "firebreak_author"),
		operator: await database.role("operator", "firebreak_operator"),
	};
	pay = await database.connect({ role: roles.pay });
	rogue = await database.connect({ role: roles.rogue });
	operator = await database.connect({ role: roles.operator });
	await operator.query(`
		select firebreak.owner('platform'), firebreak.owner('pay', '${roles.pay}'), firebreak.owner('rogue', '${roles.rogue}');
		select firebreak.domain('internal', 'platform');`);
	await pay.query(segment("payments", "pay", ["spiffe://t/ns/payments/*"]));
	await pay.query(segment("ledger", "pay", ["spiffe://t/ns/ledger/sa/a"]));
});
afterAll(() => database?.drop());

const segment = (name: string, owner: string, members: readonly string[], more = "") =>
	`select firebreak.segment('${name}', 'internal', 'prod', '${owner}', '{${members.join()}}'${more})`;

test.each([
	["a workload under another owner's prefix", ["spiffe://t/ns/payments/sa/payments"], "spiffe://t/ns/payments/*"],
	["a prefix under another owner's prefix", ["spiffe://t/ns/payments/sa/*"], "spiffe://t/ns/payments/*"],
	["a prefix over another owner's prefix", ["spiffe://t/ns/*"], "spiffe://t/ns/ledger/sa/a"],
	["a prefix over another owner's workload", ["spiffe://t/ns/ledger/*"], "spiffe://t/ns/ledger/sa/a"],
	["a whole trust domain", ["spiffe://t/*"], "spiffe://t/ns/ledger/sa/a"],
	["one among many", ["spiffe://t/ns/rogue/a", "spiffe://t/ns/payments/x"], "spiffe://t/ns/payments/*"],
])("a team may not claim %s", async (_, members, held) => {
	await expect(rogue.query(segment("claim", "rogue", members))).rejects.toMatchObject({
		code: "42501",
		message: expect.stringMatching(/^segment claim, members: .*overlaps with .* which belongs to pay$/),
		hint: expect.stringContaining("leave it to pay"),
	});
	await expect(rogue.query(segment("claim", "rogue", members))).rejects.toThrow(held);
});

test.each([
	["beside it", ["spiffe://t/ns/payments2/sa/payments", "spiffe://t/ns/paymentsx"]],
	["in another trust domain", ["spiffe://u/ns/payments/sa/payments", "spiffe://u/*"]],
	["that only begins alike", ["spiffe://t/ns/ledger/sa/ab"]],
])("a team may claim what stands %s", async (_, members) => {
	await rogue.query(segment("own", "rogue", members));
});

test("a team may part its own workloads as it likes", async () => {
	await pay.query(segment("refunds", "pay", ["spiffe://t/ns/payments/sa/refunds"]));
});

test("plain SQL is held to the same", async () => {
	await rogue.query(segment("plain", "rogue", ["spiffe://t/ns/rogue/plain"]));
	const insert = "insert into firebreak.segment_member values ('plain', 'spiffe://t/ns/payments/sa/x')";
	await expect(rogue.query(insert)).rejects.toMatchObject({ code: "42501" });
	const flag = "update firebreak.segment set trusted_proxy = true where name = 'plain'";
	await expect(rogue.query(flag)).rejects.toMatchObject({ code: "42501" });
});

test("an operator may give a workload to another owner", async () => {
	await operator.query(segment("mesh", "platform", ["spiffe://t/ns/payments/sa/mesh"]));
});

test.each(["trusted_proxy", "enforcer"])("%s is for operators to give", async (flag) => {
	const wanted = (owner: string) => segment(`door-${flag.length}`, owner, [`spiffe://d/${flag}`], `, ${flag} => true`);
	await expect(rogue.query(wanted("rogue"))).rejects.toMatchObject({
		code: "42501",
		message: expect.stringContaining(`, ${flag}: vouches for workloads of others`),
	});
	await operator.query(wanted("platform"));
});

describe("two teams at once, of which neither sees what the other has not committed", () => {
	const PREFIX = ["spiffe://t/ns/race/*"];
	const EXACT = ["spiffe://t/ns/race/sa/vault"];
	const claim = {
		rogue: () => rogue.query(segment("race-rogue", "rogue", EXACT)),
		pay: () => pay.query(segment("race-pay", "pay", PREFIX)),
	};
	const refused = (loser: "pay" | "rogue") => ({
		code: "42501",
		message: expect.stringMatching(
			loser === "rogue"
				? /^segment race-rogue, members: .*vault" overlaps with spiffe:\/\/t\/ns\/race\/\* of segment race-pay/
				: /^segment race-pay, members: .*\*" overlaps with spiffe:\/\/t\/ns\/race\/sa\/vault of segment race-rogue/,
		),
	});
	const standing = async () =>
		(await operator.query("select name from firebreak.segment where name like 'race-%'")).rows.map(({ name }) => name);
	afterEach(async () => {
		await Promise.all([pay, rogue].map((client) => client.query("rollback")));
		await pay.query("select firebreak.remove('segment', 'race-pay')");
		await rogue.query("select firebreak.remove('segment', 'race-rogue')");
	});

	test.each([
		["a workload, then the prefix over it", "rogue", "pay"],
		["a prefix, then the workload under it", "pay", "rogue"],
	] as const)("%s: whoever commits last is refused", async (_, first, second) => {
		const [one, other] = [first, second].map((name) => ({ rogue, pay })[name]) as [pg.Client, pg.Client];
		await one.query("begin");
		await claim[first]();
		await other.query("begin");
		await claim[second]();
		await other.query("commit");
		await expect(one.query("commit")).rejects.toMatchObject(refused(first));
		expect(await standing()).toEqual([`race-${second}`]);
	});

	test.each(["read committed", "repeatable read", "serializable"])(
		"both commit at the same moment: %s",
		async (level) => {
			for (const client of [pay, rogue]) await client.query(`begin isolation level ${level}`);
			await Promise.all([claim.pay(), claim.rogue()]);
			const ends = await Promise.allSettled([pay.query("commit"), rogue.query("commit")]);
			expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
			expect(await standing()).toHaveLength(1);
		},
	);

	test("constraints that were set to be checked at once open no gap", async () => {
		for (const client of [pay, rogue]) {
			await client.query("begin; set constraints firebreak.check_claim_again immediate");
		}
		await claim.rogue();
		const later = claim.pay();
		await untilBlocked(await database.connect());
		await rogue.query("commit");
		await expect(later).rejects.toMatchObject(refused("pay"));
		expect(await standing()).toEqual(["race-rogue"]);
	});

	test("a claim that was taken back before the end is none", async () => {
		await rogue.query("begin");
		await claim.rogue();
		await rogue.query("delete from firebreak.segment_member where segment = 'race-rogue'");
		await claim.pay();
		await rogue.query("commit");
		expect(await standing()).toHaveLength(2);
	});

	test("what an operator gives meanwhile holds", async () => {
		await operator.query("begin");
		await operator.query(segment("race-platform", "platform", EXACT));
		await claim.pay();
		await operator.query("commit");
		expect((await standing()).sort()).toEqual(["race-pay", "race-platform"]);
		await operator.query("select firebreak.remove('segment', 'race-platform')");
	});
});
