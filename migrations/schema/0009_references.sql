-- What must hold between objects at the end of a transaction. Foreign keys hold most of it against everyone at every
-- time; this says it first, and names who refers to whom.

set local role firebreak_owner;

-- Up to five of the objects in `names`, and how many more there are.
create function firebreak.some_of(names text[]) returns text language sql immutable parallel safe
return array_to_string(names[1:5], ', ')
	|| case when cardinality(names) > 5 then ' and ' || cardinality(names) - 5 || ' more' else '' end;

-- Raises when an object that revision `n` changed refers to what is not there, when one that it removed is still
-- referred to, and when two objects claim the same. SQLSTATE 23503 or 23505. Sub-queries end in OFFSET 0, so that
-- each is looked up by its key for one changed object at a time, never joined as a whole.
create function firebreak.check_references(n bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
	changed constant text[] := array(select distinct h.kind from firebreak.history h where h.from_revision = n);
	ended constant boolean := exists (select from firebreak.history h where h.to_revision = n and h.kind <> 'policy');
begin
	if 'policy' = any (changed) then
		perform firebreak.check_policy_references(n);
	end if;
	if changed && '{domain,issuer,segment,crossing,rate_limit}' then
		perform firebreak.check_other_references(n);
	end if;
	if ended then
		perform firebreak.check_removed(n);
	end if;
	if 'segment' = any (changed) then
		perform firebreak.check_segments(n);
	end if;
	if 'crossing' = any (changed) then
		perform firebreak.check_crossings(n);
	end if;
end
$$;

create function firebreak.check_policy_references(n bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
	bad record;
begin
	select p.name, p.source, p.destination, p.owner, s.name as known_source, d.name as known_destination,
			d.owner as destination_owner, h.migration
		into bad
		from firebreak.history h
		cross join lateral (select * from firebreak.policy p where p.name = h.name offset 0) p
		left join lateral (select * from firebreak.segment s where s.name = p.source_segment offset 0) s on true
		left join lateral (select * from firebreak.segment d where d.name = p.destination offset 0) d on true
		where h.from_revision = n and h.kind = 'policy'
			and (p.source_segment is not null and s.name is null or d.name is null or d.owner <> p.owner)
		limit 1;
	if not found then
		return;
	elsif bad.known_destination is null then
		perform firebreak.refuse('policy', bad.name, 'destination', firebreak.shown(bad.destination) || ' is no segment',
			'state the segment before or in the same transaction, or correct the name', '23503', bad.migration);
	elsif bad.destination_owner <> bad.owner then
		perform firebreak.refuse('policy', bad.name, 'owner', format('%s does not own destination %s, %s does',
				firebreak.shown(bad.owner), bad.destination, bad.destination_owner),
			format('a policy belongs to the owner of its destination: let %s state it', bad.destination_owner),
			'23503', bad.migration);
	else
		perform firebreak.refuse('policy', bad.name, 'source', firebreak.shown(bad.source) || ' is no segment',
			'state the segment before or in the same transaction, or correct the name', '23503', bad.migration);
	end if;
end
$$;

create function firebreak.check_other_references(n bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
	bad record;
begin
	select h.kind, h.name, h.migration, r.argument, r.target_kind, r.target into bad
		from firebreak.history h
		cross join lateral (select * from firebreak.reference r
			where r.kind = h.kind and r.name = h.name and r.target is not null offset 0) r
		where h.from_revision = n and h.kind <> 'policy'
			and (select o.spec from firebreak.object_at(r.target_kind, r.target) o) is null
		limit 1;
	if found then
		perform firebreak.refuse(bad.kind, bad.name, bad.argument,
			firebreak.shown(bad.target) || ' is no ' || bad.target_kind,
			format('state the %s before or in the same transaction, or correct the name', bad.target_kind),
			'23503', bad.migration);
	end if;
end
$$;

create function firebreak.check_removed(n bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
	bad record;
begin
	select h.kind, h.name, h.ended_migration, r.referrers into bad
		from firebreak.history h
		cross join lateral (select array_agg(distinct r.kind || ' ' || r.name) as referrers from firebreak.reference r
			where r.target_kind = h.kind and r.target = h.name offset 0) r
		where h.to_revision = n and h.kind in ('owner', 'domain', 'issuer', 'segment')
			and not exists (select from firebreak.history s
				where s.kind = h.kind and s.name = h.name and s.from_revision = n)
			and r.referrers is not null
		limit 1;
	if found then
		perform firebreak.refuse(bad.kind, bad.name, 'name', 'is removed, but still referred to by '
			|| firebreak.some_of(bad.referrers), 'remove or change those in the same transaction',
			'23503', bad.ended_migration);
	end if;
end
$$;

-- A segment takes its policies along to a new owner, and shares no member.
create function firebreak.check_segments(n bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
	bad record;
begin
	select s.name, s.owner, p.policies, h.migration into bad
		from firebreak.history h
		cross join lateral (select * from firebreak.segment s where s.name = h.name offset 0) s
		cross join lateral (select array_agg(p.name order by p.name) as policies from firebreak.policy p
			where p.destination = s.name and p.owner <> s.owner offset 0) p
		where h.from_revision = n and h.kind = 'segment' and p.policies is not null
		limit 1;
	if found then
		perform firebreak.refuse('segment', bad.name, 'owner',
			format('is now %s, but policies of the former owner stay: %s', bad.owner, firebreak.some_of(bad.policies)),
			'state or remove them for the new owner in the same transaction', '23503', bad.migration);
	end if;

	select m.segment, m.selector, x.segment as other, h.migration into bad
		from firebreak.history h
		cross join lateral (select * from firebreak.segment_member m where m.segment = h.name offset 0) m
		cross join lateral (select * from firebreak.segment_member x
			where x.selector = m.selector and x.segment <> m.segment offset 0) x
		where h.from_revision = n and h.kind = 'segment'
		limit 1;
	if found then
		perform firebreak.refuse('segment', bad.segment, 'members', format('%s is a member of segment %s too',
				firebreak.shown(bad.selector), bad.other),
			'a workload belongs to one segment: leave it in one of them', '23505', bad.migration);
	end if;
end
$$;

create function firebreak.check_crossings(n bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
	bad record;
begin
	select c.name, x.name as other, h.migration into bad
		from firebreak.history h
		cross join lateral (select * from firebreak.crossing c where c.name = h.name offset 0) c
		cross join lateral (select * from firebreak.crossing x
			where x.source_domain = c.source_domain and x.destination_domain = c.destination_domain
				and x.source_environment is not distinct from c.source_environment
				and x.destination_environment is not distinct from c.destination_environment and x.name <> c.name offset 0) x
		where h.from_revision = n and h.kind = 'crossing'
		limit 1;
	if found then
		perform firebreak.refuse('crossing', bad.name, 'destination_domain',
			format('crossing %s joins the same pair', bad.other), 'a pair is named once: change one of them', '23505', bad.migration);
	end if;
end
$$;

reset role;
