/** The database that a command works on, for as long as it runs. */
import { readDatabaseUrl } from "../config.ts";
import { type Database, openDatabase } from "../store/pool.ts";
import type { Io } from "./io.ts";

/** `command` is shown in pg_stat_activity; `url` is what `--database-url` says. @throws FirebreakError config_invalid */
export async function withDatabase<T>(
	io: Io,
	command: string,
	url: string | undefined,
	work: (database: Database) => Promise<T>,
): Promise<T> {
	const database = openDatabase(readDatabaseUrl(io.env, url), {
		applicationName: `firebreak ${command}`,
		connections: 1,
	});
	try {
		return await work(database);
	} finally {
		await database.end();
	}
}
