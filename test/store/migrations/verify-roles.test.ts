/** `migrate verify` of the roles: an owner's role that got out of what binds it. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { CATALOG_FILE } from "../../../src/store/migrations/catalog/file.ts";
import { readHolders } from "../../../src/store/migrations/roles.ts";
import { migrateVerify } from "../../../src/store/migrations/verify.ts";
import { COMPANY, openWorkbench, refusal, type Workbench } from "../support/workbench.ts";

let bench: Workbench;
let client: Client;
let team: string;
let stranger: string;

beforeAll(async () => {
	bench = await openWorkbench();
	team = await bench.test.role("team", "firebreak_author");
	stranger = await bench.test.role("stranger");
	bench.put("platform/20260101000000_company.sql", COMPANY);
	bench.put("platform/20260102000000_team.sql", `select firebreak.owner('pay', '${team}');`);
	await bench.up();
	client = await bench.test.connect();
});
afterAll(() => bench?.close());

const verify = () => migrateVerify(bench.database, bench.folders(), CATALOG_FILE);

describe("an owner's role", () => {
	test.each<[string, (role: string) => string, (role: string) => string, string]>([
		[
			"that row-level security does not bind any more",
			(role) => `alter role ${role} bypassrls`,
			(role) => `alter role ${role} nobypassrls`,
			"row-level security does not bind it, and it writes for owner pay",
		],
		[
			"that became a superuser",
			(role) => `alter role ${role} superuser`,
			(role) => `alter role ${role} nosuperuser`,
			"it is a superuser, and writes for owner pay",
		],
		[
			"that became a member of the schema's owner",
			(role) => `grant firebreak_owner to ${role}`,
			(role) => `revoke firebreak_owner from ${role}`,
			"it is a member of firebreak_owner, and writes for owner pay",
		],
		[
			"that became one by way of another role",
			(role) => `grant firebreak_owner to ${stranger}; grant ${stranger} to ${role}`,
			(role) => `revoke firebreak_owner from ${stranger}; revoke ${stranger} from ${role}`,
			"it is a member of firebreak_owner, and writes for owner pay",
		],
		[
			"that may say what was applied",
			(role) => `grant firebreak_migrator to ${role}`,
			(role) => `revoke firebreak_migrator from ${role}`,
			"it is a member of firebreak_migrator, and writes for owner pay",
		],
	])("%s is a problem, with a cure that works", async (_what, tamper, restore, message) => {
		await verify();
		await client.query(tamper(team));
		try {
			const { code, problems } = await refusal(verify());
			expect(code).toBe("migration_drift");
			expect(problems).toEqual([{ object: `role ${team}`, message, cure: expect.stringContaining(team) }]);
			if (!problems[0]!.cure.includes(", or ")) await client.query(problems[0]!.cure);
		} finally {
			await client.query(restore(team));
		}
		await verify();
	});
});

describe("the schema's own roles", () => {
	test.each([
		[
			"a member of somebody's",
			() => `grant ${stranger} to firebreak_author`,
			"firebreak_author",
			() => `it is a member of ${stranger}, `,
		],
		[
			"a member of another of them",
			() => "grant firebreak_owner to firebreak_reader",
			"firebreak_reader",
			() => "it is a member of firebreak_owner, ",
		],
		["one that may log in", () => "alter role firebreak_owner login", "firebreak_owner", () => "it may log in, "],
	])("%s", async (_what, tamper, role, message) => {
		// Other tests use the same cluster: this one's change is never committed.
		await client.query("begin");
		try {
			await client.query(tamper());
			const problems: Parameters<typeof readHolders>[1] = [];
			await readHolders(client, problems);
			expect(problems).toContainEqual({
				object: `role ${role}`,
				message: expect.stringContaining(message()),
				cure: expect.stringContaining(role),
			});
		} finally {
			await client.query("rollback");
		}
	});
});

test("what cannot be proven is listed: who holds what the schema does not name", async () => {
	await client.query(`grant firebreak_operator to ${stranger}; alter role ${stranger} bypassrls`);
	const { holders } = await verify();
	expect(holders!.firebreak_operator).toContain(stranger);
	expect(holders!.bypassrls).toContain(stranger);
	expect(holders!.superuser).toContain(new URL(bench.test.url).username);
	expect(holders!.firebreak_owner).not.toContain(stranger);
	expect(Object.values(holders!).flat()).not.toContain(team);
});
