-- remove(), and the policy set as it stood at a revision.

set local role firebreak_owner;

-- Absent is no error. What others still refer to at the end of the transaction is refused there, naming them.
create function firebreak.remove(kind text, name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	the_kind constant text := kind;
	the_name constant text := name;
	owner text;
begin
	perform firebreak.require_given('object', the_kind || ' ' || the_name, '{kind,name}',
		array[the_kind is not null, the_name is not null]);
	if the_kind not in ('owner', 'domain', 'issuer', 'segment', 'crossing', 'policy', 'rate_limit') then
		perform firebreak.refuse_word('object', the_name, 'kind', the_kind,
			'owner, domain, issuer, segment, crossing, policy, rate_limit');
	end if;
	if the_kind = 'rate_limit' and split_part(the_name, ':', 1) not in ('source', 'domain', 'segment', 'token') then
		perform firebreak.refuse('rate_limit', the_name, 'name', 'does not begin with a kind',
			'write kind:name, such as segment:payments', '23514');
	end if;

	case the_kind
	when 'owner' then
		if exists (select from firebreak.owner o where o.name = the_name) then
			perform firebreak.require_operator('owner', the_name);
			delete from firebreak.owner o where o.name = the_name;
		end if;
	when 'domain' then
		if exists (select from firebreak.domain d where d.name = the_name) then
			perform firebreak.require_operator('domain', the_name);
			delete from firebreak.domain d where d.name = the_name;
		end if;
	when 'issuer' then
		select firebreak.domain_owner(i.domain) into owner from firebreak.issuer i where i.url = the_name;
		if found then
			perform firebreak.require_holds('issuer', the_name, owner);
			delete from firebreak.issuer i where i.url = the_name;
		end if;
	when 'segment' then
		select s.owner into owner from firebreak.segment s where s.name = the_name;
		if found then
			perform firebreak.require_holds('segment', the_name, owner);
			delete from firebreak.segment s where s.name = the_name;
		end if;
	when 'crossing' then
		-- Either side may end it: who offered it, and the destination domain's owner, who thereby takes its consent back.
		select c.owner into owner from firebreak.crossing c where c.name = the_name
			and not firebreak.holds(firebreak.domain_owner(c.destination_domain));
		if found then
			perform firebreak.require_holds('crossing', the_name, owner);
		end if;
		delete from firebreak.crossing c where c.name = the_name;
	when 'policy' then
		select p.owner into owner from firebreak.policy p where p.name = the_name;
		if found then
			perform firebreak.require_holds('policy', the_name, owner);
			delete from firebreak.policy p where p.name = the_name;
		end if;
	when 'rate_limit' then
		select firebreak.rate_limit_owner(r.kind, r.name) into owner
			from firebreak.rate_limit r where r.kind || ':' || r.name = the_name;
		if found then
			perform firebreak.require_holds('rate_limit', the_name, owner);
			delete from firebreak.rate_limit r where r.kind || ':' || r.name = the_name;
		end if;
	end case;
end
$$;

-- The whole policy set as it stood at a revision; null is the newest. Issuers and rate limits show the owner of what they
-- belong to. The form of `spec` is that of the view `object`.
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

reset role;
