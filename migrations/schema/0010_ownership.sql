-- Who may write what: asked by the functions below, which say it in words, and by row-level security, which holds it
-- against plain SQL too.

set local role firebreak_owner;

-- Operators, and whoever the schema belongs to.
create function firebreak.is_operator() returns boolean
language sql stable
return pg_has_role('firebreak_operator', 'USAGE') or pg_has_role('firebreak_owner', 'USAGE');

-- Whether the caller may write for the owner `$1`: it holds the owner's role; or the owner has none (or is not known,
-- so that nothing will come of it) and the caller is an operator. Whoever the schema belongs to may write for
-- everybody.
create function firebreak.holds(text) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	role text;
begin
	if pg_has_role('firebreak_owner', 'USAGE') then
		return true;
	end if;
	select o.role into role from firebreak.owner o where o.name = $1;
	if role is null then
		return firebreak.is_operator();
	end if;
	return exists (select from pg_roles r where r.rolname = role and pg_has_role(r.oid, 'USAGE'));
end
$$;

create function firebreak.domain_owner(text) returns text language sql stable
return (select d.owner from firebreak.domain d where d.name = $1);

create function firebreak.segment_owner(text) returns text language sql stable
return (select s.owner from firebreak.segment s where s.name = $1);

-- Who accepts a crossing.
create function firebreak.destination_owner(crossing text) returns text language sql stable
return (select firebreak.domain_owner(c.destination_domain) from firebreak.crossing c where c.name = $1);

-- Whose a rate limit is. What a source may spend is for the owner of its domain: the source itself is what is
-- bounded.
create function firebreak.rate_limit_owner(kind text, name text) returns text language sql stable
return case $1
	when 'segment' then firebreak.segment_owner($2)
	when 'source' then (select firebreak.domain_owner(s.domain) from firebreak.segment s where s.name = $2)
	when 'domain' then firebreak.domain_owner($2)
	when 'token' then (select firebreak.domain_owner(i.domain) from firebreak.issuer i where i.url = $2)
end;

-- Raises unless the caller holds `owner`. SQLSTATE 42501 (insufficient_privilege).
create function firebreak.require_holds(kind text, object text, owner text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
	needed text;
begin
	if firebreak.holds(owner) then
		return;
	end if;
	select o.role into needed from firebreak.owner o where o.name = owner;
	if needed is not null then
		perform firebreak.refuse(kind, object, 'owner',
			format('belongs to %s, whose role %I is not held by %I', owner, needed, current_user),
			format('run it as %I, or let an operator grant that role to %I', needed, current_user), '42501');
	elsif owner is null then
		perform firebreak.refuse(kind, object, 'owner', 'is not known before what it belongs to is stated',
			'state that first, or run it as a member of firebreak_operator', '42501');
	else
		perform firebreak.refuse(kind, object, 'owner',
			format('belongs to %s, who has no role, so that only operators write for it', owner),
			format('run it as a member of firebreak_operator, or let one give %s a role by owner(name, role)', owner),
			'42501');
	end if;
end
$$;

create function firebreak.require_operator(kind text, object text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if not firebreak.is_operator() then
		perform firebreak.refuse(kind, object, 'owner', format('%I is no operator', current_user),
			format('%ss are written by members of firebreak_operator', kind), '42501');
	end if;
end
$$;

reset role;
