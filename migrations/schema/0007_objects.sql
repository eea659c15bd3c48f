-- Every object of every kind in one form, and every reference from one object to another.

set local role firebreak_owner;

-- Times in a spec are UTC to the microsecond, whatever the session's settings are.
create function firebreak.instant(value timestamptz) returns text language sql stable
return to_char(value at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- What both sides of a crossing agreed on, when they did. Everything but the acceptance itself.
create function firebreak.crossing_content(c firebreak.crossing) returns jsonb language sql stable
return jsonb_build_object('name', c.name, 'owner', c.owner, 'reason', c.reason, 'expires', firebreak.instant(c.expires),
	'source_domain', c.source_domain, 'destination_domain', c.destination_domain,
	'source_environment', c.source_environment, 'destination_environment', c.destination_environment, 'flow', c.flow);

-- Kind, name as remove() takes it, owner (null where it is another object's), and the whole object as JSON: the
-- arguments of the function that states it, with max_lifetime in seconds and valid as valid_from and valid_until.
create view firebreak.object (kind, name, owner, destination, spec) as
	select 'owner', o.name, o.name, null::text, jsonb_build_object('name', o.name, 'role', o.role)
	from firebreak.owner o
union all
	select 'domain', d.name, d.owner, null, jsonb_build_object('name', d.name, 'owner', d.owner, 'flow', d.flow,
		'passport', d.passport, 'on_stale', d.on_stale, 'hidden', d.hidden, 'audit', d.audit, 'mode', d.mode)
	from firebreak.domain d
union all
	select 'issuer', i.url, null, null, jsonb_build_object('url', i.url, 'domain', i.domain, 'profile', i.profile,
		'audiences', i.audiences, 'algorithms', i.algorithms, 'max_lifetime', extract(epoch from i.max_lifetime),
		'binding', i.binding, 'jwks_uri', i.jwks_uri, 'jwks', i.jwks, 'options', i.options)
	from firebreak.issuer i
union all
	select 'segment', s.name, s.owner, null, jsonb_build_object('name', s.name, 'domain', s.domain,
		'environment', s.environment, 'owner', s.owner,
		'members', array(select m.selector from firebreak.segment_member m
			where m.segment = s.name order by m.selector collate "C"),
		'probes', s.probes, 'path_exceptions', s.path_exceptions, 'credential_upstream', s.credential_upstream,
		'trusted_proxy', s.trusted_proxy, 'enforcer', s.enforcer, 'mode', s.mode)
	from firebreak.segment s
union all
	select 'crossing', c.name, c.owner, null, firebreak.crossing_content(c) || jsonb_build_object('accepted',
		exists (select from firebreak.crossing_acceptance a
			where a.crossing = c.name and a.content = firebreak.crossing_content(c)))
	from firebreak.crossing c
union all
	select 'policy', p.name, p.owner, p.destination, jsonb_build_object('name', p.name, 'effect', p.effect,
		'source', p.source, 'destination', p.destination, 'owner', p.owner, 'methods', p.methods, 'paths', p.paths,
		'grpc', p.grpc, 'hosts', p.hosts, 'scopes', p.scopes, 'scopes_any', p.scopes_any, 'condition', p.condition,
		'upgrade', p.upgrade, 'valid_from', firebreak.instant(lower(p.valid)),
		'valid_until', firebreak.instant(upper(p.valid)), 'mode', p.mode, 'reason', p.reason)
	from firebreak.policy p
union all
	select 'rate_limit', r.kind || ':' || r.name, null, null, jsonb_build_object('kind', r.kind, 'name', r.name,
		'per_second', r.per_second, 'burst', r.burst)
	from firebreak.rate_limit r;
comment on view firebreak.object is
	'Every object as it stands: kind, name, owner, a policy''s destination, and the whole as JSON';

-- One object of that view, or nulls. Told apart by kind first, so that each is one look-up by its key whatever the
-- sizes of the tables are; callers that ask for many forbid sequential scans.
create function firebreak.object_at(kind text, name text, out owner text, out destination text, out spec jsonb)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	the_name constant text := name;
begin
	case kind
	when 'owner' then
		select o.owner, o.destination, o.spec into owner, destination, spec
			from firebreak.object o where o.kind = 'owner' and o.name = the_name;
	when 'domain' then
		select o.owner, o.destination, o.spec into owner, destination, spec
			from firebreak.object o where o.kind = 'domain' and o.name = the_name;
	when 'issuer' then
		select o.owner, o.destination, o.spec into owner, destination, spec
			from firebreak.object o where o.kind = 'issuer' and o.name = the_name;
	when 'segment' then
		select o.owner, o.destination, o.spec into owner, destination, spec
			from firebreak.object o where o.kind = 'segment' and o.name = the_name;
	when 'crossing' then
		select o.owner, o.destination, o.spec into owner, destination, spec
			from firebreak.object o where o.kind = 'crossing' and o.name = the_name;
	when 'policy' then
		select o.owner, o.destination, o.spec into owner, destination, spec
			from firebreak.object o where o.kind = 'policy' and o.name = the_name;
	when 'rate_limit' then
		select o.owner, o.destination, o.spec into owner, destination, spec
			from firebreak.object o where o.kind = 'rate_limit' and o.name = the_name;
	end case;
end
$$;

-- Which object refers to which, and by which argument.
create view firebreak.reference (kind, name, argument, target_kind, target) as
	select 'domain', d.name, 'owner', 'owner', d.owner from firebreak.domain d
union all
	select 'issuer', i.url, 'domain', 'domain', i.domain from firebreak.issuer i
union all
	select 'segment', s.name, 'domain', 'domain', s.domain from firebreak.segment s
union all
	select 'segment', s.name, 'owner', 'owner', s.owner from firebreak.segment s
union all
	select 'crossing', c.name, 'owner', 'owner', c.owner from firebreak.crossing c
union all
	select 'crossing', c.name, 'source_domain', 'domain', c.source_domain from firebreak.crossing c
union all
	select 'crossing', c.name, 'destination_domain', 'domain', c.destination_domain from firebreak.crossing c
union all
	select 'policy', p.name, 'source', 'segment', p.source_segment from firebreak.policy p
union all
	select 'policy', p.name, 'destination', 'segment', p.destination from firebreak.policy p
union all
	select 'rate_limit', r.kind || ':' || r.name, 'name', 'segment', r.segment from firebreak.rate_limit r
union all
	select 'rate_limit', r.kind || ':' || r.name, 'name', 'domain', r.domain from firebreak.rate_limit r
union all
	select 'rate_limit', r.kind || ':' || r.name, 'name', 'issuer', r.issuer from firebreak.rate_limit r;

reset role;
