-- When a token was issued is the database's to say, as it says when one was revoked: so that a revocation of everything
-- older is exact for tokens that Firebreak issues, whatever the clock of the machine says that issues them. What is issued,
-- what takes another token's place, and what is revoked wait for each other.

set local role firebreak_owner;

-- Keeps others from committing to the revocation lane until the transaction is over: what is read from now on holds then.
create function firebreak.hold_lane() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform firebreak.require_by_hand('revocation', 'lane');
	perform from firebreak.revocation_counter for no key update;
end
$$;

alter table firebreak.passport add column issued_at timestamptz;
comment on column firebreak.passport.issued_at is
	'Its iat, by the database''s clock; null: not known, and no later than created_at';

-- As before, but a hash has one spelling: another is worth nothing, since no hash that is computed equals it.
create or replace function firebreak.passport_ok(given firebreak.passport) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	wrong text;
begin
	if given.token_id = '' or octet_length(given.token_id) > 1024 then
		perform firebreak.refuse('passport', given.token_id, 'token_id', 'is empty or longer than 1024 bytes',
			'write the token''s jti, never the token');
	elsif jsonb_typeof(given.windows) <> 'array' or jsonb_array_length(given.windows) > 32 then
		perform firebreak.refuse('passport', given.token_id, 'windows', 'is no JSON array of at most 32 windows',
			'write [{"days": ["mon"], "from": "08:00", "until": "18:00", "zone": "Europe/Berlin"}]');
	elsif not isfinite(given.expires) or not isfinite(given.not_before) or given.not_before >= given.expires then
		perform firebreak.refuse('passport', given.token_id, 'expires', 'is infinite, or not after not_before',
			'name the instant at which it ends');
	elsif given.purpose ~ '[\u0001-\u001f\u007f-\u009f]' then
		perform firebreak.refuse('passport', given.token_id, 'purpose', 'has control characters',
			'state it in one short text');
	elsif given.binding !~ '^(jkt|x5t#S256):[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$' then
		perform firebreak.refuse('passport', given.token_id, 'binding', firebreak.shown(given.binding) || ' is no binding',
			'write jkt: or x5t#S256: and a base64url SHA-256: 43 characters, the last one of AEIMQUYcgkosw048');
	elsif given.device !~ '^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$' then
		perform firebreak.refuse('passport', given.token_id, 'device', firebreak.shown(given.device) || ' is no SHA-256',
			'write base64url(SHA-256), 43 characters, the last one of AEIMQUYcgkosw048: of a certificate, or a key''s JWK'
				' thumbprint');
	elsif (given.kind = 'api_key') <> (coalesce(given.digest, '') ~ '^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$')
		or given.kind <> 'api_key' and given.digest is not null then
		perform firebreak.refuse('passport', given.token_id, 'digest', 'does not go with the kind ' || given.kind,
			'write base64url(SHA-256) of an API key, and nothing for other tokens');
	elsif given.kind = 'api_key' and given.subject is null then
		perform firebreak.refuse('passport', given.token_id, 'subject', 'is missing, but an API key speaks for someone',
			'name the client, or a workload by its SPIFFE ID');
	elsif cardinality(given.networks) > 64 or array_position(given.networks, null) is not null then
		perform firebreak.refuse('passport', given.token_id, 'networks', 'has more than 64 elements, or one that is null',
			'write CIDR blocks such as 10.0.0.0/8');
	end if;

	select coalesce(firebreak.shown(w::text), 'null') || ' ' || firebreak.window_problem(w) into wrong
		from jsonb_array_elements(given.windows) w where firebreak.window_problem(w) is not null limit 1;
	if wrong is not null then
		perform firebreak.refuse('passport', given.token_id, 'windows', wrong,
			'write {"days": ["mon"], "from": "08:00", "until": "18:00", "zone": "Europe/Berlin"}');
	end if;
	select coalesce(firebreak.shown(s), 'null') into wrong from unnest(given.sources) s
		where (firebreak.is_name(s) or firebreak.is_workload(s)) is not true limit 1;
	if wrong is not null or cardinality(given.sources) > 1000 then
		perform firebreak.refuse('passport', given.token_id, 'sources',
			coalesce(wrong || ' is no source', 'has too many elements'), 'name at most 1000 segments or SPIFFE IDs');
	end if;
	select coalesce(firebreak.shown(d), 'null') into wrong from unnest(given.destinations) d
		where firebreak.is_name(d) is not true limit 1;
	if wrong is not null or cardinality(given.destinations) > 1000 then
		perform firebreak.refuse('passport', given.token_id, 'destinations',
			coalesce(wrong || ' is no destination', 'has too many elements'), 'name at most 1000 segments');
	end if;
	return firebreak.check_word('passport', given.token_id, 'kind', given.kind, '{issued,registered,api_key}')
		and firebreak.check_owner_name('passport', given.token_id, 'owner', given.owner)
		and firebreak.check_text('passport', given.token_id, 'purpose', given.purpose, 1024)
		and firebreak.check_text('passport', given.token_id, 'subject', given.subject, 2048)
		and firebreak.check_name('passport', given.token_id, 'environment', given.environment)
		and firebreak.check_list('passport', given.token_id, 'scopes', given.scopes, 'scope');
end
$$;

-- As before, and what everything older of its subject or issuer was revoked with is not issued.
create or replace function firebreak.guard_passport() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	revoked_until timestamptz;
begin
	perform firebreak.require_by_hand('passport', new.token_id);
	if tg_op = 'INSERT' then
		new.created_by := session_user;
		new.created_at := clock_timestamp();
		new.last_seen := null;
		new.uses := 0;
		if new.kind <> 'registered' then
			new.issued_at := coalesce(new.issued_at, new.created_at);
			if new.issued_at > new.created_at then
				perform firebreak.refuse('passport', new.token_id, 'issued_at', 'is still to come, by the database''s clock',
					'take the instant from the database: clock_timestamp()');
			end if;
			select max(to_timestamp((r.payload ->> 'issued_before')::float8)) into revoked_until from firebreak.revocation r
				where r.kind = 'revoke_before' and r.key in (new.issuer, new.issuer || ' ' || new.subject)
					and (r.payload ->> 'issued_before')::numeric > extract(epoch from new.issued_at);
			if revoked_until is not null then
				perform firebreak.refuse('passport', new.token_id, 'issued_at',
					'is before the instant up to which every token of its subject or issuer is revoked, so that it would be as well',
					format('issue it from %s on', to_char(date_trunc('second', revoked_until + interval '999999 microseconds')
						at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), '55000');
			end if;
		end if;
	elsif (new.issuer, new.token_id, new.kind, new.digest, new.created_at, new.created_by)
			is distinct from (old.issuer, old.token_id, old.kind, old.digest, old.created_at, old.created_by)
		or new.kind <> 'registered' and new.issued_at is distinct from old.issued_at
		or new.kind = 'issued' and to_jsonb(new) - '{last_seen,uses,replaced_by}'::text[]
			<> to_jsonb(old) - '{last_seen,uses,replaced_by}'::text[]
	then
		perform firebreak.refuse('passport', old.token_id, 'token_id',
			case when old.kind = 'issued' then 'is the id of a token that was issued otherwise'
				else 'is the id of another token' end,
			'give the token an id of its own; what a token carries is changed by issuing another', '23505');
	end if;
	return new;
end
$$;
drop trigger guard_passport_updated on firebreak.passport;
create trigger guard_passport_updated before update of issuer, token_id, kind, digest, owner, purpose, subject, scopes,
	sources, destinations, networks, environment, device, windows, not_before, expires, binding, created_at, created_by,
	issued_at on firebreak.passport for each row execute function firebreak.guard_passport();

create or replace function firebreak.tell_passport() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	payload jsonb;
begin
	payload := jsonb_build_object('issuer', new.issuer, 'token_id', new.token_id,
		'expires', extract(epoch from new.expires), 'scopes', to_jsonb(new.scopes),
		'passport', jsonb_strip_nulls(jsonb_build_object('owner', new.owner, 'purpose', new.purpose,
			'sources', nullif(to_jsonb(new.sources), '[]'), 'destinations', nullif(to_jsonb(new.destinations), '[]'),
			'networks', nullif(to_jsonb(new.networks::text[]), '[]'), 'environment', new.environment,
			'device', new.device, 'windows', nullif(new.windows, '[]'))))
		|| jsonb_strip_nulls(jsonb_build_object('not_before', extract(epoch from new.not_before)));
	if new.binding is not null then
		payload := payload || jsonb_build_object('binding',
			jsonb_build_object(split_part(new.binding, ':', 1), split_part(new.binding, ':', 2)));
	end if;
	if new.kind = 'api_key' then
		payload := payload || jsonb_build_object('digest', new.digest, 'subject', new.subject,
			'issued_at', extract(epoch from coalesce(new.issued_at, new.created_at)));
	end if;
	perform firebreak.append_revocation(case new.kind when 'api_key' then 'api_key' else 'passport' end,
		new.issuer || ' ' || new.token_id, payload,
		greatest(now(), new.expires)
			+ case new.kind when 'api_key' then interval '7 days' else firebreak.revocation_horizon() end,
		new.purpose);
	return null;
end
$$;

drop function firebreak.register_token;
-- States the passport of one token; the seq of the lane's row that tells servers, null for one that carries it itself.
create function firebreak.register_token(issuer text, token_id text, owner text, purpose text, expires timestamptz,
	kind text default 'registered', subject text default null, scopes text[] default '{}', sources text[] default '{}',
	destinations text[] default '{}', networks cidr[] default '{}', environment text default null,
	device text default null, windows jsonb default '[]', not_before timestamptz default null,
	binding text default null, digest text default null, issued_at timestamptz default null)
returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	given firebreak.passport;
	present firebreak.passport;
	zone text;
begin
	given.issuer := issuer;
	given.token_id := token_id;
	given.owner := owner;
	given.purpose := purpose;
	given.expires := expires;
	given.kind := coalesce(kind, 'registered');
	given.subject := subject;
	given.scopes := coalesce(scopes, '{}');
	given.sources := coalesce(sources, '{}');
	given.destinations := coalesce(destinations, '{}');
	given.networks := coalesce(networks, '{}');
	given.environment := environment;
	given.device := device;
	given.windows := coalesce(windows, '[]');
	given.not_before := not_before;
	given.binding := binding;
	given.digest := digest;
	given.issued_at := issued_at;
	perform firebreak.require_given('passport', given.token_id, '{issuer,token_id,owner,purpose,expires}',
		array[given.issuer is not null, given.token_id is not null, given.owner is not null, given.purpose is not null,
			given.expires is not null]);
	perform firebreak.check_issuer('passport', given.issuer);
	perform firebreak.passport_ok(given);
	if not exists (select from firebreak.owner o where o.name = given.owner) then
		perform firebreak.refuse('passport', given.token_id, 'owner', firebreak.shown(given.owner) || ' is not stated',
			'name an owner of the policy set', '42704');
	end if;
	select w ->> 'zone' into zone from jsonb_array_elements(given.windows) w
		where not exists (select from pg_timezone_names z where z.name = w ->> 'zone') limit 1;
	if zone is not null then
		perform firebreak.refuse('passport', given.token_id, 'windows',
			firebreak.shown(zone) || ' is no time zone that is known',
			'write an IANA zone, such as Europe/Berlin');
	end if;

	-- Servers that give tokens in exchange need not wait for revocations, nor have these wait for them.
	if given.kind <> 'issued' or not starts_with(given.token_id, 'x-') then
		perform firebreak.require_by_hand('passport', given.token_id);
		perform firebreak.hold_lane();
	end if;
	select p.* into present from firebreak.passport p where p.issuer = given.issuer and p.token_id = given.token_id;
	given.last_seen := present.last_seen;
	given.uses := present.uses;
	given.created_at := present.created_at;
	given.created_by := present.created_by;
	given.replaced_by := present.replaced_by;
	given.issued_at := coalesce(given.issued_at, present.issued_at);
	if present.token_id is null then
		insert into firebreak.passport (issuer, token_id, owner, purpose, expires, kind, subject, scopes, sources,
				destinations, networks, environment, device, windows, not_before, binding, digest,
				issued_at)
			values (given.issuer, given.token_id, given.owner, given.purpose, given.expires, given.kind, given.subject,
				given.scopes, given.sources, given.destinations, given.networks, given.environment, given.device,
				given.windows, given.not_before, given.binding, given.digest, given.issued_at);
	elsif given is distinct from present then
		update firebreak.passport set (owner, purpose, expires, kind, subject, scopes, sources, destinations, networks,
				environment, device, windows, not_before, binding, digest, issued_at) =
				(given.owner, given.purpose, given.expires, given.kind, given.subject, given.scopes, given.sources,
				given.destinations, given.networks, given.environment, given.device, given.windows, given.not_before,
				given.binding, given.digest, given.issued_at)
			where issuer = given.issuer and token_id = given.token_id;
	end if;
	if given.kind = 'issued' then
		return null;
	end if;
	return (select max(r.seq) from firebreak.revocation r where r.key = given.issuer || ' ' || given.token_id
		and r.kind = case given.kind when 'api_key' then 'api_key' else 'passport' end);
end
$$;

-- Revokes a token from an instant on: one that another takes the place of. Revoked already, it stays so; and of one with a
-- passport none takes the place then, or when another has it.
create or replace function firebreak.retire_token(issuer text, token_id text, at timestamptz, reason text,
	replaced_by text default null)
returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
	present firebreak.passport;
begin
	perform firebreak.require_given('retire_token', token_id, '{issuer,token_id,at}',
		array[issuer is not null, token_id is not null, at is not null]);
	perform firebreak.check_issuer('retire_token', issuer);
	if token_id = '' or octet_length(token_id) > 1024 then
		perform firebreak.refuse('retire_token', token_id, 'token_id', 'is empty or longer than 1024 bytes',
			'write the token''s jti, never the token');
	elsif not isfinite(at) then
		perform firebreak.refuse('retire_token', token_id, 'at', 'is infinite', 'name an instant, such as now()');
	end if;
	perform firebreak.hold_lane();
	if replaced_by is not null then
		select p.* into present from firebreak.passport p where p.issuer = $1 and p.token_id = $2 for update;
		if present.replaced_by <> replaced_by then
			perform firebreak.refuse('retire_token', token_id, 'token_id', 'is replaced already, by ' || present.replaced_by,
				'rotate that one', '55000');
		elsif present.token_id is not null and present.replaced_by is null and exists (select from firebreak.revocation r
			where r.kind = 'revoke_token' and r.key = $1 || ' ' || $2
				or r.kind = 'revoke_before' and r.key in ($1, $1 || ' ' || present.subject) and (r.payload ->> 'issued_before')::numeric
					> extract(epoch from coalesce(present.issued_at, present.created_at))) then
			perform firebreak.refuse('retire_token', token_id, 'token_id', 'is revoked, and nothing takes its place',
				'issue another token', '55000');
		end if;
		update firebreak.passport p set replaced_by = $5 where p.issuer = $1 and p.token_id = $2;
	end if;
	return firebreak.append_revocation('revoke_token', issuer || ' ' || token_id,
		jsonb_build_object('issuer', issuer, 'token_id', token_id, 'from', extract(epoch from at)),
		greatest(now(), at) + firebreak.revocation_horizon(), reason);
end
$$;

-- RFC 7638; null for what is no public key.
create function firebreak.jwk_thumbprint(jwk jsonb) returns text language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
return rtrim(translate(encode(sha256(convert_to(case jwk ->> 'kty'
	when 'EC' then format('{"crv":%s,"kty":"EC","x":%s,"y":%s}', jwk -> 'crv', jwk -> 'x', jwk -> 'y')
	when 'OKP' then format('{"crv":%s,"kty":"OKP","x":%s}', jwk -> 'crv', jwk -> 'x')
	when 'RSA' then format('{"e":%s,"kty":"RSA","n":%s}', jwk -> 'e', jwk -> 'n')
end, 'UTF8')), 'base64'), '+/', '-_'), '=');

create or replace function firebreak.check_quarantine(action text, kind text, name text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	perform firebreak.require_given(action, $2 || ' ' || $3, '{kind,name}', array[$2 is not null, $3 is not null]);
	perform firebreak.check_word(action, $3, 'kind', $2, '{workload,segment,domain,issuer,key}');
	if $2 = 'workload' and not firebreak.is_workload($3) then
		perform firebreak.refuse(action, $3, 'name', 'is no SPIFFE ID of a workload',
			'write spiffe://trust-domain/path, exactly');
	elsif $2 = 'key' and $3 !~ '^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$' then
		perform firebreak.refuse(action, $3, 'name', 'is no JWK thumbprint',
			'write base64url(SHA-256), 43 characters, the last one of AEIMQUYcgkosw048 (RFC 7638)');
	elsif $2 = 'issuer' then
		perform firebreak.check_issuer(action, $3);
	elsif $2 in ('segment', 'domain') then
		perform firebreak.check_name(action, $3, 'name', $3);
	end if;
	if $2 = 'segment' and not exists (select from firebreak.segment s where s.name = $3)
		or $2 = 'domain' and not exists (select from firebreak.domain d where d.name = $3) then
		raise warning '%: no % % is stated; it takes effect all the same', action, $2, $3;
	elsif $2 = 'key'
		and not exists (select from firebreak.domain_key k where firebreak.jwk_thumbprint(k.jwk) = $3)
		and not exists (select from firebreak.issuer i cross join jsonb_array_elements(i.jwks -> 'keys') k
			where firebreak.jwk_thumbprint(k) = $3)
	then
		raise warning '%: no published key and no jwks of an issuer has the thumbprint %; it takes effect all the same%',
			action, $3, case when exists (select from firebreak.issuer i where i.jwks_uri is not null)
				then ' (keys at a jwks_uri are not known here)' else '' end;
	end if;
end
$$;

-- Makes a key known to every server, which verifies with it from then on. An end that is set stays unless another is
-- named. Gives the lane's seq.
create or replace function firebreak.publish_key(domain text, kid text, jwk jsonb, signs_from timestamptz, reason text,
	until timestamptz default null)
returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	given firebreak.domain_key;
	present firebreak.domain_key;
begin
	given.domain := domain;
	given.kid := kid;
	given.jwk := jwk;
	given.signs_from := signs_from;
	given.reason := reason;
	given.until := until;
	perform firebreak.require_given('domain_key', given.kid, '{domain,kid,jwk,signs_from,reason}',
		array[given.domain is not null, given.kid is not null, given.jwk is not null, given.signs_from is not null,
			given.reason is not null]);
	perform firebreak.check_domain_key(given.domain, given.kid);
	select k.* into present from firebreak.domain_key k where k.domain = given.domain and k.kid = given.kid;
	if given.until is null and present.until <= now() then
		perform firebreak.refuse('domain_key', given.domain || ' ' || given.kid, 'until',
			'is over: what is withdrawn stays so', 'publish another key', '55000');
	end if;
	given.until := coalesce(given.until, present.until);
	given.published_at := present.published_at;
	given.by := present."by";
	if given is distinct from present then
		insert into firebreak.domain_key (domain, kid, jwk, signs_from, until, reason)
			values (given.domain, given.kid, given.jwk, given.signs_from, given.until, given.reason)
			on conflict (domain, kid) do update set (jwk, signs_from, until, reason) =
				(excluded.jwk, excluded.signs_from, coalesce(excluded.until, domain_key.until), excluded.reason);
	end if;
	return (select max(r.seq) from firebreak.revocation r
		where r.kind = 'domain_key' and r.key = given.domain || ' ' || given.kid);
end
$$;

grant execute on function firebreak.hold_lane, firebreak.register_token, firebreak.jwk_thumbprint to firebreak_operator;
grant execute on function firebreak.register_token to firebreak_server;

reset role;
