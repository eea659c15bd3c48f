import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { run } from "../../src/cli/program.ts";
import { register } from "../../src/cli/servers.ts";
import { type FollowingServer, startServer } from "../store/support/server.ts";
import { allow, COMPANY } from "../store/support/workbench.ts";
import { fakeIo } from "../support/fake-io.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { until } from "../support/wait.ts";

let database: TestDatabase;
let server: FollowingServer | undefined;

beforeAll(async () => {
	database = await createTestDatabase();
	await (await database.connect()).query(COMPANY);
});
afterAll(async () => {
	await server?.stop();
	await database?.drop();
});

async function firebreak(...argv: string[]) {
	const io = fakeIo({ env: { DATABASE_URL: database.url } });
	const code = await run(["servers", ...argv], io, [{ register }]);
	return { code, out: io.out(), err: io.err() };
}

test("no server at all", async () => {
	const { code, out } = await firebreak();
	expect(code).toBe(0);
	expect(out).toMatch(
		/^no server has reported: none runs on this database, or none can write to it\nhead: revision 1, /,
	);
	expect(JSON.parse((await firebreak("--json")).out)).toMatchObject({ head: { revision: 1, seq: 0 }, servers: [] });
});

test("each server, what it enforces, how far behind, its age, and whether it lives", async () => {
	const client = await database.connect();
	const refuse = { object: "policy read", message: "it is too new", cure: "update" };
	server = await startServer(database.url, "refusing", { refuse });
	await client.query(`insert into firebreak.server (id, epoch, revision, seq, started, heartbeat)
		select 'killed', epoch, 1, 0, now(), clock_timestamp() - interval '5 minutes' from firebreak.head
		union all select 'other', 'elsewhere', 7, 7, now(), clock_timestamp() + interval '1 hour'`);
	await client.query(allow("read", "/v1"));
	await client.query("select firebreak.revoke_token('https://id.example.org', 't', 'stolen')");
	const listed = async () => JSON.parse((await firebreak("--json")).out);
	await until("the refusal", async () => {
		const { servers } = await listed();
		return servers.some((row: { refused: number | null; seq: number }) => row.refused === 2 && row.seq === 1);
	});

	const { head, servers } = await listed();
	expect(head).toEqual({ epoch: expect.any(String), revision: 2, seq: 1 });
	expect(servers).toMatchObject([
		{ id: "killed", live: false, behind: { revisions: 1, revocations: 1 }, refused: null },
		{ id: "other", live: true, behind: null },
		{
			id: "refusing",
			live: true,
			version: "1.2.3",
			revision: 1,
			behind: { revisions: 1, revocations: 0 },
			refused: 2,
			problem: "policy read: it is too new (update)",
			ageSeconds: expect.any(Number),
			started: expect.stringMatching(/Z$/),
		},
	]);

	const { code, out } = await firebreak();
	expect(code).toBe(0);
	const lines = out.trimEnd().split("\n");
	expect(lines[0]).toMatch(/^SERVER +STATE +REVISION +BEHIND +SEQ +BEHIND +HEARTBEAT +VERSION$/);
	expect(lines[1]).toMatch(/^killed +silent +1 +1 +0 +1 +5 min ago$/);
	expect(lines[2]).toMatch(/^other +live +7 +other epoch +7 +other epoch +\d+\.\d s ago$/);
	expect(lines[3]).toMatch(
		/^refusing +live +1 +1 +1 +0 +\d+\.\d s ago +1\.2\.3 +refuses revision 2: policy read: it is too new \(update\)$/,
	);
	expect(lines[4]).toBe(`head: revision 2, seq 1, epoch ${head.epoch}`);
});

test("a database without the schema exits 1 with the cure", async () => {
	const empty = await createTestDatabase({ schema: false });
	try {
		const io = fakeIo({ env: { DATABASE_URL: empty.url } });
		expect(await run(["servers"], io, [{ register }])).toBe(1);
		expect(io.err()).toContain("(run: firebreak migrate up)");
	} finally {
		await empty.drop();
	}
});
