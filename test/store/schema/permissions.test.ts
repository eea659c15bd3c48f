import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { refusalOf } from "./calls.ts";
import { ACTORS, type Actor, PERMISSIONS, SCENE } from "./permissions.ts";

let database: TestDatabase;
let admin: Client;
let roles: Readonly<Record<Actor, string>>;
const clients = new Map<Actor, Client>();

beforeAll(async () => {
	database = await createTestDatabase();
	admin = await database.connect();
	roles = {
		team: await database.role("team", "firebreak_author"),
		other: await database.role("other", "firebreak_author"),
		operator: await database.role("operator", "firebreak_operator"),
		server: await database.role("server", "firebreak_server"),
		recorder: await database.role("recorder", "firebreak_recorder"),
		migrator: await database.role("migrator", "firebreak_migrator"),
		reader: await database.role("reader", "firebreak_reader"),
		nobody: await database.role("nobody"),
	};
	await admin.query(SCENE.replaceAll("{team}", roles.team).replaceAll("{other}", roles.other));
	// What some lines remove or change.
	await admin.query(`
		select firebreak.owner('new'), firebreak.domain('new', 'platform'), firebreak.domain('unused', 'platform');
		select firebreak.segment('unused', 'da', 'prod', 'a', '{}'), firebreak.quarantine('segment', 'sa', 'r');
		insert into firebreak.server values ('old', 'e', 1, 1, now(), now());
		insert into firebreak.decision (id, at, kind, decision, reason) values ('old', now() - interval '1 day', 'denial', 'deny', 'no_policy');
		insert into firebreak.flow (minute, source, destination, operation, count, first, last)
			values (date_trunc('minute', now()), 'sa', 'sb', 'GET /', 1, now(), now());
		insert into firebreak.passport (issuer, token_id, owner, purpose, expires) values ('https://a', 'old', 'a', 'p', now());
		select firebreak.register_token('https://a', 'signed', 'a', 'p', '2036-01-01', kind => 'issued');
		select firebreak.publish_key('da', 'k1', '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
			"use": "sig", "alg": "EdDSA", "kid": "k1"}', now(), 'r');
		insert into firebreak.migration (name, checksum) values ('a/0', 'c')`);
	for (const actor of ACTORS) clients.set(actor, await database.connect({ role: roles[actor] }));
});
afterAll(() => database?.drop());

/** Tries it with all that hangs on it until COMMIT, and undoes it. Whether it had any effect. */
async function attempt(client: Client, sql: string): Promise<boolean> {
	await client.query("begin");
	try {
		const result = await client.query(sql);
		await client.query("set constraints all immediate");
		return (Array.isArray(result) ? result.at(-1) : result).rowCount !== 0;
	} finally {
		await client.query("rollback");
	}
}

describe.each(Object.entries(PERMISSIONS))("%s", (_, permissions) => {
	test.each(permissions.map((permission) => [permission.action, permission] as const))("%s", async (_, permission) => {
		const allowed: Actor[] = [];
		for (const actor of ACTORS) {
			const client = clients.get(actor)!;
			if (permission.may.includes(actor)) {
				if (await attempt(client, permission.sql)) allowed.push(actor);
				continue;
			}
			// Row-level security hides what may not be changed; everything else is said.
			const effect = await attempt(client, permission.sql).catch((error) => {
				if (error.code !== "42501" && error.code !== "0A000") throw error;
				return false;
			});
			if (effect) allowed.push(actor);
		}
		expect(allowed).toEqual(permission.may);
	});
});

test("the schema's owner may do all of it, but for what breaks a rule whoever does it", async () => {
	const refused: string[] = [];
	const all = Object.values(PERMISSIONS).flat();
	for (const { action, sql } of all) {
		const error = await attempt(admin, sql).then(
			() => null,
			(thrown) => thrown,
		);
		if (error) refused.push(`${action}: ${error.code}`);
	}
	expect(refused).toEqual([
		"give its segment to another: 23503",
		"accept a crossing into another's domain: 42501",
		"give its segment away by UPDATE: 23503",
		"empty a table: 0A000",
		"update revocation: 0A000",
		"delete from revocation: 0A000",
	]);
});

test("refusals of the functions name the object, the owner's role and the cure", async () => {
	const refusal = await refusalOf(() => clients.get("other")!.query("select firebreak.remove('policy', 'pa')"));
	expect(refusal).toEqual({
		code: "42501",
		message: `policy pa, owner: belongs to a, whose role ${roles.team} is not held by ${roles.other}`,
		hint: `run it as ${roles.team}, or let an operator grant that role to ${roles.other}`,
		table: "policy",
		column: "owner",
	});
	const ownerless = await refusalOf(() => clients.get("team")!.query("select firebreak.remove('policy', 'pp')"));
	expect(ownerless.message).toBe(
		"policy pp, owner: belongs to platform, who has no role, so that only operators write for it",
	);
	expect(ownerless.hint).toMatch(/^run it as a member of firebreak_operator/);
	const domain = await refusalOf(() =>
		clients.get("team")!.query("select firebreak.domain('da', 'a', mode => 'monitor')"),
	);
	expect(domain.message).toBe(`domain da, owner: ${roles.team} is no operator`);
});

test("a role that no longer exists is held by nobody", async () => {
	const gone = await database.role("gone", "firebreak_author");
	await admin.query("begin");
	await admin.query("select firebreak.owner('c', $1)", [gone]);
	await admin.query("select firebreak.segment('sc', 'da', 'prod', 'c', '{}')");
	await admin.query(`drop role ${gone}`);
	await admin.query(`set local role ${roles.operator}`);
	await expect(admin.query("select firebreak.remove('segment', 'sc')")).rejects.toMatchObject({ code: "42501" });
	await admin.query("rollback");
});

test("membership counts as far as it is inherited, as with every other privilege", async () => {
	const member = await database.role("member", roles.team);
	const heir = await database.connect({ role: member });
	expect(await attempt(heir, "select firebreak.remove('policy', 'pa')")).toBe(true);
	await admin.query(`grant ${roles.team} to ${member} with inherit false`);
	await expect(attempt(heir, "select firebreak.remove('policy', 'pa')")).rejects.toMatchObject({ code: "42501" });
	await heir.query(`set role ${roles.team}`);
	expect(await attempt(heir, "select firebreak.remove('policy', 'pa')")).toBe(true);
});

test("a search_path of the caller's own changes nothing", async () => {
	const client = clients.get("other")!;
	await admin.query(`create schema trap authorization ${roles.other}`);
	await client.query(`
		create function trap.always(text, text) returns boolean language sql immutable return true;
		create operator trap.= (leftarg = text, rightarg = text, function = trap.always);
		create operator trap.~ (leftarg = text, rightarg = text, function = trap.always);
		create function trap.pg_has_role(name, text) returns boolean language sql return true;
		create function trap.pg_has_role(oid, text) returns boolean language sql return true;
		set search_path = trap, pg_catalog`);
	await expect(attempt(client, "select firebreak.remove('policy', 'pa')")).rejects.toMatchObject({ code: "42501" });
	await expect(attempt(client, "select firebreak.segment('', 'db', 'prod', 'b', '{}')")).rejects.toMatchObject({
		code: "23514",
	});
	const insert =
		"insert into firebreak.segment values ('', 'db', 'prod', 'b', '{}', '{}', 'keep', false, false, 'enforce')";
	await expect(attempt(client, insert)).rejects.toMatchObject({ code: "23514" });
	await client.query("reset search_path");
});
