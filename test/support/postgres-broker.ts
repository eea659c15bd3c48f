/**
 * The one Postgres of a jest run. It lives in jest's own process, not in a worker's, and starts when the first test file
 * asks for it: a run of pure tests never pays for it. Workers ask over a Unix socket, whose path is in the environment.
 */
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { startEmbeddedPostgres } from "../../demo/postgres.ts";
import { createWorkspace } from "../../demo/workspace.ts";

/** The environment variable that holds the broker's socket. */
export const BROKER_VARIABLE = "TEST_POSTGRES_BROKER";

/** What a test file needs to make a database of its own. */
export interface Cluster {
	/** A superuser's connection string. */
	readonly url: string;
	/** A database that holds the schema and nothing else. Never connect to it: it could not be cloned then. */
	readonly template: string;
}

export interface Broker {
	readonly socket: string;
	stop(): Promise<void>;
}

export const SCHEMA_FOLDER = fileURLToPath(new URL("../../migrations/schema/", import.meta.url));

export async function startBroker(): Promise<Broker> {
	const workspace = createWorkspace("test-broker");
	const socket = path.join(workspace.path, "socket");
	let starting: Promise<StartedCluster> | undefined;
	const server = createServer(async (_request, response) => {
		try {
			starting ??= startCluster(process.env.DATABASE_URL);
			const { url, template } = await starting;
			response.end(JSON.stringify({ url, template } satisfies Cluster));
		} catch (error) {
			response.writeHead(500).end(String(error));
		}
	});
	server.listen(socket);
	await once(server, "listening");
	return {
		socket,
		async stop() {
			server.close();
			server.closeAllConnections();
			await (await starting?.catch(() => undefined))?.stop();
			workspace.remove();
		},
	};
}

interface StartedCluster extends Cluster {
	stop(): Promise<void>;
}

/** Ours, thrown away at the end, or the one at `given`, which is left as it was but for the schema's roles. */
async function startCluster(given: string | undefined): Promise<StartedCluster> {
	const embedded = given ? null : await startEmbeddedPostgres({ max_connections: "300" });
	const url = given ?? embedded!.url;
	const template = `firebreak_test_template_${process.pid}`;
	const stop = async () => {
		if (embedded) await embedded.stop();
		else await withClient(url, (client) => client.query(`drop database if exists ${template} with (force)`));
	};
	try {
		await withClient(url, (client) => client.query(`create database ${template}`));
		await withClient(urlOf(url, template), applySchema);
	} catch (error) {
		await stop();
		throw error;
	}
	return { url, template, stop };
}

/** The files of migrations/schema/ in one transaction, as the migration runner applies them, but without its records. */
export async function applySchema(client: pg.Client): Promise<void> {
	const names = (await readdir(SCHEMA_FOLDER)).filter((name) => name.endsWith(".sql")).sort();
	await client.query("begin");
	for (const name of names) await client.query(await readFile(path.join(SCHEMA_FOLDER, name), "utf8"));
	await client.query("commit");
}

export async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	try {
		return await use(client);
	} finally {
		await client.end();
	}
}

/** The same server, another database. */
export function urlOf(server: string, database: string): string {
	const url = new URL(server);
	url.pathname = `/${database}`;
	return url.href;
}
