import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../demo/postgres.ts";

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	try {
		return (await client.query(sql)).rows;
	} finally {
		await client.end();
	}
}

describe("the embedded Postgres", () => {
	let one: EmbeddedPostgres;
	let other: EmbeddedPostgres;
	beforeAll(async () => {
		[one, other] = await Promise.all([startEmbeddedPostgres({ max_connections: "23" }), startEmbeddedPostgres()]);
	});
	afterAll(async () => {
		await Promise.all([one?.stop(), other?.stop()]);
	});

	test("runs several times at once, with UTF-8, a fixed collation and the settings asked for", async () => {
		const settings = `select current_setting('server_encoding') as encoding, datcollate as collate,
			current_setting('max_connections') as connections from pg_database where datname = 'postgres'`;
		expect(await query(one.url, settings)).toEqual([{ encoding: "UTF8", collate: "C", connections: "23" }]);
		await query(other.url, "create table t (n int)");
		await expect(query(one.url, "select * from t")).rejects.toThrow("does not exist");
	});

	test("asks for its password, and listens on the loopback alone", async () => {
		const wrong = new URL(one.url);
		wrong.password = "postgres";
		await expect(query(wrong.href, "select 1")).rejects.toThrow("password authentication failed");
		expect(await query(one.url, "select current_setting('listen_addresses') as on")).toEqual([{ on: "127.0.0.1" }]);
	});

	test("comes back with its data, on the same port, after a halt", async () => {
		await query(one.url, "create table kept (n int)");
		await one.halt();
		await expect(query(one.url, "select 1")).rejects.toThrow("ECONNREFUSED");
		await one.resume();
		expect(await query(one.url, "select count(*)::int as n from kept")).toEqual([{ n: 0 }]);
	});

	test("cuts open connections when it stops, deletes its data, and may be stopped again", async () => {
		const client = new pg.Client({ connectionString: other.url });
		const cut = new Promise((resolve) => client.on("error", resolve));
		await client.connect();
		const { rows } = await client.query("select current_setting('data_directory') as data");
		await other.stop();
		await cut;
		expect(existsSync(rows[0].data)).toBe(false);
		await expect(query(other.url, "select 1")).rejects.toThrow("ECONNREFUSED");
		await other.stop();
	});
});
