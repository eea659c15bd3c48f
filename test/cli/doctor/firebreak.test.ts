/** `firebreak doctor` on Firebreak's own side, with a real Postgres and real servers on it. */
import { afterEach, expect, test } from "@jest/globals";
import { register } from "../../../src/cli/doctor.ts";
import * as migrate from "../../../src/cli/migrate.ts";
import { run } from "../../../src/cli/program.ts";
import { type FollowingServer, startServer } from "../../store/support/server.ts";
import { allow, COMPANY } from "../../store/support/workbench.ts";
import { fakeIo } from "../../support/fake-io.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { until } from "../../support/wait.ts";

let database: TestDatabase | undefined;
const servers: FollowingServer[] = [];
afterEach(async () => {
	for (const server of servers.splice(0)) await server.stop();
	await database?.drop();
	database = undefined;
});

async function doctor(env: Readonly<Record<string, string>>, ...argv: string[]) {
	const io = fakeIo({ env, clock: Date.now });
	const code = await run(["doctor", ...argv], io, [{ register }]);
	return { code, out: io.out(), err: io.err() };
}

async function findings(
	env: Readonly<Record<string, string>>,
): Promise<{ code: number; subject: string; ids: string[] }> {
	const { code, out } = await doctor(env, "--json");
	const { subject, findings } = JSON.parse(out);
	return { code, subject, ids: findings.map(({ id, place }: { id: string; place: string }) => `${id} ${place}`) };
}

async function company(): Promise<string> {
	database = await createTestDatabase({ schema: false });
	const io = fakeIo({ env: { DATABASE_URL: database.url } });
	expect(await run(["migrate", "up", "--dir", "/nonexistent"], io, [migrate])).toBe(0);
	await (await database.connect()).query(COMPANY + allow("read", "/v1"));
	return database.url;
}

test("nothing is wrong with a company whose server enforces the newest revision", async () => {
	const url = await company();
	servers.push(await startServer(url, "one"));
	const { code, out, err } = await doctor({ DATABASE_URL: url });
	expect(out).toMatch(/^Firebreak on \S+, revision 1, 1 live server: nothing is wrong\n$/);
	expect({ code, err }).toEqual({ code: 0, err: "" });
});

test("no server, a wrong setting, a domain without an issuer, a policy under monitor", async () => {
	const url = await company();
	const client = await database!.connect();
	await client.query("select firebreak.domain('partner', 'platform', flow => 'mtls+token')");
	await client.query(allow("watched", "/v2").replace("methods =>", "mode => 'monitor', methods =>"));
	const env = { DATABASE_URL: url, FIREBREAK_POLL_INTERVAL: "soon" };
	expect(await findings(env)).toMatchObject({
		code: 4,
		ids: [
			"servers_none servers",
			"configuration_invalid FIREBREAK_POLL_INTERVAL",
			"domain_without_issuer domain partner",
			"monitored policy watched",
		],
	});
	const { code, out } = await doctor(env);
	expect(code).toBe(4);
	expect(out).toMatch(/^danger +servers_none +servers +no server is live/m);
	expect(out).toMatch(/revision 3, 0 live servers: 1 danger, 2 warnings, 1 notice\n$/);
	const accepted = ["servers_none", "configuration_invalid", "domain_without_issuer"];
	expect(await doctor(env, "--accept", ...accepted)).toMatchObject({ code: 0, err: "" });
});

test("a server that refuses the newest revision, and one that is silent", async () => {
	const url = await company();
	const client = await database!.connect();
	const refuse = { object: "policy more", message: "it is too new", cure: "update" };
	servers.push(await startServer(url, "refusing", { refuse }));
	await client.query(`insert into firebreak.server (id, epoch, revision, seq, started, heartbeat)
		select 'killed', epoch, 1, 0, now(), clock_timestamp() - interval '5 minutes' from firebreak.head`);
	await client.query(allow("more", "/v2"));
	const expected = ["server_refuses server refusing", "server_silent server killed"];
	await until("both are told", async () => (await findings({ DATABASE_URL: url })).ids.join() === expected.join());
});

test("a database without the schema", async () => {
	database = await createTestDatabase({ schema: false });
	expect(await findings({ DATABASE_URL: database.url })).toMatchObject({
		code: 4,
		subject: expect.stringMatching(/no schema, 0 live servers$/),
		ids: ["schema_missing database"],
	});
});

test("a schema with a migration that this version does not know", async () => {
	const url = await company();
	servers.push(await startServer(url, "one"));
	const client = await database!.connect();
	await client.query(
		"update firebreak.migration set checksum = 'other' where name = (select min(name) from firebreak.migration)",
	);
	await client.query("insert into firebreak.migration (name, owner, checksum) values ('9999_future', null, 'x')");
	const { code, ids } = await findings({ DATABASE_URL: url });
	expect(code).toBe(4);
	expect(ids).toEqual([expect.stringMatching(/^schema_edited migration /), "schema_newer migration 9999_future"]);
});

test("no database there is exit 7; no name of one is exit 1", async () => {
	const { code, err } = await doctor({ DATABASE_URL: "postgres://user:hunter2@127.0.0.1:1/none" });
	expect(code).toBe(7);
	expect(err).not.toContain("hunter2");
	expect((await doctor({})).code).toBe(1);
});
