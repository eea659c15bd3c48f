/** What `migrate up` can do with which login. On a cluster of its own, where a login without superuser makes the roles. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../../demo/postgres.ts";
import { compilePolicySet } from "../../../src/core/compile/compile.ts";
import { SCHEMA_DIRECTORY } from "../../../src/store/migrations/files.ts";
import { migrateUp } from "../../../src/store/migrations/up.ts";
import { openDatabase } from "../../../src/store/pool.ts";
import { urlOf, withClient } from "../../support/postgres-broker.ts";
import { refusal } from "../support/workbench.ts";

const PASSWORD = "only-for-this-test";
let cluster: EmbeddedPostgres;
let root: string;
let folder = 0;
let minute = 0;

beforeAll(async () => {
	cluster = await startEmbeddedPostgres();
	root = mkdtempSync(join(tmpdir(), "firebreak-connections-"));
	await withClient(cluster.url, async (client) => {
		await client.query(`create role installer login createrole password '${PASSWORD}'`);
		await client.query("create database company owner installer");
	});
	put(
		"platform",
		`select firebreak.owner('platform');
		select firebreak.domain('internal', 'platform', flow => 'mtls');
		select firebreak.segment('sp', 'internal', 'prod', 'platform', '{spiffe://t/p}');`,
	);
	await up("installer");
	await as("installer", "create role team_a nologin in role firebreak_author");
	await as("installer", "create role team_b nologin in role firebreak_author");
	folder++;
	put("platform", "select firebreak.owner('a', 'team_a'), firebreak.owner('b', 'team_b');");
	await up("installer");
	const login = (name: string) => `create role ${name} login password '${PASSWORD}' in role firebreak_migrator`;
	await as(
		"postgres",
		`${login("ci")}; grant team_a, team_b, firebreak_operator to ci with inherit false, set true;
		${login("ci_of_a")}; grant team_a to ci_of_a;
		create role author_a login password '${PASSWORD}' in role team_a`,
	);
});
beforeEach(() => {
	folder++;
});
afterAll(async () => {
	await cluster?.stop();
	if (root) rmSync(root, { recursive: true, force: true });
});

function urlAs(login: string): string {
	const url = new URL(urlOf(cluster.url, "company"));
	if (login === "postgres") return url.href;
	url.username = login;
	url.password = PASSWORD;
	return url.href;
}

async function as(login: string, text: string) {
	return withClient(urlAs(login), async (client) => (await client.query(text)).rows);
}

async function up(login: string, schema = SCHEMA_DIRECTORY) {
	const database = openDatabase(urlAs(login), { applicationName: "firebreak test" });
	try {
		const folders = { schema, policy: join(root, String(folder)) };
		return await migrateUp(database, { folders, compile: compilePolicySet, clock: Date.now });
	} finally {
		await database.end();
	}
}

function put(owner: string, text: string): string {
	const time = new Date(Date.UTC(2030, 0, 1, 0, minute++)).toISOString().replace(/\D/g, "").slice(0, 14);
	const file = join(root, String(folder), owner, `${time}_step.sql`);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, text);
	return `${owner}/${time}_step`;
}

const segment = (name: string, owner: string) =>
	`select firebreak.segment('${name}', 'internal', 'prod', '${owner}', array['spiffe://t/${name}']);`;
const policy = (destination: string, owner: string) =>
	`select firebreak.allow('to-${destination}', 'sp', '${destination}', '${owner}', '{GET}', '{/}');`;

describe("a login with CREATEROLE that owns the database", () => {
	test("made the schema, and operators' files ran as firebreak_operator", async () => {
		put("platform", "do $$ begin raise exception 'as %', current_user; end $$");
		expect((await refusal(up("installer"))).problems).toMatchObject([{ message: "as firebreak_operator" }]);
	});

	test("cannot let files run as roles that it made until it may act as them, and is told so", async () => {
		const name = put("a", segment("sa", "a"));
		expect((await refusal(up("installer"))).problems).toEqual([
			{
				object: `migration ${name}`,
				message: "owner a has role team_a; installer may not let files run as team_a",
				cure: 'grant "team_a" to "installer" with inherit false, set true',
				file: expect.stringContaining(`${name}.sql`),
				line: 1,
			},
		]);
		await as("installer", 'grant "team_a" to "installer" with inherit false, set true');
		expect((await up("installer")).applied).toMatchObject([{ name }]);
	});

	test("is no way around the fence", async () => {
		put("a", segment("stolen", "b"));
		expect((await refusal(up("installer"))).problems).toMatchObject([{ object: "segment stolen", field: "owner" }]);
	});
});

describe("a login with the rights to migrate alone", () => {
	test("runs files of every team, and operators', as their roles", async () => {
		put("a", `${segment("ca", "a")} ${policy("ca", "a")}`);
		put("b", `${segment("cb", "b")} ${policy("cb", "b")}`);
		put("platform", segment("cp", "platform"));
		expect(await up("ci")).toMatchObject({ changed: true, applied: [{ owner: "a" }, { owner: "b" }, {}] });
		expect(await as("ci", "select distinct by from firebreak.policy_history where name in ('to-ca', 'to-cb')")).toEqual(
			[{ by: "ci" }],
		);
		expect((await up("ci")).applied).toEqual([]);
	});

	test.each([
		["another team's object", segment("stolen", "b"), "belongs to b, whose role team_b is not held by team_a"],
		["RESET ROLE", "reset role;", "within security-definer function"],
		["an operator's role", "set role firebreak_operator;", "within security-definer function"],
		["a file's record", "insert into firebreak.migration (name, checksum) values ('x', 'x');", "permission denied"],
	])("is no way around the fence: %s", async (_, text, message) => {
		put("a", text);
		expect((await refusal(up("ci"))).problems).toMatchObject([{ message: expect.stringContaining(message) }]);
	});

	test("writes no policy by itself", async () => {
		await expect(as("ci", policy("ca", "a"))).rejects.toMatchObject({ code: "42501" });
		await expect(as("ci", "delete from firebreak.policy")).rejects.toMatchObject({ code: "42501" });
	});

	test("does not upgrade the schema", async () => {
		const schema = join(root, "schema");
		mkdirSync(schema, { recursive: true });
		writeFileSync(join(schema, "9999_more.sql"), "set local role firebreak_owner;");
		const known = await as("ci", "select name from firebreak.migration where owner is null");
		for (const { name } of known) {
			cpSync(join(SCHEMA_DIRECTORY, `${name.slice(7)}.sql`), join(schema, `${name.slice(7)}.sql`));
		}
		expect((await refusal(up("ci", schema))).problems).toMatchObject([
			{ object: "migration schema/9999_more", message: 'permission denied to set role "firebreak_owner"' },
		]);
	});
});

describe("one team's own login", () => {
	test("runs its own files", async () => {
		const name = put("a", segment("own", "a"));
		expect((await up("ci_of_a")).applied).toMatchObject([{ name }]);
	});

	test.each([
		["b", "owner b has role team_b; ci_of_a may not let files run as team_b", "team_b"],
		[
			"platform",
			"owner platform has no role, so that its files are operators' work; ci_of_a may not let files run as firebreak_operator",
			"firebreak_operator",
		],
		[
			"unheard-of",
			"owner unheard-of has no role, so that its files are operators' work; ci_of_a may not let files run as firebreak_operator",
			"firebreak_operator",
		],
	])("and not those of %s, with which the whole run is refused", async (owner, message, role) => {
		put("a", segment("mine", "a"));
		put(owner, "select 1;");
		expect((await refusal(up("ci_of_a"))).problems).toMatchObject([
			{ message, cure: `grant "${role}" to "ci_of_a" with inherit false, set true` },
		]);
		expect(await as("postgres", "select from firebreak.segment where name = 'mine'")).toEqual([]);
	});

	test("needs the right to record them", async () => {
		put("a", "select 1;");
		expect((await refusal(up("author_a"))).problems).toMatchObject([
			{
				message: expect.stringContaining("author_a is no member of firebreak_migrator"),
				cure: 'grant firebreak_migrator to "author_a"',
			},
		]);
	});
});

describe("a superuser", () => {
	test("runs operators' files as firebreak_operator too", async () => {
		put("platform", "do $$ begin raise exception 'as %', current_user; end $$");
		expect((await refusal(up("postgres"))).problems).toMatchObject([{ message: "as firebreak_operator" }]);
	});

	test.each([
		["pg_execute_server_program", "it is no member of firebreak_author"],
		["postgres", "row-level security does not bind that role"],
		["firebreak_owner", "it is a member of firebreak_owner"],
		["ci_of_a", "it is a member of firebreak_migrator"],
		["bypassing", "row-level security does not bind that role"],
	])("runs no file as %s, though an operator names it for an owner", async (role, message) => {
		await as(
			"postgres",
			"do $$ begin create role bypassing nologin bypassrls in role firebreak_author; exception when duplicate_object then null; end $$",
		);
		put("platform", `select firebreak.owner('c', '${role}');`);
		const name = put("c", "select 1;");
		expect((await refusal(up("postgres"))).problems).toMatchObject([
			{ message: expect.stringContaining(message), file: expect.stringContaining(name) },
		]);
	});

	test("nor as a role that is gone, or without temporary objects", async () => {
		put("platform", "select firebreak.owner('d', 'team_d');");
		const run = async () => (await refusal(up("ci"))).problems;
		await as(
			"postgres",
			"create role team_d in role firebreak_author; grant team_d to ci with inherit false, set true",
		);
		await up("ci");
		put("d", "select 1;");
		await as("postgres", "revoke temporary on database company from public; grant temporary on database company to ci");
		try {
			expect(await run()).toMatchObject([{ cure: 'grant temporary on database "company" to "team_d"' }]);
		} finally {
			await as("postgres", "grant temporary on database company to public");
		}
		await as("postgres", "drop role team_d");
		expect(await run()).toMatchObject([
			{
				message: "owner d has role team_d; it does not exist in this cluster",
				cure: expect.stringContaining("create role"),
			},
		]);
	});
});
