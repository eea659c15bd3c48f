/** Every server beside the head that it should enforce. */
import { type Head, readHead } from "../head.ts";
import type { Database } from "../pool.ts";
import { readServers, type ServerState } from "./row.ts";

export interface ListedServer extends ServerState {
	/** Revisions and numbers of the revocation lane that it lacks; null when its numbers are of another epoch. */
	readonly behind: { readonly revisions: number; readonly revocations: number } | null;
}

/** @throws FirebreakError dependency_unreachable, store_unsuitable */
export async function listServers(
	database: Database,
): Promise<{ readonly head: Head; readonly servers: readonly ListedServer[] }> {
	return database.withClient(async (client) => {
		// The servers first: a head that is read before them could seem to be behind.
		const servers = await readServers(client);
		const head = await readHead(client);
		return { head, servers: servers.map((server) => ({ ...server, behind: behind(server, head) })) };
	});
}

function behind(server: ServerState, head: Head): ListedServer["behind"] {
	if (server.epoch !== head.epoch) return null;
	return {
		revisions: Math.max(0, head.revision - server.revision),
		revocations: Math.max(0, head.seq - server.seq),
	};
}
