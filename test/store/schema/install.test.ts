import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg, { type Client } from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../../demo/postgres.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { applySchema, urlOf, withClient } from "../../support/postgres-broker.ts";
import { call, headOf, stateExample } from "./calls.ts";

const PASSWORD = "only-for-this-test";

function as(url: string, user: string, database: string): string {
	const own = new URL(urlOf(url, database));
	own.username = user;
	own.password = PASSWORD;
	return own.href;
}

describe("on a cluster that has never seen it", () => {
	let cluster: EmbeddedPostgres;
	const admin = (text: string) => withClient(cluster.url, (client) => client.query(text));
	beforeAll(async () => {
		cluster = await startEmbeddedPostgres();
		await admin(`create role installer login createrole password '${PASSWORD}'`);
		await admin(`create role stranger login createrole password '${PASSWORD}'`);
		await admin(`create role plain login password '${PASSWORD}'`);
		for (const [name, owner] of Object.entries({
			one: "installer",
			two: "installer",
			third: "stranger",
			fourth: "plain",
		})) {
			await admin(`create database ${name} owner ${owner}`);
		}
	});
	afterAll(() => cluster?.stop());

	test("a role that may not create roles is told what to do", async () => {
		await expect(withClient(as(cluster.url, "plain", "fourth"), applySchema)).rejects.toMatchObject({
			code: "42501",
			message: "role firebreak_owner: does not exist, and plain may not create it",
			hint: expect.stringContaining("CREATEROLE"),
		});
	});

	test("several databases may be made at once, whoever creates the roles first", async () => {
		await Promise.all(
			["one", "two"].map((database) => withClient(as(cluster.url, "installer", database), applySchema)),
		);
		for (const database of ["one", "two"]) {
			const head = await withClient(as(cluster.url, "installer", database), async (client) => {
				await stateExample(client);
				await call(client, "quarantine", { kind: "segment", name: "orders", reason: "r" });
				return headOf(client);
			});
			expect(head).toMatchObject({ revision: 1, seq: 1 });
		}
	});

	test("a database's plain owner owns the schema, and is no superuser for it", async () => {
		await withClient(as(cluster.url, "installer", "one"), async (client) => {
			const { rows } = await client.query("select rolsuper, rolbypassrls from pg_roles where rolname = current_user");
			expect(rows).toEqual([{ rolsuper: false, rolbypassrls: false }]);
			expect((await client.query("select * from firebreak.verify_history()")).rows).toEqual([]);
			await client.query("begin; set local role firebreak_owner; create table firebreak.added (); reset role; commit");
		});
	});

	test("who did not make the roles needs to be granted the owner's, and is told so", async () => {
		const install = () => withClient(as(cluster.url, "stranger", "third"), applySchema);
		await expect(install()).rejects.toMatchObject({
			code: "42501",
			message: "role firebreak_owner: stranger may not act as it",
			hint: expect.stringContaining("grant firebreak_owner to stranger with inherit true, set true"),
		});
		await admin("grant firebreak_owner to stranger with inherit true, set true");
		await install();
		await withClient(as(cluster.url, "stranger", "third"), stateExample);
	});
});

describe("once it is there", () => {
	let database: TestDatabase;
	let client: Client;
	beforeAll(async () => {
		database = await createTestDatabase();
		client = await database.connect();
	});
	afterAll(() => database?.drop());
	const names = async (text: string) => (await client.query(text)).rows.map(({ name }) => name);
	const HERE = "'firebreak'::regnamespace";

	test("applying it again is refused whole", async () => {
		const again = new pg.Client({ connectionString: database.url });
		await again.connect();
		await expect(applySchema(again)).rejects.toMatchObject({ code: "42P06" });
		await again.end();
	});

	test("everything belongs to firebreak_owner, who cannot log in", async () => {
		const owners = `
			select distinct pg_get_userbyid(owner) as name from (
				select relowner from pg_class where relnamespace = ${HERE} union all
				select proowner from pg_proc where pronamespace = ${HERE} union all
				select nspowner from pg_namespace where oid = ${HERE}) x (owner)`;
		expect(await names(owners)).toEqual(["firebreak_owner"]);
		const able =
			"select rolname as name from pg_roles where rolname like 'firebreak\\_%' and (rolcanlogin or rolsuper or rolbypassrls or rolcreaterole)";
		expect(await names(able)).toEqual([]);
	});

	test("PUBLIC has nothing, now or on what later migrations add", async () => {
		const granted = `
			select acls.name from (
				select relname, relacl from pg_class where relnamespace = ${HERE} union all
				select attname, attacl from pg_attribute join pg_class c on c.oid = attrelid where relnamespace = ${HERE} union all
				select proname, coalesce(proacl, acldefault('f', proowner)) from pg_proc where pronamespace = ${HERE} union all
				select nspname, nspacl from pg_namespace where oid = ${HERE}) acls (name, acl), aclexplode(acl) a
			where a.grantee = 0`;
		expect(await names(granted)).toEqual([]);
		await client.query(
			"begin; set local role firebreak_owner; create function firebreak.added() returns int language sql return 1",
		);
		const added = await client.query(
			"select has_function_privilege('firebreak_reader', 'firebreak.added()', 'execute') as may",
		);
		await client.query("rollback");
		expect(added.rows).toEqual([{ may: false }]);
	});

	test("row-level security is on and forced for every table", async () => {
		const loose = `select relname as name from pg_class
			where relnamespace = ${HERE} and relkind in ('r', 'p') and not (relrowsecurity and relforcerowsecurity)`;
		expect(await names(loose)).toEqual([]);
	});

	test("what runs with its owner's rights is only what triggers, the epoch and the end of a run need, by a fixed path", async () => {
		const definers = `select proname as name from pg_proc where pronamespace = ${HERE} and prosecdef order by 1`;
		expect(await names(definers)).toEqual([
			"check_claim_again",
			"commit_policy",
			"commit_revocation",
			"count_uses",
			"epoch",
			"hold_lane",
			"number_revocation",
			"seal_migrations",
			"tell_domain_key",
			"tell_passport",
			"touch",
		]);
		const loose = `select p.proname as name from pg_proc p join pg_language l on l.oid = p.prolang
			where p.pronamespace = ${HERE} and (p.prosecdef or l.lanname = 'plpgsql' and p.proname !~ '^(check_|path_problem|element_problem|require_given)')
				and not coalesce(p.proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)`;
		expect(await names(loose)).toEqual([]);
	});

	test("texts with checks, no enum types", async () => {
		expect(await names(`select typname as name from pg_type where typnamespace = ${HERE} and typtype = 'e'`)).toEqual(
			[],
		);
	});

	test("every foreign key waits for the end of the transaction", async () => {
		const eager = `select conname as name from pg_constraint where connamespace = ${HERE} and contype = 'f' and not condeferred`;
		expect(await names(eager)).toEqual([]);
	});
});
