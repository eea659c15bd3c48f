/** Credentials in every place of what operators send over HTTP: none is told, and none is kept. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type AdminServer, startAdminServer } from "../../src/admin/server.ts";
import { type Database, openDatabase } from "../../src/store/pool.ts";
import { API_KEY, PEM, TOKEN } from "../cases/credential-texts.ts";
import { COMPANY } from "../store/support/workbench.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { Secrets } from "../support/secrets.ts";
import { dumpTables } from "../support/table-dump.ts";

const OPERATOR = "operator-0123456789abcdef";
const ISSUER = "https://id.example.org";

const secrets = new Secrets();
secrets.jws("token", TOKEN);
secrets.add("API key", API_KEY.slice(4, 47));
secrets.pem("private key", PEM);
const URL_WITH_PASSWORD = `postgres://user:${secrets.plant("password")}@db.example.org/firebreak`;
const PLANTED = [TOKEN, API_KEY, PEM, PEM.split("\n")[1]!, URL_WITH_PASSWORD];

let folder: string;
let company: TestDatabase;
let database: Database;
let server: AdminServer;
const changes: unknown[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "firebreak-planted-"));
	writeFileSync(join(folder, "operator"), OPERATOR);
	company = await createTestDatabase();
	await (await company.connect()).query(COMPANY);
	database = openDatabase(company.url, { applicationName: "firebreak test" });
	const never = () => {
		throw new Error("not asked for here");
	};
	server = await startAdminServer({
		address: { kind: "tcp", host: "127.0.0.1", port: 0 },
		tokenFile: join(folder, "operator"),
		operatorTokenFile: null,
		clock: Date.now,
		status: {} as never,
		metrics: { text: never, contentType: "" },
		explain: never,
		records: { decision: async () => null, flows: async () => [], servers: async () => [] },
		control: { database, clock: Date.now, onChange: (change) => changes.push(change) },
		onError: (error) => errors.push(error),
	});
});
afterAll(async () => {
	await server?.stop();
	await database?.end();
	await company?.drop();
	rmSync(folder, { recursive: true, force: true });
});

/** Status, headers and body as one text. */
async function ask(method: string, path: string, body?: unknown): Promise<string> {
	const { port } = server.address as { port: number };
	const response = await fetch(`http://127.0.0.1:${port}${path}`, {
		method,
		headers: { authorization: `Bearer ${OPERATOR}`, ...(body !== undefined && { "content-type": "application/json" }) },
		...(body !== undefined && { body: JSON.stringify(body) }),
	});
	return `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`;
}

/** The good bodies of each write, by its path. */
const REVOCATIONS: readonly Readonly<Record<string, string>>[] = [
	{ issuer: ISSUER, token_id: "t-1", reason: "r" },
	{ owner: "platform", reason: "r" },
	{ segment: "orders", reason: "r" },
	{ subject: "alice", issuer: ISSUER, reason: "r" },
];
const QUARANTINES: readonly Readonly<Record<string, string>>[] = [
	{ kind: "segment", name: "orders", reason: "r", until: "2h" },
	{ kind: "workload", name: "spiffe://prod.example.org/x", reason: "r" },
	{ kind: "domain", name: "internal", reason: "r" },
	{ kind: "issuer", name: ISSUER, reason: "r" },
	{ kind: "key", name: `${"k".repeat(42)}A`, reason: "r" },
];
const post = (path: string) => (body: unknown) => ask("POST", path, body);
const lift = (query: Readonly<Record<string, string>>) =>
	ask("DELETE", `/v1/quarantines?${new URLSearchParams(query)}`);

/** Each field in turn with the credential in it, and a field of its name. */
const WRITES = [
	...REVOCATIONS.map((body) => ["POST /v1/revocations", post("/v1/revocations"), body] as const),
	...QUARANTINES.map((body) => ["POST /v1/quarantines", post("/v1/quarantines"), body] as const),
	...QUARANTINES.map(({ until: _, ...query }) => ["DELETE /v1/quarantines", lift, query] as const),
].flatMap(([name, send, body]) =>
	[...Object.keys(body), "a field that is none"].map((field) => ({ name, field, send, body })),
);

test.each(WRITES)("$name refuses one in $field, and does not repeat it: $body", async ({ field, send, body }) => {
	for (const secret of PLANTED) {
		for (const text of [secret, `leaked: ${secret}, INC-4711`]) {
			const said = await send(field in body ? { ...body, [field]: text } : { ...body, [text]: "x" });
			expect(said).toMatch(/^400 /);
			if (field in body) expect(said).toContain(`"field":"${field}"`);
			expect(secrets.foundIn({ name: "the answer", text: said, holds: "The request is wrong" })).toEqual([]);
		}
	}
});

test.each([
	(text: string) => `/v1/tokens?subject=${text}`,
	(text: string) => `/v1/tokens?${text}=x`,
	(text: string) => `/v1/tokens/${text}?issuer=${encodeURIComponent(ISSUER)}`,
	(text: string) => `/v1/tokens/t-1?issuer=${text}`,
	(text: string) => `/v1/decisions/${text}`,
	(text: string) => `/v1/flows?source=${text}`,
	(text: string) => `/${text}`,
])("questions do not repeat one: %s", async (pathOf) => {
	for (const secret of PLANTED) {
		const said = await ask("GET", pathOf(encodeURIComponent(secret)));
		expect(secrets.foundIn({ name: "the answer", text: said, holds: /^[24]\d\d / })).toEqual([]);
	}
});

test("nothing was kept of all that, nor told of", async () => {
	const client = await company.connect();
	const tables = await dumpTables(async (text) => (await client.query(text)).rows);
	expect(tables.find(({ name }) => name === "table revocation")?.text).toBe("rows: ");
	expect(tables.flatMap((table) => secrets.foundIn(table))).toEqual([]);
	expect([changes, errors]).toEqual([[], []]);
});
