/** What Postgres throws, as errors that name cause and cure. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Client, DatabaseError } from "pg";
import { connectToMigrate } from "../../src/store/migrations/connect.ts";
import { type Database, openDatabase } from "../../src/store/pool.ts";
import { writeServer } from "../../src/store/servers/row.ts";
import { storeError } from "../../src/store/store-error.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { refusal } from "./support/workbench.ts";

function thrown(code: string, message = "as Postgres says it"): DatabaseError {
	return Object.assign(new DatabaseError(message, 0, "error"), { code });
}

describe("by SQLSTATE", () => {
	test.each([
		["28P01", "dependency_unreachable", /refuses the login/, /correct user and password/],
		["53300", "dependency_unreachable", /has no connection left/, /max_connections/],
		["57P01", "dependency_unreachable", /is shut down, or ended this connection/, /it is tried again/],
		["57P02", "dependency_unreachable", /one of its processes crashed/, /Postgres' log/],
		["57P03", "dependency_unreachable", /is starting up or shutting down/, /it is tried again/],
		["08006", "dependency_unreachable", /cannot be reached/, /start Postgres/],
		["57014", "dependency_unreachable", /took too long/, /pg_stat_activity/],
		["42703", "store_unsuitable", /schema in the database .* is older than this program/, /firebreak migrate up/],
		["42P01", "store_unsuitable", /lacks Firebreak's schema, or has an older one/, /firebreak migrate up/],
		["42883", "store_unsuitable", /lacks Firebreak's schema, or has an older one/, /firebreak migrate up/],
		["3D000", "store_unsuitable", /does not exist/, /create it/],
		["42501", "store_unsuitable", /may not do this/, /connect as a member/],
		["25006", "store_unsuitable", /takes no writes/, /name the primary/],
	])("%s is %s", (code, expected, message, cure) => {
		expect(storeError(thrown(code), "db:5432/firebreak")).toMatchObject({
			code: expected,
			message: expect.stringMatching(message),
			problems: [
				{ object: "database db:5432/firebreak", message: "as Postgres says it", cure: expect.stringMatching(cure) },
			],
		});
	});

	test("what is nobody's trouble but the query's own comes as it is", () => {
		const error = thrown("23505");
		expect(storeError(error, "db")).toBe(error);
	});
});

describe("with a real database", () => {
	let made: TestDatabase;
	let database: Database;
	beforeAll(async () => {
		made = await createTestDatabase();
		database = openDatabase(made.url, { applicationName: "firebreak test", connections: 1 });
	});
	afterAll(async () => {
		await database?.end();
		await made?.drop();
	});

	test("a schema that is older than the program is named so", async () => {
		const writer = await made.connect();
		await writer.query("alter table firebreak.server drop column refused");
		const report = { epoch: "e", revision: 1, seq: 0, refused: null, problem: null };
		const self = { id: "s", version: "1", started: 0 };
		const error = await refusal(database.withClient((client) => writeServer(client, self, report)));
		expect(error.code).toBe("store_unsuitable");
		expect(error.message).toMatch(/is older than this program$/);
		expect(error.problems).toEqual([
			{
				object: `database ${database.name}`,
				message: expect.stringContaining('column "refused"'),
				cure: "run: firebreak migrate up",
			},
		]);
	});

	test("a connection that an administrator ends is named so", async () => {
		const writer = await made.connect();
		const sleeping = refusal(database.withClient((client) => client.query("select pg_sleep(600)")));
		const end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and wait_event = 'PgSleep'";
		while ((await writer.query(end, [made.name])).rowCount === 0);
		expect((await sleeping).message).toMatch(
			/ended this connection: terminating connection due to administrator command$/,
		);
	});
});

describe("Postgres' own age", () => {
	const ofVersion = (version: string, number: number) => {
		let ended = 0;
		const client = {
			query: () => Promise.resolve({ rows: [{ version, number }] }),
			end: () => Promise.resolve(void ended++),
		} as unknown as Client;
		const database = { name: "db:5432/firebreak", connect: () => Promise.resolve(client) } as unknown as Database;
		return { client, database, ended: () => ended };
	};

	test("one that is too old is refused before anything is tried, with cause and cure", async () => {
		const { database, ended } = ofVersion("15.18 (Debian 15.18-0+deb12u1)", 150018);
		const error = await refusal(connectToMigrate(database));
		expect(error.code).toBe("store_unsuitable");
		expect(error.message).toMatch(/is of Postgres 15\.18 .*, and Firebreak needs 16 or newer$/);
		expect(error.problems[0]?.cure).toMatch(/^upgrade it to Postgres 16 or newer/);
		expect(ended()).toBe(1);
	});

	test("the oldest that will do is taken", async () => {
		const { client, database, ended } = ofVersion("16.0", 160000);
		expect(await connectToMigrate(database)).toBe(client);
		expect(ended()).toBe(0);
	});
});
