/** Calls of the schema's functions, and the example that the tests of the schema start from. */
import { setTimeout as sleep } from "node:timers/promises";
import pg, { type ClientBase } from "pg";

export type Arguments = Readonly<Record<string, unknown>>;

/** `firebreak.name(argument => value, ...)`; arrays and objects become what Postgres takes for them. */
export async function call(client: ClientBase, name: string, args: Arguments): Promise<unknown> {
	const names = Object.keys(args);
	const text = `select firebreak.${name}(${names.map((argument, i) => `${argument} => $${i + 1}`).join(", ")}) as result`;
	return (await client.query(text, Object.values(args))).rows[0]?.result;
}

/** What Postgres said, without the parts that change from run to run. */
export interface Refusal {
	readonly code: string | undefined;
	readonly message: string;
	readonly hint: string | undefined;
	/** Kind of object and argument, as programs read them. */
	readonly table: string | undefined;
	readonly column: string | undefined;
}

/** The error that the action ends in. @throws when there is none, or when it did not come from Postgres. */
export async function refusalOf(action: () => Promise<unknown>): Promise<Refusal> {
	try {
		await action();
	} catch (error) {
		if (!(error instanceof pg.DatabaseError)) throw error;
		const { code, message, hint, table, column } = error;
		return { code, message, hint, table, column };
	}
	throw new Error("nothing was refused");
}

/** Runs the action in a transaction; what it throws rolls back, and so does COMMIT when a deferred check refuses. */
export async function inTransaction<T>(client: ClientBase, action: () => Promise<T>): Promise<T> {
	await client.query("begin");
	try {
		const result = await action();
		await client.query("commit");
		return result;
	} catch (error) {
		await client.query("rollback");
		throw error;
	}
}

/** As `inTransaction`, but nothing stays. */
export async function andRollBack<T>(client: ClientBase, action: () => Promise<T>): Promise<T> {
	await client.query("begin");
	try {
		return await action();
	} finally {
		await client.query("rollback");
	}
}

/** Resolves once so many sessions of this database wait for others' locks. */
export async function untilBlocked(witness: ClientBase, sessions = 1): Promise<void> {
	const waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
	while (((await witness.query(waiting)).rowCount ?? 0) < sessions) await sleep(5);
}

export interface Head {
	readonly epoch: string;
	readonly revision: number;
	readonly seq: number;
}

export async function headOf(client: ClientBase): Promise<Head> {
	const [row] = (await client.query("select epoch, revision, seq from firebreak.head")).rows;
	return { epoch: row.epoch, revision: Number(row.revision), seq: Number(row.seq) };
}

export const JWKS = {
	keys: [{ kty: "OKP", crv: "Ed25519", kid: "k1", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }],
};

/** One good call for each kind of object; together, in this order or any other, a policy set that holds. */
export const EXAMPLE: readonly (readonly [name: string, args: Arguments])[] = [
	["owner", { name: "platform" }],
	["owner", { name: "orders" }],
	["owner", { name: "payments" }],
	["domain", { name: "internal", owner: "platform" }],
	["domain", { name: "public", owner: "orders" }],
	["issuer", { url: "https://id.example.org", domain: "internal", audiences: ["api"], jwks: JWKS }],
	[
		"segment",
		{
			name: "orders",
			domain: "internal",
			environment: "prod",
			owner: "orders",
			members: ["spiffe://prod.example.org/ns/orders/*", "spiffe://prod.example.org/ns/jobs/sa/orders"],
		},
	],
	[
		"segment",
		{
			name: "payments",
			domain: "internal",
			environment: "prod",
			owner: "payments",
			members: ["spiffe://prod.example.org/ns/payments/sa/payments"],
		},
	],
	[
		"segment",
		{
			name: "web",
			domain: "public",
			environment: "prod",
			owner: "orders",
			members: ["spiffe://prod.example.org/ns/web/*"],
		},
	],
	[
		"crossing",
		{
			name: "web-to-internal",
			owner: "orders",
			reason: "check-out",
			expires: "2036-01-01T00:00:00Z",
			source_domain: "public",
			destination_domain: "internal",
		},
	],
	["accept_crossing", { name: "web-to-internal", owner: "platform" }],
	[
		"allow",
		{
			name: "orders-reads-payments",
			source: "orders",
			destination: "payments",
			owner: "payments",
			methods: ["GET"],
			paths: ["/v1/payments/{id}"],
			scopes: ["payments:read"],
		},
	],
	[
		"deny",
		{
			name: "no-cards",
			source: "*",
			destination: "payments",
			owner: "payments",
			methods: ["*"],
			paths: ["/v1/cards/**"],
		},
	],
	["rate_limit", { kind: "segment", name: "payments", per_second: 100, burst: 200 }],
];

/** States the whole example in one transaction. */
export async function stateExample(client: ClientBase): Promise<void> {
	await inTransaction(client, async () => {
		for (const [name, args] of EXAMPLE) await call(client, name, args);
	});
}
