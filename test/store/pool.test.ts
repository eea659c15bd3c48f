import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ClientBase } from "pg";
import { FirebreakError } from "../../src/core/errors.ts";
import { checkDatabaseUrl, describeDatabase } from "../../src/store/database-url.ts";
import { readHead, readSourceHead } from "../../src/store/head.ts";
import { type Database, openDatabase } from "../../src/store/pool.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { refusal } from "./support/workbench.ts";

const options = { applicationName: "firebreak pool test" };
const SECRET = "s3cr3t-Pa55";

describe("database URLs", () => {
	test.each([
		[`postgresql://u:${SECRET}@db.example.org:6432/policies`, "db.example.org:6432/policies"],
		[`postgres://u:${SECRET}@db.example.org/policies?sslmode=verify-full`, "db.example.org:5432/policies"],
		[`postgres://u:${SECRET}@[::1]:5433/policies`, "::1:5433/policies"],
		[`postgres:///policies?host=/run/postgresql&user=u&password=${SECRET}`, "/run/postgresql:5432/policies"],
		[`postgres://u:${SECRET}@db:port/x`, "an unreadable database URL"],
	])("%s is shown as %s", (url, shown) => {
		expect(describeDatabase(url)).toBe(shown);
	});

	test.each([`mysql://u:${SECRET}@db/x`, "", `u:${SECRET}@db/x`, `postgres://u:${SECRET}@db:port/x`])(
		"%j is refused without quoting it",
		(url) => {
			const error = (() => {
				try {
					checkDatabaseUrl(url);
					return null;
				} catch (thrown) {
					return thrown;
				}
			})();
			expect(error).toBeInstanceOf(FirebreakError);
			expect((error as FirebreakError).code).toBe("config_invalid");
			expect(
				JSON.stringify([error, (error as FirebreakError).message, (error as FirebreakError).problems]),
			).not.toContain(SECRET);
		},
	);
});

describe("a database that cannot serve", () => {
	/** Accepts connections and never answers. */
	let mute: Server;
	let port: number;
	beforeAll(async () => {
		mute = createServer(() => {});
		await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
		port = (mute.address() as { port: number }).port;
	});
	afterAll(() => {
		mute?.close();
	});

	async function failure(url: string): Promise<FirebreakError> {
		const database = openDatabase(url, options);
		try {
			return await refusal(database.withClient(readHead));
		} finally {
			await database.end();
		}
	}

	test("nothing listens: dependency_unreachable, with the cause and no credentials", async () => {
		const error = await failure(`postgres://u:${SECRET}@127.0.0.1:1/x`);
		expect(error.code).toBe("dependency_unreachable");
		expect(error.message).toBe("Postgres at 127.0.0.1:1/x cannot be reached: connect ECONNREFUSED 127.0.0.1:1");
		expect(error.problems[0]!.cure).not.toBe("");
	});

	test("the host does not exist", async () => {
		expect((await failure(`postgres://u:${SECRET}@nowhere.invalid/x`)).code).toBe("dependency_unreachable");
	});

	test("it accepts and never answers", async () => {
		const error = await failure(`postgres://u:${SECRET}@127.0.0.1:${port}/x`);
		expect(error.code).toBe("dependency_unreachable");
		expect(error.message).not.toContain(SECRET);
	});
});

test("a read-only standby is no source, but has a head", async () => {
	const answer = { rows: [{ epoch: "e", revision: "7", seq: "3", standby: true }] };
	const standby = { query: () => Promise.resolve(answer) } as unknown as ClientBase;
	expect(await readHead(standby)).toEqual({ epoch: "e", revision: 7, seq: 3 });
	const error = await refusal(readSourceHead(standby));
	expect(error).toMatchObject({ code: "store_unsuitable", message: "the database is a read-only standby" });
});

describe("a database", () => {
	let whole: TestDatabase;
	let empty: TestDatabase;
	let database: Database;
	beforeAll(async () => {
		[whole, empty] = await Promise.all([createTestDatabase(), createTestDatabase({ schema: false })]);
		database = openDatabase(whole.url, { ...options, connections: 1 });
	});
	afterAll(async () => {
		await database?.end();
		await Promise.all([whole?.drop(), empty?.drop()]);
	});

	test("with the schema has a head, also as a source", async () => {
		const head = await database.withClient(readHead);
		expect(head).toEqual({ epoch: expect.any(String), revision: 0, seq: 0 });
		expect(await database.withClient(readSourceHead)).toEqual(head);
	});

	test("without the schema is store_unsuitable, and the cure is migrate up", async () => {
		const other = openDatabase(empty.url, options);
		const error = await refusal(other.withClient(readHead));
		await other.end();
		expect(error).toMatchObject({ code: "store_unsuitable", problems: [{ cure: "run: firebreak migrate up" }] });
	});

	test("that is gone, a wrong login, and a role without rights are told apart", async () => {
		const url = new URL(whole.url);
		url.pathname = "/no_such_database";
		const gone = openDatabase(url.href, options);
		expect(await refusal(gone.withClient(readHead))).toMatchObject({ code: "store_unsuitable" });
		await gone.end();

		url.pathname = `/${whole.name}`;
		url.password = SECRET;
		const stranger = openDatabase(url.href, options);
		const error = await refusal(stranger.withClient(readHead));
		await stranger.end();
		expect(error.code).toBe("dependency_unreachable");
		expect(error.message).not.toContain(SECRET);

		const role = await whole.role("nobody");
		const denied = refusal(
			database.withClient(async (client) => {
				await client.query(`set role ${role}`);
				try {
					return await readHead(client);
				} finally {
					await client.query("reset role");
				}
			}),
		);
		expect(await denied).toMatchObject({ code: "store_unsuitable" });
	});

	test("lends connections that are named, and takes back only those in good order", async () => {
		const pid = (work: string) =>
			database.withClient(async (client) => {
				await client.query(work);
				const { rows } = await client.query(
					"select pg_backend_pid() as pid, current_setting('application_name') as name",
				);
				return rows[0] as { pid: number; name: string };
			});
		const first = await pid("select 1");
		expect(first.name).toBe(options.applicationName);
		expect(await pid("select 1")).toEqual(first);
		await expect(database.withClient((client) => client.query("select 1 / 0"))).rejects.toThrow("division by zero");
		expect((await pid("select 1")).pid).toBe(first.pid);
		// Left within a transaction: of no further use.
		await expect(
			database.withClient(async (client) => {
				await client.query("begin");
				await client.query("select 1 / 0");
			}),
		).rejects.toThrow("division by zero");
		expect((await pid("select 1")).pid).not.toBe(first.pid);
	});

	test("survives that its connections are cut, idle or busy", async () => {
		const killer = await whole.connect();
		const cut = () =>
			killer.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", [
				options.applicationName,
			]);
		await database.withClient(readHead);
		await cut();
		// The pool may not have noticed yet; the next but one is a new connection in any case.
		await database.withClient(readHead).catch(() => undefined);
		expect((await database.withClient(readHead)).revision).toBe(0);
		const busy = refusal(database.withClient((client) => client.query("select pg_sleep(600)")));
		for (let cutNow = 0; cutNow === 0; ) {
			const { rowCount } = await killer.query(
				"select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and wait_event = 'PgSleep'",
				[options.applicationName],
			);
			cutNow = rowCount ?? 0;
		}
		expect((await busy).code).toBe("dependency_unreachable");
		expect((await database.withClient(readHead)).revision).toBe(0);
	});
});
