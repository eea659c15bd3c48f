/** Finds out about the database, the servers on it, and the configuration of this environment. */
import type { ClientBase } from "pg";
import { readConfig } from "../../config.ts";
import { compilePolicySet } from "../../core/compile/compile.ts";
import { runToEnd } from "../../core/compile/generator.ts";
import { FirebreakError, type Problem } from "../../core/errors.ts";
import type { Facts } from "../../doctor/firebreak/examine.ts";
import { loadPolicySet } from "../../store/load.ts";
import { SCHEMA_DIRECTORY } from "../../store/migrations/files.ts";
import { migrateStatus } from "../../store/migrations/status.ts";
import type { Database } from "../../store/pool.ts";
import { listServers } from "../../store/servers/list.ts";
import type { Io } from "../io.ts";

/** @throws FirebreakError dependency_unreachable, store_unsuitable */
export async function gatherFacts(io: Io, database: Database, databaseUrl: string | undefined): Promise<Facts> {
	const asked = await database.withClient((client) => askClock(io, client));
	// Without users' files: those that were applied are then missing, which says nothing here.
	const { head, migrations } = await migrateStatus(database, { schema: SCHEMA_DIRECTORY, policy: "" });
	const configuration = configurationProblems(io, databaseUrl);
	if (head === null) return { ...asked, configuration, schema: null, servers: [], policies: null };
	const { servers } = await listServers(database);
	const set = await database.withClient((client) => loadPolicySet(client));
	const compiled = runToEnd(compilePolicySet(set));
	return {
		...asked,
		configuration,
		schema: migrations.flatMap(({ name, owner, state }) =>
			owner !== null || state === "applied" || state === "missing" ? [] : [{ name, state }],
		),
		servers,
		policies: { set, problems: compiled.ok ? [] : compiled.problems },
	};
}

async function askClock(io: Io, client: ClientBase): Promise<Pick<Facts, "clock" | "standby">> {
	const before = io.clock();
	const { rows } = await client.query<{ now: Date; standby: boolean }>(
		"select clock_timestamp() as now, pg_is_in_recovery() as standby",
	);
	const here = io.clock();
	const [{ now, standby }] = rows as [(typeof rows)[0]];
	return { clock: { here, database: now.getTime(), tookMs: here - before }, standby };
}

function configurationProblems(io: Io, databaseUrl: string | undefined): readonly Problem[] {
	try {
		readConfig(io.env, { databaseUrl });
		return [];
	} catch (error) {
		if (error instanceof FirebreakError && error.code === "config_invalid") return error.problems;
		throw error;
	}
}
