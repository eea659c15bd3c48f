-- What must hold between objects at the end of a transaction. Foreign keys hold most of it against everyone at every time;
-- this says it first, and names who refers to whom.

set local role firebreak_owner;

-- Up to five of the objects in `names`, and how many more there are.
create function firebreak.some_of(names text[]) returns text language sql immutable parallel safe
return array_to_string(names[1:5], ', ')
	|| case when cardinality(names) > 5 then ' and ' || cardinality(names) - 5 || ' more' else '' end;

-- Raises when an object that revision `n` changed refers to what is not there, when one that it removed is still referred
-- to, and when two objects claim the same. SQLSTATE 23503 or 23505.
create function firebreak.check_references(n bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
	bad record;
begin
	-- Policies, of which there may be very many: all three at once.
	select p.name, p.source_segment, p.destination, p.owner, s.name as known_source, d.name as known_destination,
			d.owner as destination_owner, h.migration
		into bad
		from firebreak.policy_history h
		join firebreak.policy p on p.name = h.name
		left join firebreak.segment s on s.name = p.source_segment
		left join firebreak.segment d on d.name = p.destination
		where h.from_revision = n
			and (p.source_segment is not null and s.name is null or d.name is null or d.owner <> p.owner)
		limit 1;
	if found then
		perform case
			when bad.known_destination is null then firebreak.refuse('policy', bad.name, 'destination',
				firebreak.shown(bad.destination) || ' is no segment',
				'state the segment in the same transaction or before, or correct the name', '23503', bad.migration)
			when bad.destination_owner <> bad.owner then firebreak.refuse('policy', bad.name, 'owner',
				firebreak.shown(bad.owner) || ' does not own destination ' || bad.destination || ', '
					|| bad.destination_owner || ' does',
				'a policy belongs to the owner of its destination: ask ' || bad.destination_owner || ' to state it',
				'23503', bad.migration)
			else firebreak.refuse('policy', bad.name, 'source', firebreak.shown(bad.source_segment) || ' is no segment',
				'state the segment in the same transaction or before, or correct the name', '23503', bad.migration)
		end;
	end if;

	select h.kind, h.name, h.migration, r.argument, r.target_kind, r.target into bad
		from firebreak.history h
		join firebreak.reference r on r.kind = h.kind and r.name = h.name
		where h.from_revision = n and h.kind in ('domain', 'issuer', 'segment', 'crossing', 'rate_limit')
			and r.target is not null
			and not exists (select from firebreak.object o where o.kind = r.target_kind and o.name = r.target)
		limit 1;
	if found then
		perform firebreak.refuse(bad.kind, bad.name, bad.argument, firebreak.shown(bad.target) || ' is no ' || bad.target_kind,
			format('state the %s in the same transaction or before, or correct the name', bad.target_kind),
			'23503', bad.migration);
	end if;

	select h.kind, h.name, h.ended_migration,
			(select array_agg(distinct r.kind || ' ' || r.name) from firebreak.reference r
				where r.target_kind = h.kind and r.target = h.name) as referrers
		into bad
		from firebreak.history h
		where h.to_revision = n and h.kind in ('owner', 'domain', 'issuer', 'segment')
			and not exists (select from firebreak.history s where s.kind = h.kind and s.name = h.name and s.from_revision = n)
			and exists (select from firebreak.reference r where r.target_kind = h.kind and r.target = h.name)
		limit 1;
	if found then
		perform firebreak.refuse(bad.kind, bad.name, 'name', 'is removed, but still referred to by '
			|| firebreak.some_of(bad.referrers), 'remove or change those in the same transaction', '23503', bad.ended_migration);
	end if;

	select s.name, s.owner, h.migration,
			(select array_agg(p.name order by p.name) from firebreak.policy p
				where p.destination = s.name and p.owner <> s.owner) as policies
		into bad
		from firebreak.segment_history h
		join firebreak.segment s on s.name = h.name
		where h.from_revision = n
			and exists (select from firebreak.policy p where p.destination = s.name and p.owner <> s.owner)
		limit 1;
	if found then
		perform firebreak.refuse('segment', bad.name, 'owner', 'is now ' || bad.owner || ', but the former owner''s policies stay: '
			|| firebreak.some_of(bad.policies), 'state or remove them for the new owner in the same transaction',
			'23503', bad.migration);
	end if;

	select m.segment, m.selector, x.segment as other, h.migration into bad
		from firebreak.segment_history h
		join firebreak.segment_member m on m.segment = h.name
		join firebreak.segment_member x on x.selector = m.selector and x.segment <> m.segment
		where h.from_revision = n
		limit 1;
	if found then
		perform firebreak.refuse('segment', bad.segment, 'members', firebreak.shown(bad.selector) || ' is a member of segment '
			|| bad.other || ' too', 'a workload belongs to one segment: leave it in one of them', '23505', bad.migration);
	end if;

	select c.name, x.name as other, h.migration into bad
		from firebreak.crossing_history h
		join firebreak.crossing c on c.name = h.name
		join firebreak.crossing x on x.source_domain = c.source_domain and x.destination_domain = c.destination_domain
			and x.source_environment is not distinct from c.source_environment
			and x.destination_environment is not distinct from c.destination_environment and x.name <> c.name
		where h.from_revision = n
		limit 1;
	if found then
		perform firebreak.refuse('crossing', bad.name, 'destination_domain', 'crossing ' || bad.other || ' joins the same pair',
			'a pair is named once: change one of them', '23505', bad.migration);
	end if;
end
$$;

reset role;
