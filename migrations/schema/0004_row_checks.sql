-- What one whole row of each table must be. Each function is its table's constraint: it raises, or is true.

set local role firebreak_owner;

create function firebreak.owner_ok(name text, role text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	return firebreak.check_owner_name('owner', name, 'name', name)
		and firebreak.check_text('owner', name, 'role', role, 63);
end
$$;

create function firebreak.domain_ok(name text, flow text, passport text, on_stale text, audit text, mode text)
returns boolean language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	return firebreak.check_name('domain', name, 'name', name)
		and firebreak.check_word('domain', name, 'flow', flow, '{mtls,token,mtls+token,mtls+bound-token}')
		and firebreak.check_word('domain', name, 'passport', passport, '{optional,required}')
		and firebreak.check_word('domain', name, 'on_stale', on_stale, '{deny,bound_only,allow}')
		and firebreak.check_word('domain', name, 'audit', audit, '{full,denials}')
		and firebreak.check_word('domain', name, 'mode', mode, '{enforce,monitor}');
end
$$;

create function firebreak.issuer_ok(url text, profile text, audiences text[], algorithms text[], max_lifetime interval,
	binding text, jwks_uri text, jwks jsonb, options jsonb)
returns boolean language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	perform firebreak.check_word('issuer', url, 'profile', profile, '{rfc9068,jwt_svid,kubernetes,oidc,api_key}');
	perform firebreak.check_word('issuer', url, 'binding', binding, '{none,dpop,mtls,any}');
	if not firebreak.is_url(url, false) and not (profile = 'jwt_svid' and firebreak.is_issuer(url)) then
		perform firebreak.refuse('issuer', url, 'url', 'is no issuer URL',
			'write https://..., or http on loopback, without query and fragment, as tokens have it in iss');
	end if;

	perform firebreak.check_list('issuer', url, 'audiences', audiences, 'audience');
	if audiences = '{}' and profile <> 'api_key' then
		perform firebreak.refuse('issuer', url, 'audiences', 'is empty, so that a token for any service would do',
			'name the audiences that this issuer''s tokens must carry');
	end if;
	perform firebreak.check_list('issuer', url, 'algorithms', algorithms, 'algorithm');
	if algorithms = '{}' then
		perform firebreak.refuse('issuer', url, 'algorithms', 'is empty', 'name those that the issuer signs with, such as ES256');
	end if;
	-- The lane keeps a revocation for as long as any token can live: see revocation_horizon().
	if max_lifetime <= interval '0' or max_lifetime > interval '366 days' then
		perform firebreak.refuse('issuer', url, 'max_lifetime', 'is not between 0 and 366 days',
			'write an interval such as ''1 hour''');
	end if;

	if not firebreak.is_url(jwks_uri, true) then
		perform firebreak.refuse('issuer', url, 'jwks_uri', firebreak.shown(jwks_uri) || ' is no URL of keys',
			'write https://..., or http on loopback');
	elsif jwks is not null and (jsonb_typeof(jwks -> 'keys') is distinct from 'array' or jwks -> 'keys' = '[]'
		or octet_length(jwks::text) > 262144) then
		perform firebreak.refuse('issuer', url, 'jwks', 'is no JWK Set of at most 256 KiB with a key in it',
			'write {"keys": [{...}]}');
	elsif profile = 'api_key' and num_nonnulls(jwks_uri, jwks) > 0 then
		perform firebreak.refuse('issuer', url, case when jwks is null then 'jwks_uri' else 'jwks' end,
			'is given, but API keys carry no signature', 'leave jwks and jwks_uri out');
	elsif profile <> 'api_key' and num_nonnulls(jwks_uri, jwks) <> 1 then
		perform firebreak.refuse('issuer', url, 'jwks', case when jwks is null then 'is missing, and so is jwks_uri'
			else 'and jwks_uri are both given' end, 'state exactly one of jwks_uri and jwks');
	end if;
	if jsonb_typeof(options) <> 'object' or octet_length(options::text) > 16384 then
		perform firebreak.refuse('issuer', url, 'options', 'is no JSON object of at most 16 KiB', 'write {"name": value, ...}');
	end if;
	return true;
end
$$;

create function firebreak.segment_ok(name text, environment text, probes text[], path_exceptions text[],
	credential_upstream text, mode text)
returns boolean language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	return firebreak.check_name('segment', name, 'name', name)
		and firebreak.check_name('segment', name, 'environment', environment)
		and firebreak.check_list('segment', name, 'probes', probes, 'path')
		and firebreak.check_list('segment', name, 'path_exceptions', path_exceptions, 'path_exception')
		and firebreak.check_word('segment', name, 'credential_upstream', credential_upstream, '{keep,strip}')
		and firebreak.check_word('segment', name, 'mode', mode, '{enforce,monitor}');
end
$$;

create function firebreak.segment_member_ok(segment text, selector text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	return firebreak.check_list('segment', segment, 'members', array[selector], 'selector');
end
$$;

create function firebreak.crossing_ok(name text, reason text, expires timestamptz, source_domain text,
	destination_domain text, source_environment text, destination_environment text, flow text)
returns boolean language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	perform firebreak.check_name('crossing', name, 'name', name);
	perform firebreak.check_text('crossing', name, 'reason', reason, 1024);
	perform firebreak.check_word('crossing', name, 'flow', flow, '{mtls,token,mtls+token,mtls+bound-token}');
	if not isfinite(expires) then
		perform firebreak.refuse('crossing', name, 'expires', 'is infinite', 'name the day it ends');
	elsif num_nulls(source_environment, destination_environment) = 1 then
		perform firebreak.refuse('crossing', name,
			case when source_environment is null then 'source_environment' else 'destination_environment' end,
			'is missing while the other environment is given',
			'state both, or neither for the same environment on both sides');
	end if;
	perform firebreak.check_name('crossing', name, 'source_environment', source_environment);
	perform firebreak.check_name('crossing', name, 'destination_environment', destination_environment);
	if source_domain = destination_domain and source_environment is not distinct from destination_environment then
		perform firebreak.refuse('crossing', name, 'destination_domain', 'is the source''s too, and so is the environment',
			'a crossing leads to another domain or another environment');
	end if;
	return true;
end
$$;

create function firebreak.policy_ok(name text, effect text, source text, methods text[], paths text[], grpc text[],
	hosts text[], scopes text[], scopes_any text[], condition text, upgrade text, valid tstzrange, mode text, reason text)
returns boolean language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if source not in ('*', 'anonymous') and not firebreak.is_name(source) then
		perform firebreak.refuse('policy', name, 'source', firebreak.shown(source) || ' is no source',
			'name a segment, or write * for every segment that may reach the destination, or anonymous');
	elsif methods = '{}' and paths <> '{}' or methods <> '{}' and paths = '{}' or methods = '{}' and grpc = '{}' then
		perform firebreak.refuse('policy', name, case when methods = '{}' then 'methods' else 'paths' end,
			case when methods <> '{}' then 'is empty while methods are given'
				when paths <> '{}' then 'is empty while paths are given'
				else 'is empty, and so are paths and grpc' end,
			'state methods and paths, or grpc; any method is array[''*''], any path array[''/**'']');
	elsif upgrade !~ '^[a-z0-9!#$%&''*+.^_`|~/-]+$' or octet_length(upgrade) > 64 then
		perform firebreak.refuse('policy', name, 'upgrade', firebreak.shown(upgrade) || ' is no protocol',
			'write it in lower case, such as websocket');
	elsif isempty(valid) or not lower_inf(valid) and not (lower_inc(valid) and isfinite(lower(valid)))
		or not upper_inf(valid) and (upper_inc(valid) or not isfinite(upper(valid))) then
		perform firebreak.refuse('policy', name, 'valid', 'is empty or not half-open',
			'write tstzrange(from, until), with null for an open end');
	end if;
	-- One expression: PERFORM would cost more than the checks do.
	return firebreak.check_name('policy', name, 'name', name)
		and firebreak.check_word('policy', name, 'effect', effect, '{allow,deny}')
		and firebreak.check_word('policy', name, 'mode', mode, '{enforce,monitor}')
		and firebreak.check_list('policy', name, 'methods', methods, 'method')
		and firebreak.check_list('policy', name, 'paths', paths, 'template')
		and firebreak.check_list('policy', name, 'grpc', grpc, 'grpc')
		and firebreak.check_list('policy', name, 'hosts', hosts, 'host')
		and firebreak.check_list('policy', name, 'scopes', scopes, 'scope')
		and firebreak.check_list('policy', name, 'scopes_any', scopes_any, 'scope')
		and firebreak.check_text('policy', name, 'condition', condition, 4096)
		and firebreak.check_text('policy', name, 'reason', reason, 1024);
end
$$;

create function firebreak.rate_limit_ok(kind text, name text, per_second numeric, burst integer) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	perform firebreak.check_word('rate_limit', kind || ':' || name, 'kind', kind, '{source,domain,segment,token}');
	if per_second <= 0 or per_second > 1000000 then
		perform firebreak.refuse('rate_limit', kind || ':' || name, 'per_second',
			per_second || ' is not between 0 and 1000000', 'write how many requests a second may pass');
	elsif burst not between 1 and 10000000 then
		perform firebreak.refuse('rate_limit', kind || ':' || name, 'burst', burst || ' is not between 1 and 10000000',
			'write how many requests may come at once');
	end if;
	return true;
end
$$;

reset role;
