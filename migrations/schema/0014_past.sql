-- The policy set as it stood, and the proof that its history was not altered.

set local role firebreak_owner;

-- The whole policy set as it stood at a revision; null is the newest. Issuers and rate limits show the owner of what
-- they belong to. The form of `spec` is that of the view `object`.
create function firebreak.policy_at(revision bigint) returns table (kind text, name text, owner text, spec jsonb)
language plpgsql stable rows 1000 set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	wanted bigint := revision;
	newest bigint;
begin
	select h.revision into newest from firebreak.head h;
	wanted := coalesce(wanted, newest);
	if wanted not between 0 and newest then
		perform firebreak.refuse('revision', wanted::text, 'revision', 'does not exist',
			format('the newest is %s', newest), '22023');
	end if;
	return query
		with stood as materialized (
			select h.kind, h.name, h.owner, h.spec from firebreak.history h
			where h.from_revision <= wanted and (h.to_revision is null or h.to_revision > wanted)
		), segments as materialized (
			select s.name, s.owner, s.spec ->> 'domain' as domain from stood s where s.kind = 'segment'
		), domains as materialized (
			select s.name, s.owner from stood s where s.kind = 'domain'
		), issuers as materialized (
			select s.name, d.owner from stood s join domains d on d.name = s.spec ->> 'domain' where s.kind = 'issuer'
		)
		select s.kind, s.name, s.owner, s.spec from stood s where s.kind not in ('issuer', 'rate_limit')
		union all
		select s.kind, s.name, i.owner, s.spec from stood s join issuers i on i.name = s.name where s.kind = 'issuer'
		union all
		select s.kind, s.name, coalesce(
				(select g.owner from segments g where s.spec ->> 'kind' = 'segment' and g.name = s.spec ->> 'name'),
				(select d.owner from segments g join domains d on d.name = g.domain
					where s.spec ->> 'kind' = 'source' and g.name = s.spec ->> 'name'),
				(select d.owner from domains d where s.spec ->> 'kind' = 'domain' and d.name = s.spec ->> 'name'),
				(select i.owner from issuers i where s.spec ->> 'kind' = 'token' and i.name = s.spec ->> 'name')), s.spec
		from stood s where s.kind = 'rate_limit';
end
$$;

-- What of the history was altered since it was written: revisions whose digest is no longer theirs or that are
-- missing, and objects that are not what their history says. Nothing at all when all is well.
create function firebreak.verify_history() returns table (revision bigint, problem text)
language plpgsql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
	newest bigint;
	n bigint;
	found_digest bytea;
begin
	select h.revision into newest from firebreak.head h;
	for n in select generate_series(1, newest) loop
		select r.digest into found_digest from firebreak.revision r where r.number = n;
		if not found then
			return query select n, 'the revision is missing';
		elsif found_digest is distinct from firebreak.revision_digest(n) then
			return query select n, 'what it changed, or its digest, was altered';
		end if;
	end loop;
	return query
		select coalesce(h.from_revision, newest), format('%s %s is not what its history says',
			coalesce(o.kind, h.kind), coalesce(o.name, h.name))
		from firebreak.object o
		full join (select * from firebreak.history x where x.to_revision is null) h on h.kind = o.kind and h.name = o.name
		where o.spec is distinct from h.spec;
end
$$;

reset role;
