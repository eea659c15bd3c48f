/**
 * The Postgres role that the files of a folder run as.
 *
 * A folder belongs to the owner of its name. When that owner's row names a role, its files run as that role. Otherwise
 * (the owner has no role, or no file before has stated it yet) they are operators' work, and run as firebreak_operator,
 * which row-level security holds like any other: never as the role of the connection, which may be a superuser's.
 */
import { type ClientBase, escapeIdentifier } from "pg";
import { FirebreakError } from "../../core/errors.ts";
import type { MigrationFile } from "./files.ts";

/**
 * Asked before each file, since the one before it may have stated its owner.
 * @throws FirebreakError migration_invalid when no file may run as that role, or this connection cannot let it.
 */
export async function roleOf(client: ClientBase, file: MigrationFile): Promise<string> {
	const { rows } = await client.query<Facts>(FACTS, [file.owner]);
	const facts = rows[0]!;
	if (facts.obstacle === null) return facts.role;
	const { message, cure } = OBSTACLES[facts.obstacle](facts);
	const whose = facts.stated ? `owner ${file.owner} has role ${facts.role}` : `owner ${file.owner} has no role`;
	const run = facts.stated ? "" : ", so that its files are operators' work";
	throw new FirebreakError("migration_invalid", `the migration ${file.name} cannot run; nothing was applied`, {
		problems: [
			{ object: `migration ${file.name}`, message: `${whose}${run}; ${message}`, cure, file: file.path, line: 1 },
		],
	});
}

interface Facts {
	readonly role: string;
	readonly stated: boolean;
	readonly login: string;
	readonly database: string;
	readonly obstacle: keyof typeof OBSTACLES | null;
}

/**
 * A role that row-level security does not bind, or that may write what the run itself writes, would be no fence. That it
 * is a member of firebreak_author or firebreak_operator is for who administers roles to say: an operator, who may name
 * any role, cannot make a file run as pg_execute_server_program.
 */
const FACTS = `
with wanted as (
	select coalesce(o.role, 'firebreak_operator') as role, o.role is not null as stated
	from (select) always left join firebreak.owner o on o.name = $1
)
select w.role, w.stated, current_user::text as login, current_database()::text as database, case
	when not has_table_privilege('firebreak.running', 'insert') then 'no_migrator'
	when r.oid is null then 'missing'
	when r.rolsuper or r.rolbypassrls then 'unbound'
	when pg_has_role(r.oid, 'firebreak_owner'::name, 'MEMBER') then 'schema_owner'
	when pg_has_role(r.oid, 'firebreak_migrator'::name, 'MEMBER') then 'migrator'
	when not pg_has_role(r.oid, 'firebreak_author'::name, 'USAGE')
		and not pg_has_role(r.oid, 'firebreak_operator'::name, 'USAGE') then 'no_author'
	when not pg_has_role(r.oid, 'SET') then 'not_settable'
	when not has_database_privilege(r.oid, current_database()::text, 'TEMP') then 'no_temp'
	end as obstacle
from wanted w left join pg_catalog.pg_roles r on r.rolname = w.role`;

const OBSTACLES = {
	no_migrator: ({ login }: Facts) => ({
		message: `${login} is no member of firebreak_migrator, who records what is applied`,
		cure: `grant firebreak_migrator to ${escapeIdentifier(login)}`,
	}),
	missing: ({ role }: Facts) => ({
		message: "it does not exist in this cluster",
		cure: `create role ${escapeIdentifier(role)} nologin in role firebreak_author`,
	}),
	unbound: () => ({
		message: "row-level security does not bind that role",
		cure: "give the owner a role that is no superuser and has no BYPASSRLS",
	}),
	schema_owner: () => ({
		message: "it is a member of firebreak_owner, who may write everything",
		cure: "give the owner a role that is a member of firebreak_author alone",
	}),
	migrator: () => ({
		message: "it is a member of firebreak_migrator, who writes what a run says of its files",
		cure: "grant firebreak_migrator only to the login that runs migrate up",
	}),
	no_author: ({ role }: Facts) => ({
		message: "it is no member of firebreak_author",
		cure: `grant firebreak_author to ${escapeIdentifier(role)}`,
	}),
	not_settable: ({ role, login }: Facts) => ({
		message: `${login} may not let files run as ${role}`,
		cure: `grant ${escapeIdentifier(role)} to ${escapeIdentifier(login)} with inherit false, set true`,
	}),
	no_temp: ({ role, database }: Facts) => ({
		message: `${role} may not have temporary objects here, and the fence around a file is one`,
		cure: `grant temporary on database ${escapeIdentifier(database)} to ${escapeIdentifier(role)}`,
	}),
};
