-- What a team may not give itself: another team's workloads, and the right to vouch for others.
--
-- A workload is its certificate's SPIFFE ID, and the most specific selector decides whose it is. So a selector under
-- another owner's prefix would take a workload away from it, with all that its new owner then allows.

set local role firebreak_owner;

create function firebreak.check_claim() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	claimant constant text := firebreak.segment_owner(new.segment);
	parts constant text[] := string_to_array(regexp_replace(new.selector, '/\*$', ''), '/');
	wider text[];
	held record;
begin
	if firebreak.is_operator() then
		return new;
	end if;
	-- spiffe://trust.domain/a/b stands under spiffe://trust.domain/a/* and spiffe://trust.domain/*.
	select array_agg(array_to_string(parts[:n], '/') || '/*') into wider
		from generate_series(3, cardinality(parts) - 1) n;
	select m.selector, s.name, s.owner into held
		from firebreak.segment_member m join firebreak.segment s on s.name = m.segment
		where s.owner <> claimant and (m.selector = any (wider)
			or new.selector like '%/*' and starts_with(m.selector, left(new.selector, -1)))
		order by m.selector collate "C" limit 1;
	if held.name is not null then
		perform firebreak.refuse('segment', new.segment, 'members',
			format('%s overlaps with %s of segment %s, which belongs to %s', firebreak.shown(new.selector), held.selector,
				held.name, held.owner),
			format('leave it to %s, or let an operator write the segment', held.owner), '42501');
	end if;
	return new;
end
$$;
create trigger check_claim before insert or update on firebreak.segment_member
	for each row execute function firebreak.check_claim();

create function firebreak.check_vouching() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if not firebreak.is_operator() then
		perform firebreak.refuse('segment', new.name, case when new.trusted_proxy then 'trusted_proxy' else 'enforcer' end,
			format('vouches for workloads of others, and %I is no operator', current_user),
			'let an operator write the segment, for an owner without a role', '42501');
	end if;
	return new;
end
$$;
create trigger check_vouching before insert or update on firebreak.segment
	for each row when (new.trusted_proxy or new.enforcer) execute function firebreak.check_vouching();

reset role;
