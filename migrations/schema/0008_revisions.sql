-- From a row's change to a revision. Every write notes the object it touched; at the end of the transaction the
-- touched objects are compared with their history, and when something really differs the transaction becomes one
-- revision.

set local role firebreak_owner;

-- Before each row of the policy set is written: notes the object, and the migration that writes it. The note comes
-- before the write, so that the end-of-transaction work is queued before Postgres's own deferred checks, and its
-- errors, which name the objects, are the ones that are seen. The first argument is the kind.
create function firebreak.touch() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	kind constant text := tg_argv[0];
	this constant xid8 := pg_current_xact_id();
	by_migration constant text := nullif(current_setting('firebreak.migration', true), '');
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
			where t.migration is distinct from excluded.migration;
	if was <> becomes then
		insert into firebreak.touched as t (transaction, kind, name, migration) values (this, kind, was, by_migration)
			on conflict on constraint touched_pkey do update set migration = excluded.migration
				where t.migration is distinct from excluded.migration;
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

create function firebreak.refuse_truncate() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	raise exception using errcode = 'feature_not_supported',
		message = format('table %s: truncating it would leave no history', tg_table_name),
		hint = 'remove the objects one by one';
end
$$;

do $$
declare
	t text;
begin
	foreach t in array array['owner', 'domain', 'issuer', 'segment', 'segment_member', 'crossing', 'crossing_acceptance',
		'policy', 'rate_limit']
	loop
		execute format('create trigger touch before insert or update or delete on firebreak.%I '
			'for each row execute function firebreak.touch(%L)', t,
			case t when 'segment_member' then 'segment' when 'crossing_acceptance' then 'crossing' else t end);
		execute format('create trigger refuse_truncate before truncate on firebreak.%I '
			'execute function firebreak.refuse_truncate()', t);
	end loop;
end
$$;

-- SHA-256 of what revision `n` changed, chained to the digest of the revision before it. Null when there is none
-- such.
create function firebreak.revision_digest(n bigint) returns bytea
language sql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
	select sha256(
		coalesce((select p.digest from firebreak.revision p where p.number = r.number - 1), '')
		|| convert_to(jsonb_build_array(r.number, firebreak.instant(r.at), r.by, r.migrations)::text, 'UTF8')
		|| coalesce((
			select string_agg(sha256(convert_to(c.line, 'UTF8')), '' order by c.kind collate "C", c.name collate "C")
			from (
				select h.kind, h.name, jsonb_build_array(h.kind, h.name, h.owner, h.destination, h.spec,
					firebreak.instant(h.at), h.by, h.migration)::text as line
				from firebreak.history h where h.from_revision = n
				union all
				select h.kind, h.name, jsonb_build_array(h.kind, h.name, null,
					firebreak.instant(h.ended_at), h.ended_by, h.ended_migration)::text
				from firebreak.history h where h.to_revision = n
			) c), ''))
	from firebreak.revision r where r.number = n
$$;

-- Writes what this transaction changed as revision `n`: objects that differ from their open row of history get that
-- row closed and, unless they are gone, a new one. One object at a time, each by its key: the cost is that of the
-- change, whatever the size of the set. `again` is for the second and later firings within one transaction (SET
-- CONSTRAINTS ... IMMEDIATE): what was written of the touched objects is taken back first, so that its net change
-- counts.
create function firebreak.write_history(this xid8, n bigint, again boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
	touched record;
	present record;
	past jsonb;
begin
	for touched in select t.kind, t.name, t.migration from firebreak.touched t where t.transaction = this loop
		if again then
			delete from firebreak.history h
				where h.kind = touched.kind and h.name = touched.name and h.from_revision = n;
			update firebreak.history h set to_revision = null, ended_at = null, ended_by = null, ended_migration = null
				where h.kind = touched.kind and h.name = touched.name and h.to_revision = n;
		end if;

		present := firebreak.object_at(touched.kind, touched.name);
		select h.spec into past from firebreak.history h
			where h.kind = touched.kind and h.name = touched.name and h.to_revision is null;
		continue when present.spec is not distinct from past;
		if past is not null then
			update firebreak.history h
				set to_revision = n, ended_at = clock_timestamp(), ended_by = session_user, ended_migration = touched.migration
				where h.kind = touched.kind and h.name = touched.name and h.to_revision is null;
		end if;
		if present.spec is not null then
			insert into firebreak.history (kind, name, from_revision, owner, destination, spec, at, by, migration)
				values (touched.kind, touched.name, n, present.owner, present.destination, present.spec, clock_timestamp(),
					session_user, touched.migration);
		end if;
	end loop;
end
$$;

-- Once at the end of a transaction that touched the policy set.
create function firebreak.commit_policy() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
	this constant xid8 := pg_current_xact_id();
	newest bigint;
	n bigint;
begin
	-- Changing a crossing voids its acceptance; so does removing it.
	delete from firebreak.crossing_acceptance a using firebreak.touched t
		where t.transaction = this and t.kind = 'crossing' and a.crossing = t.name
			and not exists (select from firebreak.crossing c
				where c.name = a.crossing and firebreak.crossing_content(c) = a.content);
	delete from firebreak.pending p where p.transaction = this and p.lane = 'policy';

	select c.revision into newest from firebreak.policy_counter c for update;
	-- An earlier firing in this very transaction has taken a number already.
	select r.number into n from firebreak.revision r
		where r.number = newest and r.transaction = this and r.at >= transaction_timestamp();
	n := coalesce(n, newest + 1);

	perform firebreak.write_history(this, n, n = newest);
	if exists (select from firebreak.history h where h.from_revision = n)
		or exists (select from firebreak.history h where h.to_revision = n)
	then
		perform firebreak.check_references(n);
		insert into firebreak.revision as r (number, migrations)
			select n, array(
				select distinct m from (
					select h.migration from firebreak.history h where h.from_revision = n
					union all
					select h.ended_migration from firebreak.history h where h.to_revision = n
				) x (m) where m is not null order by m)
			on conflict (number) do update set migrations = excluded.migrations;
		update firebreak.policy_counter set revision = n;
		update firebreak.revision r set digest = firebreak.revision_digest(n) where r.number = n;
		perform firebreak.notify_head();
	elsif n = newest then
		-- All of it was changed back since the earlier firing.
		delete from firebreak.revision r where r.number = n;
		update firebreak.policy_counter set revision = n - 1;
	end if;
	delete from firebreak.touched t where t.transaction = this;
	return null;
end
$$;

create constraint trigger commit_policy after insert on firebreak.pending deferrable initially deferred
	for each row when (new.lane = 'policy') execute function firebreak.commit_policy();

reset role;
