-- Who runs `migrate up`, and which file is running. A file runs as its owner's role; what is written here is for the run
-- itself, so that no file can forge it.

do $$
begin
	if not exists (select from pg_catalog.pg_roles r where r.rolname = 'firebreak_migrator') then
		begin
			create role firebreak_migrator nologin;
		exception
			when duplicate_object or unique_violation then
				null; -- another install made it between the look and the leap
			when insufficient_privilege then
				raise exception using errcode = 'insufficient_privilege',
					message = pg_catalog.format('role firebreak_migrator: does not exist, and %I may not create it', current_user),
					hint = 'apply the schema as a role with CREATEROLE, or let a superuser create role firebreak_migrator first';
		end;
	end if;

	-- Operators' files run as firebreak_operator. Whoever made that role may let itself act as it; anybody else is told
	-- when the first such file runs.
	if not pg_catalog.pg_has_role(current_user, 'firebreak_operator', 'SET') then
		begin
			execute pg_catalog.format('grant firebreak_operator to %I with inherit false, set true', current_user);
		exception when insufficient_privilege then
			null;
		end;
	end if;
end
$$;

set local role firebreak_owner;

create unlogged table firebreak.running (
	number bigint generated always as identity,
	transaction xid8 not null default pg_current_xact_id(),
	migration text not null,
	primary key (transaction, number)
);
comment on table firebreak.running is
	'The policy files that a run of migrate up has begun, the last one running. Nothing here outlives its transaction';
comment on column firebreak.history.migration is 'The file of migrate up that wrote the object; null by hand';

alter table firebreak.running enable row level security, force row level security;
create policy schema_owner on firebreak.running to firebreak_owner using (true) with check (true);
create policy migrators on firebreak.running to firebreak_migrator using (true) with check (true);
grant select, insert, delete on firebreak.running to firebreak_migrator;

-- Applied files are recorded by the run. Not by operators: their files run as firebreak_operator.
revoke insert, update on firebreak.migration from firebreak_operator;
drop policy operators on firebreak.migration;
create policy migrators on firebreak.migration to firebreak_migrator using (true) with check (true);
grant insert (name, owner, checksum, applied_at, seconds), update (revision) on firebreak.migration to firebreak_migrator;

-- A run reads what readers read: it compiles the set, and tells what changes.
grant usage on schema firebreak to firebreak_migrator;
do $$
declare
	readable regclass;
	callable regprocedure;
begin
	for readable in select c.oid from pg_class c
		where c.relnamespace = 'firebreak'::regnamespace and c.relkind in ('r', 'v')
			and has_table_privilege('firebreak_reader', c.oid, 'select')
	loop
		execute format('grant select on %s to firebreak_migrator', readable);
	end loop;
	for callable in select p.oid from pg_proc p
		where p.pronamespace = 'firebreak'::regnamespace and has_function_privilege('firebreak_reader', p.oid, 'execute')
	loop
		execute format('grant execute on function %s to firebreak_migrator', callable);
	end loop;
end
$$;

-- As before, but the migration is the one that the run says is running, not a setting that anybody can change; and what
-- the end of the transaction writes keeps the migration that caused it.
create or replace function firebreak.touch() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	kind constant text := tg_argv[0];
	this constant xid8 := pg_current_xact_id();
	by_migration constant text := (select r.migration from firebreak.running r
		where r.transaction = this order by r.number desc limit 1);
	was text;
	becomes text;
begin
	if tg_table_name = 'segment_member' then
		was := old.segment;
		becomes := new.segment;
	elsif tg_table_name = 'crossing_acceptance' then
		was := old.crossing;
		becomes := new.crossing;
	elsif kind = 'issuer' then
		was := old.url;
		becomes := new.url;
	elsif kind = 'rate_limit' then
		was := old.kind || ':' || old.name;
		becomes := new.kind || ':' || new.name;
	else
		was := old.name;
		becomes := new.name;
	end if;

	insert into firebreak.touched as t (transaction, kind, name, migration)
		values (this, kind, coalesce(becomes, was), by_migration)
		on conflict on constraint touched_pkey do update set migration = excluded.migration
			where t.migration <> excluded.migration or t.migration is null and excluded.migration is not null;
	if was <> becomes then
		insert into firebreak.touched as t (transaction, kind, name, migration) values (this, kind, was, by_migration)
			on conflict on constraint touched_pkey do update set migration = excluded.migration
				where t.migration <> excluded.migration or t.migration is null and excluded.migration is not null;
	end if;
	if not exists (select from firebreak.pending p where p.transaction = this and p.lane = 'policy') then
		insert into firebreak.pending (transaction, lane) values (this, 'policy');
	end if;

	if tg_op = 'DELETE' then
		return old;
	end if;
	return new;
end
$$;

reset role;
