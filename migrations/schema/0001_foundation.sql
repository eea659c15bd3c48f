-- Roles, the schema, and the table of applied migrations.
--
-- A superuser may apply these files, and so may a plain role that has CREATEROLE and CREATE on the database. Roles
-- belong to the whole cluster: another database, or another install at this very moment, may have made them already.

do $$
declare
	wanted text;
begin
	foreach wanted in array array['firebreak_owner', 'firebreak_author', 'firebreak_server', 'firebreak_recorder',
		'firebreak_operator', 'firebreak_reader']
	loop
		if exists (select from pg_catalog.pg_roles r where r.rolname = wanted) then
			continue;
		end if;
		begin
			execute pg_catalog.format('create role %I nologin', wanted);
		exception
			when duplicate_object or unique_violation then
				null; -- another install made it between the look and the leap
			when insufficient_privilege then
				raise exception using errcode = 'insufficient_privilege',
					message = pg_catalog.format('role %s: does not exist, and %I may not create it', wanted, current_user),
					hint = 'apply the schema as a role with CREATEROLE, or let a superuser create the firebreak_ roles first';
		end;
	end loop;

	-- Who creates a role may administer it, but not act as it until granted WITH SET (Postgres 16 and later).
	if not pg_catalog.pg_has_role(current_user, 'firebreak_owner', 'SET') then
		begin
			execute pg_catalog.format('grant firebreak_owner to %I with inherit true, set true', current_user);
		exception when insufficient_privilege then
			raise exception using errcode = 'insufficient_privilege',
				message = pg_catalog.format('role firebreak_owner: %I may not act as it', current_user),
				hint = pg_catalog.format('let whoever made the role run: grant firebreak_owner to %I with inherit true, set true',
					current_user);
		end;
	end if;
end
$$;

create schema firebreak authorization firebreak_owner;

set local role firebreak_owner;

-- Functions are executable by PUBLIC unless told otherwise; here nothing is.
alter default privileges for role firebreak_owner revoke execute on functions from public;

create table firebreak.migration (
	name text primary key,
	owner text,
	checksum text not null,
	applied_at timestamptz not null default now(),
	applied_by text not null default session_user,
	revision bigint,
	seconds double precision check (seconds >= 0)
);
comment on table firebreak.migration is 'Applied migration files. A file never changes once it is here.';
comment on column firebreak.migration.owner is 'Folder under migrations/policy; null for a file of the schema itself';
comment on column firebreak.migration.revision is
	'The revision of the run that applied it; null when that run changed no policy';

reset role;
