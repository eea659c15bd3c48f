-- remove().

set local role firebreak_owner;

-- Absent is no error. What others still refer to at the end of the transaction is refused there, naming them.
create function firebreak.remove(kind text, name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
	the_kind constant text := kind;
	the_name constant text := name;
	owner text;
begin
	perform firebreak.require_given('object', the_kind || ' ' || the_name, '{kind,name}',
		array[the_kind is not null, the_name is not null]);
	perform firebreak.check_word('object', the_name, 'kind', the_kind,
		'{owner,domain,issuer,segment,crossing,policy,rate_limit}');
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

reset role;
