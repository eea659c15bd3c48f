/** Results of any length, read without holding up what else waits in the event loop. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type Database, openDatabase } from "../../src/store/pool.ts";
import { streamRows } from "../../src/store/stream.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

let made: TestDatabase;
let database: Database;
beforeAll(async () => {
	made = await createTestDatabase({ schema: false });
	database = openDatabase(made.url, { applicationName: "firebreak test", connections: 1 });
});
afterAll(async () => {
	await database?.end();
	await made?.drop();
});

const ROWS = 20_000;
/** A chunk of 64 KiB holds no more rows of this size than are read in a turn at the most; Node alone reads 32 chunks in one. */
const ROW_BYTES = 512;
const MOST_ROWS_IN_TURN = 2 * 128;

test("few rows come between two turns of the event loop, all in order", async () => {
	let turns = 0;
	let next: NodeJS.Immediate;
	const turn = () => {
		turns++;
		next = setImmediate(turn);
	};
	next = setImmediate(turn);
	const perTurn = new Map<number, number>();
	const numbers: number[] = [];
	const text = `select n, repeat('x', ${ROW_BYTES}) from generate_series(1, $1::int) n`;
	await database.withClient((client) =>
		streamRows(client, text, [ROWS], ([n]) => {
			numbers.push(Number(n));
			perTurn.set(turns, 1 + (perTurn.get(turns) ?? 0));
		}),
	);
	clearImmediate(next);
	expect(numbers).toEqual(Array.from({ length: ROWS }, (_, n) => n + 1));
	expect(Math.max(...perTurn.values())).toBeLessThanOrEqual(MOST_ROWS_IN_TURN);
});

test("what onRow throws ends it, and the connection is of use afterwards", async () => {
	await database.withClient(async (client) => {
		const broken = streamRows(client, "select generate_series(1, 1000)", [], ([n]) => {
			if (n === "500") throw new Error("enough");
		});
		await expect(broken).rejects.toThrow("enough");
		expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
	});
});
