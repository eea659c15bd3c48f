/** `keys rotate` whose connection is lost while the database commits: it may have been yes. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { untilBlocked } from "../../store/schema/calls.ts";
import { type OwnTokens, openOwnTokens } from "../../support/own-tokens.ts";
import { Relay } from "../../support/relay.ts";
import { until } from "../../support/wait.ts";

const GATE = 4711;

let own: OwnTokens;
let gate: Client;
let witness: Client;
let relay: Relay;
beforeEach(async () => {
	own = await openOwnTokens();
	[gate, witness] = [await own.database.connect(), await own.database.connect()];
	relay = await Relay.start(Number(new URL(own.database.url).port));
	// COMMIT waits for the gate, and then says yes or no.
	await own.query(`create function public.wait_at_commit() returns trigger language plpgsql as $$
		begin
			perform pg_advisory_xact_lock(${GATE});
			if new.reason = 'refuse' then raise exception 'no' using errcode = '23514'; end if;
			return null;
		end $$;
		create constraint trigger wait_at_commit after insert on firebreak.domain_key deferrable initially deferred
			for each row execute function public.wait_at_commit()`);
});
afterEach(async () => {
	await relay?.stop();
	await own?.close();
});

const files = () => readdirSync(join(own.keysDirectory, "internal"));

/** Rotates through the relay, and cuts the connection while the commit is under way. */
async function rotateCut(reason: string) {
	const url = new URL(own.database.url);
	[url.hostname, url.port] = ["127.0.0.1", String(relay.port)];
	await gate.query(`select pg_advisory_lock(${GATE})`);
	const rotating = own.json([
		...["keys", "rotate", "--domain", "internal", "--reason", reason, "--no-wait"],
		...["--database-url", url.href],
	]);
	await untilBlocked(witness);
	relay.cut();
	const rotated = await rotating;
	await gate.query(`select pg_advisory_unlock(${GATE})`);
	await until("the transaction is over", async () => {
		const { rowCount } = await witness.query(
			"select from pg_stat_activity where datname = current_database() and application_name = 'firebreak keys' and state <> 'idle'",
		);
		return rowCount === 0;
	});
	return rotated;
}

test.each([
	["committed, and the key signs", "lost", 1],
	["not committed, and the file is left", "refuse", 0],
])("keeps the private half, and says what to do: it was %s", async (_name, reason, published) => {
	const { code, error } = await rotateCut(reason);
	const [file] = files();
	const kid = file?.replace(/\.json$/, "");
	expect({ code, error }).toMatchObject({
		code: 7,
		error: {
			code: "dependency_unreachable",
			message: expect.stringContaining(`nobody knows whether the key ${kid} was published`),
			problems: [
				{
					object: `key ${kid}`,
					message: expect.stringContaining("the private half is kept"),
					cure: expect.stringContaining("firebreak keys list --domain internal"),
				},
			],
		},
	});
	const keys = (await own.json(["keys", "list", "--domain", "internal"])).keys as unknown as { kid: string }[];
	expect(keys.filter((key) => key.kid === kid)).toHaveLength(published);
	const issue = ["token", "issue", "--domain", "internal", "--subject", "s", "--owner", "platform", "--purpose", "p"];
	expect((await own.json(issue)).code).toBe(published === 1 ? 0 : 1);
});

test("removes it where the database refused at the commit", async () => {
	const rotated = await own.json(["keys", "rotate", "--domain", "internal", "--reason", "refuse", "--no-wait"]);
	expect(rotated.code).toBe(1);
	expect(files()).toEqual([]);
});
