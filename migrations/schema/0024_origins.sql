-- Where callers reach a segment, when that is not what the segment's own proxy sees: behind an ingress that ends TLS or has
-- another name. A proof of possession (DPoP) names the address that its caller used.

set local role firebreak_owner;

-- In the one form that src/core/origin.ts makes of them.
create function firebreak.origins_ok(name text, origins text[]) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	origin text;
begin
	if origins = '{}' then
		return true;
	elsif array_ndims(origins) <> 1 or cardinality(origins) > 100 then
		perform firebreak.refuse('segment', name, 'origins', 'is no array of at most 100 texts', 'write one array of texts');
	end if;
	foreach origin in array origins loop
		if origin is null
			or origin !~ '^https?://([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$'
			or origin ~ '^(http://.*:80|https://.*:443)$' or octet_length(origin) > 270 then
			perform firebreak.refuse('segment', name, 'origins', coalesce(firebreak.shown(origin), 'null') || ' is no origin',
				'write scheme and host in lower case, such as https://api.example.org, with the port unless it is the scheme''s own');
		end if;
	end loop;
	return true;
end
$$;

alter table firebreak.segment add column origins text[] not null default '{}';
alter table firebreak.segment add constraint segment_origins_ok check (firebreak.origins_ok(name, origins));

-- Origins stand in the JSON only where there are some, so that what was recorded before says what it said.
create or replace view firebreak.object (kind, name, owner, destination, spec) as
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
		|| case when s.origins = '{}' then '{}' else jsonb_build_object('origins', s.origins) end
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

drop function firebreak.segment(text, text, text, text, text[], text[], text[], text, boolean, boolean, text);
create function firebreak.segment(name text, domain text, environment text, owner text, members text[],
	probes text[] default '{}', path_exceptions text[] default '{}', credential_upstream text default 'keep',
	trusted_proxy boolean default false, enforcer boolean default false, mode text default 'enforce',
	origins text[] default '{}')
returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	given firebreak.segment;
	given_members text[];
	present firebreak.segment;
begin
	given.name := name;
	given.domain := domain;
	given.environment := environment;
	given.owner := owner;
	given.probes := coalesce(probes, '{}');
	given.path_exceptions := coalesce(path_exceptions, '{}');
	given.credential_upstream := coalesce(credential_upstream, 'keep');
	given.trusted_proxy := coalesce(trusted_proxy, false);
	given.enforcer := coalesce(enforcer, false);
	given.mode := coalesce(mode, 'enforce');
	given.origins := coalesce(origins, '{}');
	given_members := members;
	perform firebreak.require_given('segment', given.name, '{name,domain,environment,owner,members}',
		array[given.name is not null, given.domain is not null, given.environment is not null, given.owner is not null,
			given_members is not null]);
	perform firebreak.check_list('segment', given.name, 'members', given_members, 'selector', 10000);

	select s.* into present from firebreak.segment s where s.name = given.name;
	if present.name is not null then
		perform firebreak.require_holds('segment', given.name, present.owner);
	end if;
	if given is distinct from present then
		perform firebreak.require_holds('segment', given.name, given.owner);
		insert into firebreak.segment
				(name, domain, environment, owner, probes, path_exceptions, credential_upstream, trusted_proxy, enforcer, mode,
					origins)
			values (given.name, given.domain, given.environment, given.owner, given.probes, given.path_exceptions,
				given.credential_upstream, given.trusted_proxy, given.enforcer, given.mode, given.origins)
			on conflict (name) do update set
				(domain, environment, owner, probes, path_exceptions, credential_upstream, trusted_proxy, enforcer, mode,
					origins) =
				(excluded.domain, excluded.environment, excluded.owner, excluded.probes, excluded.path_exceptions,
					excluded.credential_upstream, excluded.trusted_proxy, excluded.enforcer, excluded.mode,
					excluded.origins);
	end if;

	delete from firebreak.segment_member m where m.segment = given.name and m.selector <> all (given_members);
	insert into firebreak.segment_member (segment, selector)
		select given.name, wanted from unnest(given_members) as w (wanted)
		where not exists (select from firebreak.segment_member m where m.segment = given.name and m.selector = wanted)
		on conflict on constraint segment_member_pkey do nothing;
end
$$;

grant execute on function firebreak.origins_ok
	to firebreak_author, firebreak_server, firebreak_operator, firebreak_reader, firebreak_migrator;
grant execute on function firebreak.segment to firebreak_author, firebreak_operator;

reset role;
