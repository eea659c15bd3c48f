-- What nobody may alter unseen: rows of the revocation lane and of the list of applied files have digests, chained like
-- those of revisions. And two teams that claim workloads at the same time.

set local role firebreak_owner;

-- Claims.

-- Where another owner's selectors overlap with one of `segment`, raises. SQLSTATE 42501.
create function firebreak.refuse_overlap(segment text, selector text, migration text default null) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
	claimant constant text := firebreak.segment_owner(segment);
	parts constant text[] := string_to_array(regexp_replace(selector, '/\*$', ''), '/');
	prefix constant text := case when selector like '%/*' then left(selector, -1) end;
	wider text[];
	held record;
begin
	-- spiffe://trust.domain/a/b stands under spiffe://trust.domain/a/* and spiffe://trust.domain/*.
	select array_agg(array_to_string(parts[:n], '/') || '/*') into wider
		from generate_series(3, cardinality(parts) - 1) n;
	select m.selector, s.name, s.owner into held
		from firebreak.segment_member m join firebreak.segment s on s.name = m.segment
		where s.owner <> claimant and m.selector = any (wider)
		order by m.selector collate "C" limit 1;
	if held.name is null and prefix is not null then
		-- Everything that begins with the prefix, by the index: "0" is the character behind "/".
		select m.selector, s.name, s.owner into held
			from firebreak.segment_member m join firebreak.segment s on s.name = m.segment
			where s.owner <> claimant and m.selector ~>=~ prefix and m.selector ~<~ (left(prefix, -1) || '0')
			order by m.selector collate "C" limit 1;
	end if;
	if held.name is not null then
		perform firebreak.refuse('segment', segment, 'members',
			format('%s overlaps with %s of segment %s, which belongs to %s', firebreak.shown(selector), held.selector,
				held.name, held.owner),
			format('leave it to %s, or let an operator write the segment', held.owner), '42501', migration);
	end if;
end
$$;
create index segment_member_prefix on firebreak.segment_member (selector text_pattern_ops);

create or replace function firebreak.check_claim() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if not firebreak.is_operator() then
		perform firebreak.refuse_overlap(new.segment, new.selector);
	end if;
	return new;
end
$$;

-- At the end of the transaction, once more. Transactions do not see what others have not committed, so two of them could
-- each claim what the other one claims. Whoever holds the counter's row sees all that was committed before, and nobody
-- else commits policy until it is done: the later one is refused. Whether the writer is an operator is asked when it
-- writes: see WHEN below.
create function firebreak.check_claim_again() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform from firebreak.policy_counter for update;
	if exists (select from firebreak.segment_member m where m.segment = new.segment and m.selector = new.selector) then
		perform firebreak.refuse_overlap(new.segment, new.selector, (select h.migration from firebreak.history h
			where h.kind = 'segment' and h.name = new.segment and h.to_revision is null));
	end if;
	return null;
end
$$;
create constraint trigger check_claim_again after insert or update on firebreak.segment_member
	deferrable initially deferred for each row when (not firebreak.is_operator())
	execute function firebreak.check_claim_again();

-- The lane.

alter table firebreak.revocation add column digest bytea;
comment on column firebreak.revocation.digest is 'SHA-256 over the digest before it and this row: see revocation_digest()';

-- SHA-256 of one row, chained to the digest of the row before it.
create function firebreak.revocation_digest(before bytea, given firebreak.revocation) returns bytea
language sql stable parallel safe
return sha256(coalesce(before, '') || convert_to(jsonb_build_array(given.seq, given.kind, given.key, given.payload,
	extract(epoch from given.until), given.reason, given.by, extract(epoch from given.at))::text, 'UTF8'));

-- Rows that are there already count as they stand.
alter table firebreak.revocation disable trigger refuse_rewrite;
do $$
declare
	r firebreak.revocation;
	last bytea;
begin
	for r in select * from firebreak.revocation v order by v.seq loop
		last := firebreak.revocation_digest(last, r);
		update firebreak.revocation v set digest = last where v.seq = r.seq;
	end loop;
end
$$;
alter table firebreak.revocation enable trigger refuse_rewrite;
alter table firebreak.revocation alter column digest set not null;

-- As before, and seals the row. The lock on the counter's row keeps the chain one.
create or replace function firebreak.number_revocation() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform firebreak.require_by_hand('revocation', new.key);
	update firebreak.revocation_counter c set seq = c.seq + 1 returning c.seq into new.seq;
	new.by := session_user;
	new.at := clock_timestamp();
	new.digest := firebreak.revocation_digest(
		(select r.digest from firebreak.revocation r where r.seq = new.seq - 1), new);
	insert into firebreak.pending (transaction, lane) values (pg_current_xact_id(), 'revocation') on conflict do nothing;
	return new;
end
$$;

drop trigger refuse_rewrite on firebreak.revocation;
create trigger refuse_rewrite before update or delete or truncate on firebreak.revocation
	execute function firebreak.refuse_rewrite();

-- What of the lane was altered since it was written. Nothing at all when all is well.
create function firebreak.verify_revocations() returns table (seq bigint, problem text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	newest bigint;
	last bigint;
begin
	select h.seq into newest from firebreak.head h;
	select coalesce(max(r.seq), 0) into last from firebreak.revocation r;
	return query
		select c.seq, case
				when c.seq not between 1 and newest then 'the revocation is not one of those that the head counts'
				when c.seq = c.before + 2 then format('revocation %s is missing', c.before + 1)
				when c.seq <> c.before + 1 then format('revocations %s to %s are missing', c.before + 1, c.seq - 1)
				else 'the revocation, or its digest, was altered'
			end
		from (
			select r.seq, coalesce(lag(r.seq) over w, 0) as before, r.digest,
				firebreak.revocation_digest(lag(r.digest) over w, r) as expected
			from firebreak.revocation r window w as (order by r.seq)
		) c
		where c.seq not between 1 and newest or c.seq <> c.before + 1 or c.digest is distinct from c.expected;
	if last < newest then
		return query select newest, case when last + 1 = newest then format('revocation %s is missing', newest)
			else format('revocations %s to %s are missing', last + 1, newest) end;
	end if;
end
$$;

-- Applied files.

alter table firebreak.migration add column number bigint unique, add column digest bytea;
comment on column firebreak.migration.number is 'In the order in which they were applied; null until its run ends';
comment on column firebreak.migration.digest is 'SHA-256 over the digest before it and this row: see migration_digest()';

create function firebreak.migration_digest(before bytea, given firebreak.migration) returns bytea
language sql stable parallel safe
return sha256(coalesce(before, '') || convert_to(jsonb_build_array(given.number, given.name, given.owner, given.checksum,
	extract(epoch from given.applied_at), given.applied_by, given.revision, encode(float8send(given.seconds), 'hex'))::text, 'UTF8'));

-- The last thing that a run of migrate up does: numbers what it recorded, and chains it to what was there.
create function firebreak.seal_migrations() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	m firebreak.migration;
	last firebreak.migration;
begin
	select * into last from firebreak.migration x where x.number is not null order by x.number desc limit 1;
	for m in select * from firebreak.migration x where x.number is null order by x.applied_at, x.name collate "C" loop
		m.number := coalesce(last.number, 0) + 1;
		m.digest := firebreak.migration_digest(last.digest, m);
		update firebreak.migration x set number = m.number, digest = m.digest where x.name = m.name;
		last := m;
	end loop;
end
$$;

-- What of the list of applied files was altered since its runs ended, or contradicts the history. Nothing at all when all
-- is well.
create function firebreak.verify_migrations() returns table (name text, problem text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
	return query
		select c.name, case
				when c.number is null then 'it was recorded, but by no run of migrate up'
				when c.number <> c.before + 1 then format('what was applied before it is missing (number %s)', c.number - 1)
				else 'what was recorded of it (when, by whom, which revision), or its digest, was altered'
			end
		from (
			select m.name, m.number, coalesce(lag(m.number) over w, 0) as before, m.digest,
				firebreak.migration_digest(lag(m.digest) over w, m) as expected
			from firebreak.migration m window w as (order by m.number)
		) c
		where c.number is null or c.number <> c.before + 1 or c.digest is distinct from c.expected;
	return query
		select made.migration, case
				when m.name is null then format('it made revision %s, and is not recorded', r.number)
				when m.revision is distinct from r.number
					then format('it made revision %s, and is recorded with %s', r.number, coalesce(m.revision::text, 'none'))
				else format('it made revision %s as %s, and is recorded as applied by %s', r.number, r.by, m.applied_by)
			end
		from firebreak.revision r cross join lateral unnest(r.migrations) made (migration)
		left join firebreak.migration m on m.name = made.migration
		where m.name is null or m.revision is distinct from r.number or m.applied_by <> r.by;
end
$$;

grant execute on function firebreak.refuse_overlap to firebreak_author, firebreak_operator;
grant execute on function firebreak.revocation_digest, firebreak.verify_revocations, firebreak.migration_digest,
	firebreak.verify_migrations
	to firebreak_author, firebreak_server, firebreak_operator, firebreak_reader, firebreak_migrator;
grant execute on function firebreak.seal_migrations to firebreak_migrator;

reset role;
