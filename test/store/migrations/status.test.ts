import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CATALOG_FILE } from "../../../src/store/migrations/catalog/file.ts";
import { migrateStatus } from "../../../src/store/migrations/status.ts";
import { migrateVerify } from "../../../src/store/migrations/verify.ts";
import { allow, COMPANY, openWorkbench, refusal, type Workbench } from "../support/workbench.ts";

let bench: Workbench;

beforeAll(async () => {
	bench = await openWorkbench();
});
afterAll(() => bench?.close());

const A = "platform/20260101000000_company";
const B = "payments/20260102000000_read";
const C = "payments/20260103000000_more";

async function states(): Promise<Record<string, string>> {
	const { migrations } = await migrateStatus(bench.database, bench.folders());
	return Object.fromEntries(migrations.filter(({ owner }) => owner !== null).map(({ name, state }) => [name, state]));
}

test("everything is pending in an empty database, which has no head", async () => {
	bench.put(`${A}.sql`, COMPANY);
	const { head, migrations } = await migrateStatus(bench.database, bench.folders());
	expect(head).toBeNull();
	expect(new Set(migrations.map(({ state }) => state))).toEqual(new Set(["pending"]));
	expect(migrations.at(-1)).toMatchObject({ name: A, owner: "platform", appliedAt: null, revision: null });
	expect(await migrateVerify(bench.database, bench.folders(), CATALOG_FILE)).toMatchObject({ verified: 0, head: null });
});

test("applied ones have their time and revision, in the order they were applied", async () => {
	bench.put(`${B}.sql`, allow("read", "/v1/payments/{id}"));
	await bench.up();
	bench.put(`${C}.sql`, allow("more", "/v1/more"));
	const { head, migrations } = await migrateStatus(bench.database, bench.folders());
	expect(head).toMatchObject({ revision: 1 });
	expect(migrations.slice(-3)).toMatchObject([
		{ name: A, state: "applied", revision: 1, appliedAt: expect.any(Date), appliedBy: expect.any(String) },
		{ name: B, state: "applied", revision: 1 },
		{ name: C, state: "pending", revision: null },
	]);
	const names = migrations.map(({ name }) => name).filter((name) => name.startsWith("schema/"));
	expect(names).toEqual([...names].sort());
	expect(await migrateVerify(bench.database, bench.folders(), CATALOG_FILE)).toMatchObject({
		pending: 1,
		head: { revision: 1 },
	});
});

test("edited and missing files are told apart, and verify names each", async () => {
	await bench.up();
	bench.emptyFolder();
	bench.put(`${A}.sql`, COMPANY);
	bench.put(`${B}.sql`, "select 1;");
	expect(await states()).toEqual({ [A]: "applied", [B]: "edited", [C]: "missing" });
	const error = await refusal(migrateVerify(bench.database, bench.folders(), CATALOG_FILE));
	expect(error.code).toBe("migration_drift");
	expect(error.problems.map(({ object, message }) => [object, message])).toEqual([
		[`migration ${B}`, "it was edited after it was applied"],
		[`migration ${C}`, "it was applied, but its file is not there"],
	]);
});

test("files of a newer schema are unknown, and verify refuses them", async () => {
	const client = await bench.test.connect();
	await client.query("insert into firebreak.migration (name, checksum) values ('schema/9999_future', 'x')");
	const { migrations } = await migrateStatus(bench.database, bench.folders());
	expect(migrations.find(({ name }) => name === "schema/9999_future")).toMatchObject({ state: "unknown" });
	expect((await refusal(migrateVerify(bench.database, bench.folders(), CATALOG_FILE))).code).toBe("migration_drift");
});
