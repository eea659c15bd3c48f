import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { type Arguments, andRollBack, call, EXAMPLE, headOf, inTransaction, JWKS, stateExample } from "./calls.ts";
import { FULL } from "./full.ts";
import { requiredArguments } from "./signatures.ts";

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	await stateExample(client);
});
afterAll(() => database?.drop());

const rows = async (text: string, ...values: unknown[]) => (await client.query(text, values)).rows;

describe("stating an object", () => {
	test("keeps every argument of every kind", async () => {
		const objects = await rows("select kind, name, owner, destination, spec from firebreak.object order by 1, 2");
		expect(objects.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
			"crossing web-to-internal",
			"domain internal",
			"domain public",
			"issuer https://id.example.org",
			"owner orders",
			"owner payments",
			"owner platform",
			"policy no-cards",
			"policy orders-reads-payments",
			"rate_limit segment:payments",
			"segment orders",
			"segment payments",
			"segment web",
		]);
		const specs = Object.fromEntries(objects.map(({ kind, name, spec }) => [`${kind} ${name}`, spec]));
		expect(specs["crossing web-to-internal"]).toEqual({
			name: "web-to-internal",
			owner: "orders",
			reason: "check-out",
			expires: "2036-01-01T00:00:00.000000Z",
			source_domain: "public",
			destination_domain: "internal",
			source_environment: null,
			destination_environment: null,
			flow: null,
			accepted: true,
		});
		expect(specs["issuer https://id.example.org"]).toEqual({
			url: "https://id.example.org",
			domain: "internal",
			profile: "rfc9068",
			audiences: ["api"],
			algorithms: ["ES256", "EdDSA", "RS256"],
			max_lifetime: 3600,
			binding: "none",
			jwks_uri: null,
			jwks: JWKS,
			options: {},
		});
		expect(specs["segment orders"]).toEqual({
			name: "orders",
			domain: "internal",
			environment: "prod",
			owner: "orders",
			members: ["spiffe://prod.example.org/ns/jobs/sa/orders", "spiffe://prod.example.org/ns/orders/*"],
			probes: [],
			path_exceptions: [],
			credential_upstream: "keep",
			trusted_proxy: false,
			enforcer: false,
			mode: "enforce",
		});
		expect(specs["policy orders-reads-payments"]).toEqual({
			name: "orders-reads-payments",
			effect: "allow",
			source: "orders",
			destination: "payments",
			owner: "payments",
			methods: ["GET"],
			paths: ["/v1/payments/{id}"],
			grpc: [],
			hosts: [],
			scopes: ["payments:read"],
			scopes_any: [],
			condition: null,
			upgrade: null,
			valid_from: null,
			valid_until: null,
			mode: "enforce",
			reason: null,
		});
		expect(specs["policy no-cards"]).toMatchObject({ effect: "deny", source: "*" });
		expect(specs["rate_limit segment:payments"]).toEqual({
			kind: "segment",
			name: "payments",
			per_second: 100,
			burst: 200,
		});
	});

	test.each(FULL)("%s keeps what is not the default", async (name, kind, args, shown) => {
		await andRollBack(client, async () => {
			await call(client, name, args);
			const [object] = await rows(
				"select spec from firebreak.object where kind = $1 and spec ->> $2 = $3",
				kind,
				...key(args),
			);
			expect(object.spec).toEqual(JSON.parse(JSON.stringify({ ...args, ...shown })));
		});
	});

	test("takes a null argument as its default", async () => {
		await andRollBack(client, async () => {
			for (const [name, , args] of FULL) {
				const required = requiredArguments(name);
				const nulls = Object.fromEntries(Object.keys(args).map((argument) => [argument, null]));
				const stated = Object.fromEntries(required.map((argument) => [argument, args[argument]]));
				const enough = { domain: {}, segment: {}, crossing: {}, deny: { grpc: ["a.B/C"] } };
				if (name === "issuer") continue;
				if (name === "crossing") Object.assign(stated, { destination_domain: "public" });
				const extra: Arguments = enough[name as keyof typeof enough];
				await call(client, name, { ...nulls, ...stated, ...extra });
				const explicit = await rows("select spec from firebreak.object where spec ->> $1 = $2", ...key(args));
				await call(client, "remove", { kind: name === "deny" ? "policy" : name, name: "full" });
				await call(client, name, { ...stated, ...extra });
				expect(await rows("select spec from firebreak.object where spec ->> $1 = $2", ...key(args))).toEqual(explicit);
			}
			const issuer = {
				url: "https://null.example.org",
				domain: "internal",
				audiences: ["a"],
				jwks_uri: "https://x/keys",
			};
			const rest = { profile: null, algorithms: null, max_lifetime: null, binding: null, jwks: null, options: null };
			await call(client, "issuer", { ...issuer, ...rest });
			const [{ spec }] = await rows("select spec from firebreak.object where name = $1", issuer.url);
			expect(spec).toMatchObject({
				profile: "rfc9068",
				algorithms: ["ES256", "EdDSA", "RS256"],
				max_lifetime: 3600,
				options: {},
			});
		});
	});

	test("states the whole object: what is left out goes back to its default", async () => {
		await andRollBack(client, async () => {
			const base = { name: "internal", owner: "platform" };
			await call(client, "domain", { ...base, hidden: true, flow: "mtls" });
			await call(client, "domain", base);
			expect(await rows("select flow, hidden from firebreak.domain where name = 'internal'")).toEqual([
				{ flow: "mtls+token", hidden: false },
			]);
			const segment = { name: "orders", domain: "internal", environment: "prod", owner: "orders" };
			await call(client, "segment", { ...segment, members: ["spiffe://prod.example.org/ns/orders/*"] });
			expect(await rows("select selector from firebreak.segment_member where segment = 'orders'")).toEqual([
				{ selector: "spiffe://prod.example.org/ns/orders/*" },
			]);
		});
	});

	test("adds members beside the ones that stay", async () => {
		await andRollBack(client, async () => {
			const segment = { name: "orders", domain: "internal", environment: "prod", owner: "orders" };
			const members = ["a", "b", "c"].map((name) => `spiffe://prod.example.org/ns/orders/sa/${name}`);
			const held = async () =>
				(await rows("select selector from firebreak.segment_member where segment = 'orders' order by selector")).map(
					({ selector }) => selector,
				);
			await call(client, "segment", { ...segment, members: members.slice(0, 2) });
			expect(await held()).toEqual(members.slice(0, 2));
			await call(client, "segment", { ...segment, members: members.slice(1) });
			expect(await held()).toEqual(members.slice(1));
		});
	});
});

describe("stating the same again", () => {
	test("changes nothing and makes no revision", async () => {
		const before = await headOf(client);
		const versions =
			"select tableoid::regclass::text as t, ctid, xmin from firebreak.policy union all select tableoid::regclass::text, ctid, xmin from firebreak.segment_member order by 1, 2";
		const rowsBefore = await rows(versions);
		for (const [name, args] of EXAMPLE) await call(client, name, args);
		expect(await headOf(client)).toEqual(before);
		expect(await rows(versions)).toEqual(rowsBefore);
	});

	test("compares values, not spellings", async () => {
		const before = await headOf(client);
		await call(client, "rate_limit", { kind: "segment", name: "payments", per_second: "100.00", burst: 200 });
		const issuer = { url: "https://id.example.org", domain: "internal", audiences: ["api"], jwks: JWKS };
		await call(client, "issuer", { ...issuer, max_lifetime: "3600 seconds" });
		const crossing = EXAMPLE.find(([name]) => name === "crossing")![1];
		await call(client, "crossing", { ...crossing, expires: "2036-01-01T02:00:00+02:00" });
		expect(await headOf(client)).toEqual(before);
	});
});

describe("parameters that share the names of columns", () => {
	beforeEach(() => client.query("begin"));
	afterEach(() => client.query("rollback"));
	const rest = (kind: string) => rows("select name from firebreak.object where kind = $1 order by 1", kind);

	test.each([
		["owner", "payments"],
		["domain", "public"],
		["issuer", "https://id.example.org"],
		["segment", "web"],
		["crossing", "web-to-internal"],
		["policy", "no-cards"],
		["rate_limit", "segment:payments"],
	])("remove %s touches the one that is named", async (kind, name) => {
		const others = (await rest(kind)).filter((row) => row.name !== name);
		await call(client, "remove", { kind, name });
		expect(await rest(kind)).toEqual(others);
	});

	test("stating one object leaves every other as it was", async () => {
		const all =
			"select kind, name, spec from firebreak.object where name not in ('orders-reads-payments', 'internal', 'web') order by 1, 2";
		const before = await rows(all);
		await call(client, "domain", { name: "internal", owner: "orders", mode: "monitor" });
		await call(client, "segment", {
			name: "web",
			domain: "internal",
			environment: "dev",
			owner: "platform",
			members: [],
		});
		await call(client, "deny", {
			name: "orders-reads-payments",
			source: "*",
			destination: "payments",
			owner: "payments",
			grpc: ["a.B/C"],
		});
		const changed = await rows(
			"select name, owner, spec ->> 'mode' as mode from firebreak.object where name in ('internal', 'web') order by 1",
		);
		expect(changed).toEqual([
			{ name: "internal", owner: "orders", mode: "monitor" },
			{ name: "web", owner: "platform", mode: "enforce" },
		]);
		expect(await rows(all)).toEqual(before);
	});
});

test("remove of what is absent is no error and makes no revision", async () => {
	const before = await headOf(client);
	for (const kind of ["owner", "domain", "issuer", "segment", "crossing", "policy"]) {
		await call(client, "remove", { kind, name: "absent" });
	}
	await call(client, "remove", { kind: "rate_limit", name: "source:absent" });
	expect(await headOf(client)).toEqual(before);
});

test("any order within a transaction will do", async () => {
	const other = await createTestDatabase();
	try {
		const fresh = await other.connect();
		await inTransaction(fresh, async () => {
			// An acceptance is of what is there: it comes behind the crossing and its domain.
			for (const [name, args] of [...EXAMPLE].reverse().filter(([kind]) => kind !== "accept_crossing")) {
				await call(fresh, name, args);
			}
			await call(fresh, "accept_crossing", { name: "web-to-internal", owner: "platform" });
		});
		const sets = await Promise.all(
			[client, fresh].map(
				async (connection) => (await connection.query("select * from firebreak.object order by 1, 2")).rows,
			),
		);
		expect(sets[1]).toEqual(sets[0]);
		expect(await headOf(fresh)).toMatchObject({ revision: 1, seq: 0 });
	} finally {
		await other.drop();
	}
});

/** What names the object, as its JSON has it. */
function key(args: Arguments): [string, unknown] {
	return args.url === undefined ? ["name", args.name] : ["url", args.url];
}
