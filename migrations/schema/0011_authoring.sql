-- The functions of policy migrations, but for policies themselves. Each states a whole object: a null argument means
-- its default, and stating the same again changes nothing.
--
-- Parameters bear the names of columns. So each function gathers its arguments in a row variable by plain
-- assignments, where no column is in sight, and its statements use only that row: a bare name in them is a column
-- (#variable_conflict).

set local role firebreak_owner;

create function firebreak.owner(name text, role name default null) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	given firebreak.owner;
	present firebreak.owner;
begin
	given.name := name;
	given.role := role;
	perform firebreak.require_given('owner', given.name, '{name}', array[given.name is not null]);
	perform firebreak.require_operator('owner', given.name);
	if given.role is not null and not exists (select from pg_roles r where r.rolname = given.role) then
		perform firebreak.refuse('owner', given.name, 'role',
			firebreak.shown(given.role) || ' does not exist in this cluster',
			format('first run: create role %I nologin in role firebreak_author', given.role), '42704');
	end if;

	select o.* into present from firebreak.owner o where o.name = given.name;
	if given is distinct from present then
		insert into firebreak.owner (name, role) values (given.name, given.role)
			on conflict (name) do update set role = excluded.role;
	end if;
end
$$;

create function firebreak.domain(name text, owner text, flow text default 'mtls+token', passport text default 'optional',
	on_stale text default 'deny', hidden boolean default false, audit text default 'full', mode text default 'enforce')
returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	given firebreak.domain;
	present firebreak.domain;
begin
	given.name := name;
	given.owner := owner;
	given.flow := coalesce(flow, 'mtls+token');
	given.passport := coalesce(passport, 'optional');
	given.on_stale := coalesce(on_stale, 'deny');
	given.hidden := coalesce(hidden, false);
	given.audit := coalesce(audit, 'full');
	given.mode := coalesce(mode, 'enforce');
	perform firebreak.require_given('domain', given.name, '{name,owner}',
		array[given.name is not null, given.owner is not null]);
	perform firebreak.require_operator('domain', given.name);

	select d.* into present from firebreak.domain d where d.name = given.name;
	if given is distinct from present then
		insert into firebreak.domain (name, owner, flow, passport, on_stale, hidden, audit, mode)
			values (given.name, given.owner, given.flow, given.passport, given.on_stale, given.hidden, given.audit,
				given.mode)
			on conflict (name) do update set (owner, flow, passport, on_stale, hidden, audit, mode) =
				(excluded.owner, excluded.flow, excluded.passport, excluded.on_stale, excluded.hidden, excluded.audit,
					excluded.mode);
	end if;
end
$$;

create function firebreak.issuer(url text, domain text, profile text default 'rfc9068', audiences text[] default '{}',
	algorithms text[] default '{ES256,EdDSA,RS256}', max_lifetime interval default '1 hour', binding text default 'none',
	jwks_uri text default null, jwks jsonb default null, options jsonb default '{}')
returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	given firebreak.issuer;
	present firebreak.issuer;
begin
	given.url := url;
	given.domain := domain;
	given.profile := coalesce(profile, 'rfc9068');
	given.audiences := coalesce(audiences, '{}');
	given.algorithms := coalesce(algorithms, '{ES256,EdDSA,RS256}');
	given.max_lifetime := coalesce(max_lifetime, '1 hour');
	given.binding := coalesce(binding, 'none');
	given.jwks_uri := jwks_uri;
	given.jwks := jwks;
	given.options := coalesce(options, '{}');
	perform firebreak.require_given('issuer', given.url, '{url,domain}',
		array[given.url is not null, given.domain is not null]);

	select i.* into present from firebreak.issuer i where i.url = given.url;
	if given is not distinct from present then
		return;
	end if;
	if present.url is not null then
		perform firebreak.require_holds('issuer', given.url, firebreak.domain_owner(present.domain));
	end if;
	perform firebreak.require_holds('issuer', given.url, firebreak.domain_owner(given.domain));
	insert into firebreak.issuer
			(url, domain, profile, audiences, algorithms, max_lifetime, binding, jwks_uri, jwks, options)
		values (given.url, given.domain, given.profile, given.audiences, given.algorithms, given.max_lifetime, given.binding,
			given.jwks_uri, given.jwks, given.options)
		on conflict (url) do update set
			(domain, profile, audiences, algorithms, max_lifetime, binding, jwks_uri, jwks, options) =
			(excluded.domain, excluded.profile, excluded.audiences, excluded.algorithms, excluded.max_lifetime,
				excluded.binding, excluded.jwks_uri, excluded.jwks, excluded.options);
end
$$;

create function firebreak.segment(name text, domain text, environment text, owner text, members text[],
	probes text[] default '{}', path_exceptions text[] default '{}', credential_upstream text default 'keep',
	trusted_proxy boolean default false, enforcer boolean default false, mode text default 'enforce')
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
				(name, domain, environment, owner, probes, path_exceptions, credential_upstream, trusted_proxy, enforcer, mode)
			values (given.name, given.domain, given.environment, given.owner, given.probes, given.path_exceptions,
				given.credential_upstream, given.trusted_proxy, given.enforcer, given.mode)
			on conflict (name) do update set
				(domain, environment, owner, probes, path_exceptions, credential_upstream, trusted_proxy, enforcer, mode) =
				(excluded.domain, excluded.environment, excluded.owner, excluded.probes, excluded.path_exceptions,
					excluded.credential_upstream, excluded.trusted_proxy, excluded.enforcer, excluded.mode);
	end if;

	delete from firebreak.segment_member m where m.segment = given.name and m.selector <> all (given_members);
	insert into firebreak.segment_member (segment, selector)
		select given.name, wanted from unnest(given_members) as w (wanted)
		where not exists (select from firebreak.segment_member m where m.segment = given.name and m.selector = wanted)
		on conflict on constraint segment_member_pkey do nothing;
end
$$;

reset role;
