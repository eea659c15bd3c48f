/** A Postgres database for a test file: the run's one server, a clone of the schema, a fresh one for each file. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import pg from "pg";
import { BROKER_VARIABLE, type Cluster, urlOf, withClient } from "./postgres-broker.ts";

export interface TestDatabase {
	/** Of a superuser. */
	readonly url: string;
	readonly name: string;
	/** A connection that ends with the database at the latest; `role` is what it acts as, a superuser by default. */
	connect(options?: { readonly role?: string }): Promise<pg.Client>;
	/** Makes a role that cannot log in, a member of the others; its name is unique in the cluster and begins with `name`. */
	role(name: string, ...memberOf: readonly string[]): Promise<string>;
	/** Ends every connection, drops the database and its roles. May be called again. */
	drop(): Promise<void>;
}

/**
 * Makes a database with the schema of migrations/schema/, or an empty one. Clean up with `afterAll(() => database?.drop())`.
 *
 * Roles belong to the whole cluster: use those of `role()`, whose names do not collide with those of other test files.
 */
export async function createTestDatabase({ schema = true }: { readonly schema?: boolean } = {}): Promise<TestDatabase> {
	const cluster = await askBroker();
	const suffix = randomBytes(5).toString("hex");
	const name = `firebreak_test_${suffix}`;
	const url = urlOf(cluster.url, name);
	const clients: pg.Client[] = [];
	const roles: string[] = [];
	await withClient(cluster.url, (client) =>
		client.query(`create database ${name} ${schema ? `template ${cluster.template} strategy file_copy` : ""}`),
	);
	const database: TestDatabase = {
		url,
		name,
		async connect({ role } = {}) {
			const client = new pg.Client({ connectionString: url });
			// A test that ends the connection from the other side hears of it by its own query.
			client.on("error", () => {});
			clients.push(client);
			await client.connect();
			if (role !== undefined) await client.query(`set role ${client.escapeIdentifier(role)}`);
			return client;
		},
		async role(prefix, ...memberOf) {
			const role = `${prefix}_${suffix}`;
			const groups = memberOf.length > 0 ? `in role ${memberOf.join(", ")}` : "";
			await withClient(url, (client) => client.query(`create role ${role} nologin ${groups}`));
			roles.push(role);
			return role;
		},
		async drop() {
			await Promise.all(clients.splice(0).map((client) => client.end().catch(() => {})));
			await withClient(cluster.url, async (client) => {
				await client.query(`drop database if exists ${name} with (force)`);
				for (const role of roles.splice(0)) await client.query(`drop role if exists ${role}`);
			});
		},
	};
	return database;
}

async function askBroker(): Promise<Cluster> {
	const socketPath = process.env[BROKER_VARIABLE];
	if (socketPath === undefined) throw new Error(`${BROKER_VARIABLE} is not set: run the tests by jest.config.js`);
	const asking = request({ socketPath, path: "/", agent: false }).end();
	const [response] = (await once(asking, "response")) as [IncomingMessage];
	const body = await text(response);
	if (response.statusCode !== 200) throw new Error(`the tests' Postgres did not start: ${body}`);
	return JSON.parse(body) as Cluster;
}
