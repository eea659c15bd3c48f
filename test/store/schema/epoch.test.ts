import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { startEmbeddedPostgres } from "../../../demo/postgres.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { applySchema, urlOf, withClient } from "../../support/postgres-broker.ts";
import { call, headOf, stateExample } from "./calls.ts";

describe("the epoch", () => {
	let database: TestDatabase;
	let client: Client;
	beforeEach(async () => {
		database = await createTestDatabase();
		client = await database.connect();
		await stateExample(client);
	});
	afterEach(() => database?.drop());

	test("is another in a copy of the database, with the same numbers", async () => {
		const copy = `${database.name}_copy`;
		const admin = urlOf(database.url, "postgres");
		const before = await headOf(client);
		await client.end();
		try {
			const after = await withClient(admin, async (maintenance) => {
				await maintenance.query(`create database ${copy} template ${database.name}`);
				return withClient(urlOf(database.url, copy), headOf);
			});
			expect(after).toMatchObject({ revision: before.revision, seq: before.seq });
			expect(after.epoch).not.toBe(before.epoch);
		} finally {
			await withClient(admin, (maintenance) => maintenance.query(`drop database if exists ${copy} with (force)`));
		}
	});

	test("is the same from session to session until it is renewed", async () => {
		const { epoch } = await headOf(client);
		expect(epoch).toMatch(/^[0-9a-f]{32}$/);
		expect((await headOf(await database.connect())).epoch).toBe(epoch);
		expect(await call(client, "renew_epoch", {})).not.toBe(epoch);
		expect((await headOf(client)).epoch).not.toBe(epoch);
	});
});

test("recovering onto another timeline, as a restore and a failover do, is another epoch; restarting is not", async () => {
	const cluster = await startEmbeddedPostgres();
	try {
		const ask = <T>(action: (client: Client) => Promise<T>): Promise<T> => withClient(cluster.url, action);
		const data = await ask(async (client) => {
			await applySchema(client);
			await stateExample(client);
			// What an archive that holds nothing more answers.
			await client.query("alter system set restore_command = 'false'");
			return (await client.query("show data_directory")).rows[0].data_directory as string;
		});
		const before = await ask(headOf);
		await cluster.halt();
		await cluster.resume();
		expect(await ask(headOf)).toEqual(before);

		await cluster.halt();
		writeFileSync(path.join(data, "recovery.signal"), "");
		await cluster.resume();
		const after = await ask(headOf);
		expect(after).toMatchObject({ revision: before.revision, seq: before.seq });
		expect(after.epoch).not.toBe(before.epoch);
	} finally {
		await cluster.stop();
	}
});
