/** `migrate up --wait`, with servers that follow, lag, refuse, and are silent. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { register } from "../../../src/cli/migrate.ts";
import { run } from "../../../src/cli/program.ts";
import { type FollowingServer, type ServerOptions, startServer } from "../../store/support/server.ts";
import { allow, COMPANY } from "../../store/support/workbench.ts";
import { fakeIo } from "../../support/fake-io.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { until } from "../../support/wait.ts";

let database: TestDatabase;
let root: string;
const servers: FollowingServer[] = [];

beforeAll(async () => {
	database = await createTestDatabase({ schema: false });
	root = mkdtempSync(join(tmpdir(), "firebreak-wait-"));
	put(COMPANY);
	await firebreak("up");
});
afterEach(async () => {
	for (const server of servers.splice(0)) await server.stop();
});
afterAll(async () => {
	await database?.drop();
	rmSync(root, { recursive: true, force: true });
});

let hour = 0;
/** One more pending file. */
function put(text: string): void {
	const stamp = new Date(Date.UTC(2026, 0, 1, hour++)).toISOString().replace(/\D/g, "").slice(0, 14);
	const path = join(root, `platform/${stamp}_step.sql`);
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, text);
}

const change = () => put(allow("changing", `/v${hour}`));

async function start(id: string, options?: ServerOptions): Promise<FollowingServer> {
	const server = await startServer(database.url, id, options);
	servers.push(server);
	return server;
}

async function firebreak(...argv: string[]) {
	const io = fakeIo({ env: { DATABASE_URL: database.url } });
	const code = await run(["migrate", ...argv, "--dir", root], io, [{ register }]);
	return { code, out: io.out(), err: io.err() };
}

/** Until the server says that of itself, however long it takes. */
async function told(id: string, what: "revision" | "refused", revision: number): Promise<void> {
	const client = await database.connect();
	try {
		await until(`server ${id} has told of revision ${revision}`, async () => {
			const { rows } = await client.query(`select from firebreak.server where id = $1 and ${what} = $2`, [
				id,
				revision,
			]);
			return rows.length > 0;
		});
	} finally {
		await client.end();
	}
}

const revisionNow = async () => JSON.parse((await firebreak("up", "--json")).out).revision as number;

const REFUSAL = { object: "policy changing", message: "this server is too old for it", cure: "update it" };

describe("migrate up --wait", () => {
	test("without a live server says so plainly and exits 0", async () => {
		change();
		const { code, out } = await firebreak("up", "--wait");
		const revision = await revisionNow();
		expect(code).toBe(0);
		expect(out).toMatch(new RegExp(`no live server to wait for: whichever starts enforces revision ${revision}\\n$`));
		expect(JSON.parse((await firebreak("up", "--wait", "--json")).out).waited).toEqual({ reached: true, servers: [] });
	});

	test("returns when every live server enforces the revision of the run", async () => {
		const [one, two] = [await start("one"), await start("two")];
		change();
		const { code, out, err } = await firebreak("up", "--wait");
		const revision = await revisionNow();
		expect([one, two].map(({ follower }) => follower.current().snapshot.revision)).toEqual([revision, revision]);
		expect(code).toBe(0);
		expect(out.trimEnd().split("\n").at(-1)).toBe(`revision ${revision} is enforced by all 2 live servers`);
		expect(err.trimEnd().split("\n").at(-1)).toBe(`revision ${revision}: enforced by 2 of 2 live servers`);
	});

	test("returns at once when nothing was applied and the head is enforced", async () => {
		await start("one");
		const { code, out } = await firebreak("up", "--wait", "--json");
		expect(code).toBe(0);
		expect(JSON.parse(out)).toMatchObject({
			applied: [],
			waited: { reached: true, servers: [{ id: "one", live: true, enforces: true, confirmed: expect.any(String) }] },
		});
	});

	test("exits 6 naming the server that refuses the revision, and why; what was applied stays", async () => {
		await start("good");
		await start("old", { refuse: REFUSAL });
		const before = await revisionNow();
		change();
		const first = await firebreak("up", "--wait", "--timeout", "100ms");
		expect(first.code).toBe(6);
		expect(first.out).toMatch(new RegExp(`1 migration applied: revision ${before + 1}\\n$`));
		expect(first.err).toContain(`error: revision ${before + 1} is committed, but after 100ms `);
		expect(first.err).toContain(`  server old: it `);

		await told("good", "revision", before + 1);
		await told("old", "refused", before + 1);
		const { code, err } = await firebreak("up", "--wait", "--timeout", "100ms");
		expect(code).toBe(6);
		expect(err.trimEnd().split("\n").slice(-2)).toEqual([
			`error: revision ${before + 1} is committed, but after 100ms 1 of 2 live servers do not enforce it`,
			`  server old: it stays at revision ${before} and refuses revision ${before + 1}: policy changing: ` +
				"this server is too old for it (update it) (correct what it names, or update the server to the version that applied it)",
		]);

		const again = await firebreak("up", "--wait", "--timeout", "100ms", "--json");
		expect(again.code).toBe(6);
		expect(JSON.parse(again.out)).toMatchObject({
			revision: before + 1,
			waited: {
				reached: false,
				servers: [
					{ id: "good", enforces: true },
					{ id: "old", enforces: false, confirmed: null, refused: before + 1, problem: expect.any(String) },
				],
			},
		});
	});

	test("does not wait for a server that is silent, and tells of it; one of another epoch is named", async () => {
		await start("one");
		const client = await database.connect();
		const add = (id: string, age: string) =>
			client.query(
				`insert into firebreak.server (id, epoch, revision, seq, started, heartbeat)
				values ($1, 'elsewhere', 99, 99, now(), clock_timestamp() - $2::interval)`,
				[id, age],
			);
		await add("silent", "1 minute");
		const { code, out } = await firebreak("up", "--wait");
		expect(code).toBe(0);
		expect(out).toMatch(/is enforced by the one live server; 1 not heard of lately, so not waited for\n$/);

		await add("astray", "-1 hour");
		const astray = await firebreak("up", "--wait", "--timeout", "100ms");
		expect(astray.code).toBe(6);
		expect(astray.err).toContain("  server astray: it follows another database, or an older state of this one");
		await client.query("delete from firebreak.server where id <> 'one'");
	});

	test("does not go with --dry-run", async () => {
		const { code, err } = await firebreak("up", "--wait", "--dry-run");
		expect(code).toBe(2);
		expect(err).toContain("cannot be used with");
	});
});
