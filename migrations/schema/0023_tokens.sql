-- What the database knows of tokens: passports, and the public halves of the keys that domains sign with. Servers need
-- some of it beforehand, and get that as rows of the revocation lane:
--
-- kind           key                          payload
-- passport       <issuer> <token id>          issuer, token_id, expires, not_before, scopes, passport
-- api_key        <issuer> <token id>          the same, and digest, subject, issued_at, binding
-- domain_key     <domain> <kid>               domain, kid, jwk, from
-- revoke_token   <issuer> <token id>          may have from: the instant from which it holds
--
-- Instants of payloads are seconds since the epoch. `passport` is what src/core/passport/passport.ts reads.

set local role firebreak_owner;

-- Raises in a file of `migrate up`: what takes effect without a migration is never one's business.
create function firebreak.require_by_hand(kind text, object text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	-- The setting names the file, but a file can reset it; the lock of `migrate up` lasts as long as its transaction.
	if coalesce(current_setting('firebreak.migration', true), '') <> '' or exists (select from pg_locks l
		where l.locktype = 'advisory' and l.pid = pg_backend_pid() and l.classid = 1179210309 and l.objid = 1112687947)
	then
		raise exception using errcode = 'object_not_in_prerequisite_state',
			message = format('%s %s: a policy file may not write %s', kind, object,
				case kind when 'revocation' then 'the revocation lane' else 'tokens and keys' end),
			detail = 'written by migration ' || coalesce(nullif(current_setting('firebreak.migration', true), ''), '(unnamed)'),
			hint = case kind when 'revocation'
				then 'call it on its own, from psql or the command line: revocations take effect without a migration'
				else 'call it on its own, from psql or the command line: it takes effect without a migration' end;
	end if;
end
$$;

create or replace function firebreak.number_revocation() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform firebreak.require_by_hand('revocation', new.key);
	update firebreak.revocation_counter c set seq = c.seq + 1 returning c.seq into new.seq;
	new.by := session_user;
	new.at := clock_timestamp();
	insert into firebreak.pending (transaction, lane) values (pg_current_xact_id(), 'revocation') on conflict do nothing;
	return new;
end
$$;

create or replace function firebreak.revocation_ok(kind text, key text, payload jsonb, reason text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if jsonb_typeof(payload) <> 'object' then
		perform firebreak.refuse('revocation', key, 'payload', 'is no JSON object', 'write {"name": value, ...}');
	end if;
	return firebreak.check_word('revocation', key, 'kind', kind,
			'{revoke_token,revoke_before,quarantine,lift,passport,api_key,domain_key}')
		and firebreak.check_text('revocation', key, 'key', key, 4096)
		and firebreak.check_text('revocation', key, 'reason', reason, 1024);
end
$$;
comment on table firebreak.revocation is
	'Append-only: revocations, quarantines, and what servers must know of tokens beforehand, in the order of seq';

-- As before, but a key's end is part of what its row says.
create or replace function firebreak.append_revocation(kind text, key text, payload jsonb, until timestamptz, reason text)
returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	given firebreak.revocation;
	last firebreak.revocation;
begin
	given.kind := kind;
	given.key := key;
	given.payload := payload;
	given.until := until;
	given.reason := reason;
	perform firebreak.require_given(given.kind, given.key, '{reason}', array[given.reason is not null]);

	select r.* into last from firebreak.revocation r
		where r.key = given.key and (r.kind = given.kind
			or r.kind in ('quarantine', 'lift') and given.kind in ('quarantine', 'lift'))
		order by r.seq desc limit 1;
	if last.kind = given.kind and last.payload = given.payload and last.reason = given.reason
		and (given.kind not in ('quarantine', 'lift', 'domain_key') or last.until is not distinct from given.until)
	then
		return last.seq;
	end if;
	insert into firebreak.revocation (kind, key, payload, until, reason)
		values (given.kind, given.key, given.payload, given.until, given.reason)
		returning seq into given.seq;
	return given.seq;
end
$$;

-- Tokens of an issuer that Firebreak signs for are verified with the keys of its domain.
create or replace function firebreak.issuer_ok(url text, profile text, audiences text[], algorithms text[],
	max_lifetime interval, binding text, jwks_uri text, jwks jsonb, options jsonb)
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
	elsif options -> 'signer' = '"firebreak"' and num_nonnulls(jwks_uri, jwks) > 0 then
		perform firebreak.refuse('issuer', url, case when jwks is null then 'jwks_uri' else 'jwks' end,
			'is given, but Firebreak signs these tokens with the keys of its domain', 'leave jwks and jwks_uri out');
	elsif profile <> 'api_key' and options -> 'signer' is distinct from '"firebreak"'
		and num_nonnulls(jwks_uri, jwks) <> 1 then
		perform firebreak.refuse('issuer', url, 'jwks', case when jwks is null then 'is missing, and so is jwks_uri'
			else 'and jwks_uri are both given' end, 'state exactly one of jwks_uri and jwks');
	end if;
	if jsonb_typeof(options) <> 'object' or octet_length(options::text) > 16384 then
		perform firebreak.refuse('issuer', url, 'options', 'is no JSON object of at most 16 KiB', 'write {"name": value, ...}');
	end if;
	return true;
end
$$;

-- Passports.

-- Why a JSON value is no time of the week, or null. Whether the zone exists is judged when a token is registered.
create function firebreak.window_problem(value jsonb) returns text language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
return case
	when jsonb_typeof(value) <> 'object' then 'is no object'
	when exists (select from jsonb_object_keys(value) k where k <> all ('{days,from,until,zone}'))
		then 'has a field other than days, from, until, zone'
	when coalesce(value ->> 'from', '') !~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' or jsonb_typeof(value -> 'from') <> 'string'
		then 'has no from between 00:00 and 23:59'
	when coalesce(value ->> 'until', '') !~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$'
		or jsonb_typeof(value -> 'until') <> 'string' then 'has no until between 00:00 and 24:00'
	when coalesce(value ->> 'zone', '') !~ '^(UTC|[A-Za-z_]+(/[A-Za-z0-9_+-]+)+)$'
		or jsonb_typeof(value -> 'zone') <> 'string' then 'has no IANA time zone, such as Europe/Berlin'
	when value ? 'days' and (jsonb_typeof(value -> 'days') <> 'array' or value -> 'days' = '[]'
		or not value -> 'days' <@ '["mon", "tue", "wed", "thu", "fri", "sat", "sun"]') then 'has days other than mon to sun'
end;

alter table firebreak.passport drop constraint passport_ok;
drop function firebreak.passport_ok;

alter table firebreak.passport
	add column kind text not null default 'registered',
	add column subject text,
	add column digest text,
	add column replaced_by text;
create unique index passport_digest on firebreak.passport (digest);
create index passport_subject on firebreak.passport (subject);
comment on table firebreak.passport is
	'Whose each token is, what for, and where it may be used, by (issuer, jti). Never the token itself';
comment on column firebreak.passport.kind is
	'issued: Firebreak signed it, and it carries its restrictions; registered: another issuer''s; api_key: opaque';
comment on column firebreak.passport.device is 'base64url SHA-256 of a certificate, or thumbprint of a key';
comment on column firebreak.passport.binding is
	'What the token itself is bound to, as in cnf: jkt:<thumbprint> or x5t#S256:<certificate hash>';
comment on column firebreak.passport.digest is 'base64url SHA-256 of an API key';
comment on column firebreak.passport.last_seen is
	'When it last let a request pass; records of traffic tell, some seconds later';
comment on column firebreak.passport.replaced_by is 'Id of the token that took its place';

create function firebreak.passport_ok(given firebreak.passport) returns boolean
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
	elsif given.binding !~ '^(jkt|x5t#S256):[A-Za-z0-9_-]{43}$' then
		perform firebreak.refuse('passport', given.token_id, 'binding', firebreak.shown(given.binding) || ' is no binding',
			'write jkt: or x5t#S256: and a base64url SHA-256');
	elsif given.device !~ '^[A-Za-z0-9_-]{43}$' then
		perform firebreak.refuse('passport', given.token_id, 'device', firebreak.shown(given.device) || ' is no SHA-256',
			'write base64url(SHA-256), 43 characters: of a certificate, or a key''s JWK thumbprint');
	elsif (given.kind = 'api_key') <> (coalesce(given.digest, '') ~ '^[A-Za-z0-9_-]{43}$')
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
alter table firebreak.passport add constraint passport_ok check (firebreak.passport_ok(passport));

-- Who wrote it and when cannot be forged; what is signed into a token cannot be changed; and what identifies one stays.
create function firebreak.guard_passport() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	perform firebreak.require_by_hand('passport', new.token_id);
	if tg_op = 'INSERT' then
		new.created_by := session_user;
		new.created_at := clock_timestamp();
		new.last_seen := null;
		new.uses := 0;
	elsif (new.issuer, new.token_id, new.kind, new.digest, new.created_at, new.created_by)
			is distinct from (old.issuer, old.token_id, old.kind, old.digest, old.created_at, old.created_by)
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
create trigger guard_passport_inserted before insert on firebreak.passport
	for each row execute function firebreak.guard_passport();
create trigger guard_passport_updated before update of issuer, token_id, kind, digest, owner, purpose, subject, scopes,
	sources, destinations, networks, environment, device, windows, not_before, expires, binding, created_at, created_by
	on firebreak.passport for each row execute function firebreak.guard_passport();

-- While it is not over, its row on servers would stay: it is revoked, or registered anew with an earlier end.
create function firebreak.keep_passport() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if old.expires > now() then
		perform firebreak.refuse('passport', old.token_id, 'expires', 'is not over yet',
			'revoke the token in place of that', '55000');
	end if;
	return old;
end
$$;
create trigger keep_passport before delete on firebreak.passport
	for each row execute function firebreak.keep_passport();

-- Tells servers of tokens that do not carry their passport themselves. The row outlives the passport, so that a token
-- that is used afterwards is known for what it is: a registered one for as long as any issuer may let tokens live.
create function firebreak.tell_passport() returns trigger
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
			'issued_at', extract(epoch from new.created_at));
	end if;
	perform firebreak.append_revocation(case new.kind when 'api_key' then 'api_key' else 'passport' end,
		new.issuer || ' ' || new.token_id, payload,
		greatest(now(), new.expires)
			+ case new.kind when 'api_key' then interval '7 days' else firebreak.revocation_horizon() end,
		new.purpose);
	return null;
end
$$;
create trigger tell_passport_inserted after insert on firebreak.passport
	for each row when (new.kind <> 'issued') execute function firebreak.tell_passport();
create trigger tell_passport_updated after update of owner, purpose, subject, scopes, sources, destinations, networks,
	environment, device, windows, not_before, expires, binding on firebreak.passport
	for each row when (new.kind <> 'issued') execute function firebreak.tell_passport();

-- Traffic says when a token was last used. Rows are locked in one order, so that servers that record at once do not
-- wait for each other in a circle.
create function firebreak.note_uses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	with used as (
		select f.token_issuer as issuer, f.token_id, sum(f.count) as uses, max(f.last) as last from inserted f
		where f.token_id is not null and f.token_issuer is not null group by f.token_issuer, f.token_id
	), held as (
		select p.issuer, p.token_id from firebreak.passport p join used u on u.issuer = p.issuer and u.token_id = p.token_id
		order by p.issuer, p.token_id for update of p
	)
	update firebreak.passport p set uses = p.uses + u.uses, last_seen = greatest(p.last_seen, u.last)
		from used u join held h on h.issuer = u.issuer and h.token_id = u.token_id
		where p.issuer = u.issuer and p.token_id = u.token_id;
	return null;
end
$$;
create trigger note_uses after insert on firebreak.flow
	referencing new table as inserted for each statement execute function firebreak.note_uses();

-- States the passport of one token; the seq of the lane's row that tells servers, null for one that carries it itself.
create function firebreak.register_token(issuer text, token_id text, owner text, purpose text, expires timestamptz,
	kind text default 'registered', subject text default null, scopes text[] default '{}', sources text[] default '{}',
	destinations text[] default '{}', networks cidr[] default '{}', environment text default null,
	device text default null, windows jsonb default '[]', not_before timestamptz default null,
	binding text default null, digest text default null)
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

	select p.* into present from firebreak.passport p where p.issuer = given.issuer and p.token_id = given.token_id;
	given.last_seen := present.last_seen;
	given.uses := present.uses;
	given.created_at := present.created_at;
	given.created_by := present.created_by;
	given.replaced_by := present.replaced_by;
	if given is distinct from present then
		insert into firebreak.passport (issuer, token_id, owner, purpose, expires, kind, subject, scopes, sources,
				destinations, networks, environment, device, windows, not_before, binding, digest)
			values (given.issuer, given.token_id, given.owner, given.purpose, given.expires, given.kind, given.subject,
				given.scopes, given.sources, given.destinations, given.networks, given.environment, given.device,
				given.windows, given.not_before, given.binding, given.digest)
			on conflict (issuer, token_id) do update set (owner, purpose, expires, kind, subject, scopes, sources,
				destinations, networks, environment, device, windows, not_before, binding, digest) =
				(excluded.owner, excluded.purpose, excluded.expires, excluded.kind, excluded.subject, excluded.scopes,
				excluded.sources, excluded.destinations, excluded.networks, excluded.environment, excluded.device,
				excluded.windows, excluded.not_before, excluded.binding, excluded.digest);
	end if;
	if given.kind = 'issued' then
		return null;
	end if;
	return (select max(r.seq) from firebreak.revocation r where r.key = given.issuer || ' ' || given.token_id
		and r.kind = case given.kind when 'api_key' then 'api_key' else 'passport' end);
end
$$;

-- Revokes a token from an instant on: one that another takes the place of. Revoked already, it stays so.
create function firebreak.retire_token(issuer text, token_id text, at timestamptz, reason text,
	replaced_by text default null)
returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
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
	if replaced_by is not null then
		update firebreak.passport p set replaced_by = $5 where p.issuer = $1 and p.token_id = $2;
	end if;
	return firebreak.append_revocation('revoke_token', issuer || ' ' || token_id,
		jsonb_build_object('issuer', issuer, 'token_id', token_id, 'from', extract(epoch from at)),
		greatest(now(), at) + firebreak.revocation_horizon(), reason);
end
$$;

-- Keys.

create function firebreak.domain_key_ok(domain text, kid text, jwk jsonb, signs_from timestamptz, until timestamptz)
returns boolean language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	key constant text := domain || ' ' || kid;
begin
	if kid !~ '^[A-Za-z0-9._-]{1,255}$' then
		perform firebreak.refuse('domain_key', key, 'kid', firebreak.shown(kid) || ' is no key id',
			'use letters, digits, "." "_" "-", at most 255');
	elsif jsonb_typeof(jwk) <> 'object' or octet_length(jwk::text) > 8192 then
		perform firebreak.refuse('domain_key', key, 'jwk', 'is no JSON object of at most 8 KiB', 'write a public JWK');
	elsif jwk ?| '{d,p,q,dp,dq,qi,oth,k,priv}' or jwk ->> 'kty' = 'oct' then
		perform firebreak.refuse('domain_key', key, 'jwk', 'holds private members', 'write the public half alone');
	elsif jwk -> 'kid' is distinct from to_jsonb(kid) or jwk ->> 'use' is distinct from 'sig'
		or coalesce(jwk ->> 'kty', '') <> all ('{EC,OKP,RSA}') then
		perform firebreak.refuse('domain_key', key, 'jwk', 'is no signature key of this id',
			'write kty, alg, use "sig", and the kid that it is published by');
	elsif not isfinite(signs_from) or not isfinite(until) then
		perform firebreak.refuse('domain_key', key, 'until', 'or signs_from is infinite', 'name an instant');
	end if;
	return firebreak.check_name('domain_key', key, 'domain', domain)
		and firebreak.check_list('domain_key', key, 'jwk', array[coalesce(jwk ->> 'alg', '')], 'algorithm');
end
$$;

create table firebreak.domain_key (
	domain text not null,
	kid text not null,
	jwk jsonb not null,
	signs_from timestamptz not null,
	until timestamptz,
	reason text not null,
	published_at timestamptz not null default now(),
	by text not null default session_user,
	primary key (domain, kid),
	constraint domain_key_ok check (firebreak.domain_key_ok(domain, kid, jwk, signs_from, until)),
	constraint domain_key_reason check (firebreak.check_text('domain_key', domain || ' ' || kid, 'reason', reason, 1024))
);
comment on table firebreak.domain_key is 'Public halves of the keys that domains sign their own tokens with';
comment on column firebreak.domain_key.signs_from is
	'It is published, and verifies, from when it is here; it signs from this instant';
comment on column firebreak.domain_key.until is 'From this instant it counts no more; null: none is set';

create function firebreak.guard_domain_key() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	perform firebreak.require_by_hand('domain_key', new.domain || ' ' || new.kid);
	if tg_op = 'INSERT' then
		new.by := session_user;
		new.published_at := clock_timestamp();
	elsif (new.domain, new.kid, new.jwk, new.signs_from, new.published_at, new."by")
		is distinct from (old.domain, old.kid, old.jwk, old.signs_from, old.published_at, old."by") then
		perform firebreak.refuse('domain_key', old.domain || ' ' || old.kid, 'kid',
			'is the id of a key that was published otherwise',
			'give the key an id of its own', '23505');
	elsif old.until <= now() and new.until is distinct from old.until then
		perform firebreak.refuse('domain_key', old.domain || ' ' || old.kid, 'until', 'is over: what is withdrawn stays so',
			'publish another key', '55000');
	end if;
	return new;
end
$$;
create trigger guard_domain_key before insert or update on firebreak.domain_key
	for each row execute function firebreak.guard_domain_key();

create function firebreak.tell_domain_key() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform firebreak.append_revocation('domain_key', new.domain || ' ' || new.kid,
		jsonb_build_object('domain', new.domain, 'kid', new.kid, 'jwk', new.jwk, 'from', extract(epoch from new.signs_from)),
		new.until, new.reason);
	return null;
end
$$;
create trigger tell_domain_key after insert or update on firebreak.domain_key
	for each row execute function firebreak.tell_domain_key();

create function firebreak.check_domain_key(domain text, kid text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if not exists (select from firebreak.domain d where d.name = $1) then
		raise warning 'domain_key %: no domain % is stated; it takes effect all the same', kid, $1;
	end if;
end
$$;

-- Makes a key known to every server, which verifies with it from then on. Gives the lane's seq.
create function firebreak.publish_key(domain text, kid text, jwk jsonb, signs_from timestamptz, reason text,
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
	given.published_at := present.published_at;
	given.by := present."by";
	if given is distinct from present then
		insert into firebreak.domain_key (domain, kid, jwk, signs_from, until, reason)
			values (given.domain, given.kid, given.jwk, given.signs_from, given.until, given.reason)
			on conflict (domain, kid) do update set (jwk, signs_from, until, reason) =
				(excluded.jwk, excluded.signs_from, excluded.until, excluded.reason);
	end if;
	return (select max(r.seq) from firebreak.revocation r
		where r.kind = 'domain_key' and r.key = given.domain || ' ' || given.kid);
end
$$;

-- Sets the instant from which a key counts no more: every token that it signed is refused from then on.
create function firebreak.withdraw_key(domain text, kid text, until timestamptz, reason text) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
	object constant text := domain || ' ' || kid;
	found_one boolean;
begin
	perform firebreak.require_given('domain_key', object, '{domain,kid,until,reason}',
		array[domain is not null, kid is not null, until is not null, reason is not null]);
	update firebreak.domain_key k set until = $3, reason = $4
		where k.domain = $1 and k.kid = $2 and (k.until, k.reason) is distinct from ($3, $4);
	select exists (select from firebreak.domain_key k where k.domain = $1 and k.kid = $2) into found_one;
	if not found_one then
		perform firebreak.refuse('domain_key', object, 'kid', 'is not published',
			'see table domain_key for those that are', '42704');
	end if;
	return (select max(r.seq) from firebreak.revocation r where r.kind = 'domain_key' and r.key = object);
end
$$;

-- Rights.

alter table firebreak.domain_key enable row level security, force row level security;
create policy schema_owner on firebreak.domain_key to firebreak_owner using (true) with check (true);
create policy reading on firebreak.domain_key for select using (true);
create policy operators on firebreak.domain_key to firebreak_operator using (true) with check (true);

grant select on firebreak.domain_key
	to firebreak_author, firebreak_server, firebreak_operator, firebreak_reader, firebreak_migrator;
grant insert, update on firebreak.domain_key to firebreak_operator;
grant execute on function firebreak.passport_ok, firebreak.window_problem, firebreak.domain_key_ok
	to firebreak_author, firebreak_server, firebreak_operator, firebreak_reader, firebreak_migrator;
grant execute on function firebreak.require_by_hand, firebreak.check_domain_key, firebreak.register_token,
	firebreak.retire_token, firebreak.publish_key, firebreak.withdraw_key
	to firebreak_operator;

reset role;
