/** What whoever owns the tables could do to them. */
import type { ClientBase } from "pg";

/** Does it with every trigger out of the way, lets `look`, and takes it back afterwards. As a superuser. */
export async function tampered(client: ClientBase, statements: string, look: () => Promise<void>): Promise<void> {
	await client.query("create schema kept");
	for (const table of TABLES) await client.query(`create table kept.${table} as select * from firebreak.${table}`);
	await client.query("set session_replication_role = replica");
	try {
		await client.query(statements);
		await look();
	} finally {
		for (const table of TABLES) {
			const columns = table === "policy" ? POLICY_COLUMNS : "*";
			const into = table === "policy" ? `(${POLICY_COLUMNS})` : "";
			await client.query(
				`delete from firebreak.${table}; insert into firebreak.${table} ${into} select ${columns} from kept.${table}`,
			);
		}
		await client.query("set session_replication_role = default; drop schema kept cascade");
	}
}

const TABLES = [
	"history",
	"revision",
	"policy_counter",
	"policy",
	"revocation",
	"revocation_counter",
	"migration",
] as const;
/** One column of it is generated. */
const POLICY_COLUMNS =
	"name, effect, source, destination, owner, methods, paths, grpc, hosts, scopes, scopes_any, condition, upgrade, valid, mode, reason";
