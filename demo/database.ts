/** What the demo itself asks of Postgres. */
import { randomBytes } from "node:crypto";
import pg from "pg";

/** Runs one statement on a connection of its own. */
export async function query<Row extends pg.QueryResultRow>(
	databaseUrl: string,
	text: string,
	values: unknown[] = [],
): Promise<Row[]> {
	const client = new pg.Client({ connectionString: databaseUrl, application_name: "firebreak demo" });
	await client.connect();
	try {
		return (await client.query<Row>(text, values)).rows;
	} finally {
		await client.end();
	}
}

/**
 * Makes a login with a random password and returns its connection string. It may only what a server needs: read policy, write
 * records, and read them back to people.
 */
export async function createServerLogin(databaseUrl: string): Promise<string> {
	const url = new URL(databaseUrl);
	url.username = "firebreak_demo";
	url.password = randomBytes(18).toString("base64url");
	const login = `create role ${url.username} login password '${url.password}'`;
	const roles = ["firebreak_server", "firebreak_recorder", "firebreak_reader"];
	await query(databaseUrl, `${login} in role ${roles.join(", ")}`);
	return url.href;
}

/**
 * When a revision was committed, in milliseconds since the epoch by the database's clock. A Postgres that does not keep the
 * times of commits tells when the revision was made, a moment earlier.
 */
export async function committedAt(databaseUrl: string, revision: number): Promise<number> {
	const [row] = await query<{ at: Date }>(
		databaseUrl,
		`select case current_setting('track_commit_timestamp') when 'on' then pg_xact_commit_timestamp(xmin) else at end as at
			from firebreak.revision where number = $1`,
		[revision],
	);
	if (!row) throw new Error(`there is no revision ${revision}`);
	return row.at.getTime();
}
