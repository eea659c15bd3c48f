import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { call, inTransaction, stateExample } from "./calls.ts";

let database: TestDatabase;
let client: Client;
beforeEach(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	await stateExample(client);
});
afterEach(() => database?.drop());

const rows = async (text: string, ...values: unknown[]) => (await client.query(text, values)).rows;
const domain = (change: object) => call(client, "domain", { name: "internal", owner: "platform", ...change });
const history = (name: string) =>
	rows(
		`select kind, from_revision::int as from, to_revision::int as to, spec ->> 'mode' as mode, by, migration, ended_by,
			ended_migration from firebreak.history where name = $1 order by kind, from_revision`,
		name,
	);

describe("history", () => {
	test("keeps every state with its range, who and which migration", async () => {
		const migrate = (name: string, change: () => Promise<unknown>) =>
			inTransaction(client, async () => {
				await client.query("insert into firebreak.running (migration) values ($1)", [name]);
				await change();
			});
		await migrate("platform/1", () => domain({ mode: "monitor" }));
		await migrate("platform/2", () => domain({ mode: "enforce", hidden: true }));
		await inTransaction(client, async () => {
			const drop = (kind: string, name: string) => call(client, "remove", { kind, name });
			await client.query("insert into firebreak.running (migration) values ('orders/3')");
			await drop("policy", "no-cards");
			await client.query("insert into firebreak.running (migration) values ('payments/4')");
			await drop("policy", "orders-reads-payments");
		});
		const login = new URL(database.url).username;
		const by = { by: login, kind: "domain" };
		expect(await history("internal")).toEqual([
			{ ...by, from: 1, to: 2, mode: "enforce", migration: null, ended_by: login, ended_migration: "platform/1" },
			{
				...by,
				from: 2,
				to: 3,
				mode: "monitor",
				migration: "platform/1",
				ended_by: login,
				ended_migration: "platform/2",
			},
			{ ...by, from: 3, to: null, mode: "enforce", migration: "platform/2", ended_by: null, ended_migration: null },
		]);
		expect((await history("no-cards"))[0]).toMatchObject({ to: 4, ended_migration: "orders/3" });
		expect(await rows("select number::int, migrations from firebreak.revision where number > 1 order by 1")).toEqual([
			{ number: 2, migrations: ["platform/1"] },
			{ number: 3, migrations: ["platform/2"] },
			{ number: 4, migrations: ["orders/3", "payments/4"] },
		]);
	});

	test("names both destinations of a policy that moves", async () => {
		const args = { name: "no-cards", source: "*", owner: "payments", methods: ["*"], paths: ["/v1/cards/**"] };
		await inTransaction(client, async () => {
			await call(client, "segment", {
				name: "p2",
				domain: "internal",
				environment: "prod",
				owner: "payments",
				members: [],
			});
			await call(client, "deny", { ...args, destination: "p2" });
		});
		const changed =
			"select destination, from_revision <= 1 as before from firebreak.policy_history where from_revision > 1 or to_revision > 1 order by 1";
		expect(await rows(changed)).toEqual([
			{ destination: "p2", before: false },
			{ destination: "payments", before: true },
		]);
	});

	test("of every kind has a view of its own", async () => {
		for (const kind of ["owner", "domain", "issuer", "segment", "crossing", "policy", "rate_limit"]) {
			const own = await rows(`select name, spec from firebreak.${kind}_history order by 1`);
			expect(own).toEqual(await rows("select name, spec from firebreak.history where kind = $1 order by 1", kind));
			expect(own.length).toBeGreaterThan(0);
		}
	});

	test("gives the whole set as it stood at every revision", async () => {
		const now = () => rows("select kind, name, spec from firebreak.object order by kind, name");
		const at = (n: number | null) =>
			rows("select kind, name, spec from firebreak.policy_at($1) order by kind, name", n);
		const stood = [[], await now()];
		await domain({ mode: "monitor" });
		stood.push(await now());
		await inTransaction(client, async () => {
			await call(client, "remove", { kind: "rate_limit", name: "segment:payments" });
			await call(client, "owner", { name: "late" });
		});
		stood.push(await now());
		await call(client, "remove", { kind: "owner", name: "late" });
		stood.push(await now());
		for (const [n, set] of stood.entries()) expect(await at(n)).toEqual(set);
		expect(await at(null)).toEqual(stood.at(-1));
		await expect(at(5)).rejects.toMatchObject({
			code: "22023",
			message: "revision 5, revision: does not exist",
			hint: "the newest is 4",
		});
		await expect(at(-1)).rejects.toMatchObject({ code: "22023" });
	});

	test("shows the owner of what issuers and rate limits belong to, as it was then", async () => {
		for (const [kind, name] of [
			["source", "web"],
			["domain", "internal"],
			["token", "https://id.example.org"],
		]) {
			await call(client, "rate_limit", { kind, name, per_second: 1, burst: 1 });
		}
		await domain({ owner: "orders" });
		const owners =
			"select name, owner from firebreak.policy_at($1) where kind in ('issuer', 'rate_limit') order by name collate \"C\"";
		expect(await rows(owners, 4)).toEqual([
			{ name: "domain:internal", owner: "platform" },
			{ name: "https://id.example.org", owner: "platform" },
			{ name: "segment:payments", owner: "payments" },
			{ name: "source:web", owner: "orders" },
			{ name: "token:https://id.example.org", owner: "platform" },
		]);
		expect((await rows(owners, 5)).map(({ owner }) => owner)).toEqual([
			"orders",
			"orders",
			"payments",
			"orders",
			"orders",
		]);
	});

	test("is chained, so that what was altered shows", async () => {
		await domain({ mode: "monitor" });
		await domain({});
		const verify = () => rows("select revision::int, problem from firebreak.verify_history() order by 1, 2");
		expect(await verify()).toEqual([]);
		const altered = (text: string) =>
			inTransaction(client, async () => {
				await client.query(text);
				const found = await verify();
				await client.query("rollback");
				await client.query("begin");
				return found.map(({ revision: n }) => n);
			});
		expect(
			await altered(
				"update firebreak.history set spec = spec || '{\"hidden\": true}' where name = 'internal' and from_revision = 2",
			),
		).toEqual([2]);
		expect(
			await altered("update firebreak.history set ended_by = 'someone' where name = 'internal' and to_revision = 3"),
		).toEqual([3]);
		expect(await altered("delete from firebreak.history where name = 'internal' and from_revision = 2")).toEqual([
			2, 3,
		]);
		expect(await altered("update firebreak.revision set at = at - interval '1 day' where number = 2")).toEqual([2]);
		expect(await altered("update firebreak.revision set digest = null where number = 2")).toEqual([2, 3]);
		expect(await altered("delete from firebreak.revision where number = 1")).toEqual([1, 2]);
		expect(
			await altered(
				"alter table firebreak.domain disable trigger touch; update firebreak.domain set mode = 'monitor' where name = 'public'",
			),
		).toEqual([1]);
	});
});
