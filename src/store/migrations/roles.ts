/**
 * Who may write past what the schema says: roles belong to the whole cluster, and no file of the schema says which logins
 * there are. What can be proven is that nobody who is bound by the schema got out of it; who else holds its powers is
 * listed, for people to judge.
 */
import type { ClientBase } from "pg";
import type { Problem } from "../../core/errors.ts";

/** Names of roles, in the order of the alphabet; superusers, who hold all of it, stand in the first list alone. */
export interface Holders {
	readonly superuser: readonly string[];
	/** Those that row-level security does not bind, and that are no superusers. */
	readonly bypassrls: readonly string[];
	/** Members, also by way of others. */
	readonly firebreak_owner: readonly string[];
	readonly firebreak_operator: readonly string[];
	readonly firebreak_migrator: readonly string[];
}

/** Adds to `problems` which roles hold what they cannot have by the schema. */
export async function readHolders(client: ClientBase, problems: Problem[]): Promise<Holders> {
	const escaped = await client.query<{ role: string; problem: string; cure: string }>(ESCAPED);
	problems.push(...escaped.rows.map(({ role, problem, cure }) => ({ object: `role ${role}`, message: problem, cure })));
	const { rows } = await client.query<Holders>(HOLDERS);
	return rows[0]!;
}

/**
 * The schema makes its own roles members of nothing, and lets nobody log in as its owner; migrate up runs no file of an
 * owner whose role is not bound.
 */
const ESCAPED = `
	with ours as (
		select r.oid, r.rolname, r.rolcanlogin from pg_roles r where r.rolname in ('firebreak_owner', 'firebreak_author',
			'firebreak_server', 'firebreak_recorder', 'firebreak_operator', 'firebreak_reader', 'firebreak_migrator')
	), teams as (
		select r.oid, r.rolname, r.rolsuper, r.rolbypassrls, string_agg(o.name, ', ' order by o.name collate "C") as owners
		from firebreak.owner o join pg_roles r on r.rolname = o.role group by r.oid, r.rolname, r.rolsuper, r.rolbypassrls
	)
	select g.rolname as role, format('it is a member of %s, and the schema makes it a member of nothing', p.rolname) as problem,
		format('revoke %I from %I', p.rolname, g.rolname) as cure
	from ours g join pg_auth_members m on m.member = g.oid join pg_roles p on p.oid = m.roleid
	union
	select g.rolname, 'it may log in, and whoever does may write everything', format('alter role %I nologin', g.rolname)
	from ours g where g.rolname = 'firebreak_owner' and g.rolcanlogin
	union
	select t.rolname, format('it is a superuser, and writes for owner %s', t.owners), format('alter role %I nosuperuser', t.rolname)
	from teams t where t.rolsuper
	union
	select t.rolname, format('row-level security does not bind it, and it writes for owner %s', t.owners),
		format('alter role %I nobypassrls', t.rolname)
	from teams t where t.rolbypassrls and not t.rolsuper
	union
	select t.rolname, format('it is a member of %s, and writes for owner %s', g.rolname, t.owners),
		format('revoke %I from %I, or from the role by which it is a member', g.rolname, t.rolname)
	from teams t join ours g on g.rolname in ('firebreak_owner', 'firebreak_migrator') and pg_has_role(t.oid, g.oid, 'MEMBER')
	where not t.rolsuper
	order by 1, 2`;

const MEMBERS = (role: string) => `array(select r.rolname::text from pg_roles r
	where not r.rolsuper and r.rolname <> '${role}' and pg_has_role(r.oid, '${role}', 'MEMBER') order by r.rolname collate "C")`;
const HOLDERS = `
	select array(select r.rolname::text from pg_roles r where r.rolsuper order by r.rolname collate "C") as superuser,
		array(select r.rolname::text from pg_roles r where r.rolbypassrls and not r.rolsuper order by r.rolname collate "C") as bypassrls,
		${MEMBERS("firebreak_owner")} as firebreak_owner, ${MEMBERS("firebreak_operator")} as firebreak_operator,
		${MEMBERS("firebreak_migrator")} as firebreak_migrator`;
