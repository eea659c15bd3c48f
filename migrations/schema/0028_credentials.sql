-- What people state is kept for ever, in sight of whoever reads policies, the revocation lane and passports: a token, an
-- API key, a private key or a password in a URL that somebody pasted must not get there, nor into an error. The command line
-- and HTTP refuse it beforehand, by src/core/credential-text.ts; test/cases/credential-texts.ts holds both to the same.

set local role firebreak_owner;

-- Whether a text is or holds one.
create function firebreak.holds_credential(value text) returns boolean language sql immutable parallel safe
return value ~ (
	-- A compact JWS or JWE, with or without its header.
	'(?:eyJ|eyAi|ewogI|ew0KI)[A-Za-z0-9_-]{8,}(?:[.][A-Za-z0-9_-]{8,}|[.][A-Za-z0-9_-]*[.])'
	-- An API key; one that was cut or mistyped, as a word of its own.
	|| '|fbk_[0-9A-Za-z]{43}_|(?<![0-9A-Za-z_-])fbk_[0-9A-Za-z]{16,}'
	-- A private key in PEM, the beginning of its body, and in JSON.
	|| '|-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY'
	|| '|M(?:[A-Za-z0-9+/]{2}CAQ(?:Aw|EEI)|I[GH][A-Za-z0-9+/]Ag(?:EAM|EBB[DE])|II[A-Za-z0-9+/]{3}IBA(?:DA|AKC))[A-Za-z0-9+/=]{16,}'
	|| '|\\*"[dk]\\*"\s*:\s*\\*"[A-Za-z0-9_-]{16,}'
	-- A password in a URL or a connection string; asterisks hide none.
	|| '|://[^\s/?#@:"|]*:(?!\d{1,5}\|)[^\s/?#"*][^\s/?#"]*@|[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd]=[^\s&#''"*]');

-- As before, and no error repeats a credential.
create or replace function firebreak.refuse(kind text, object text, argument text, cause text, cure text,
	code text default '23514', migration text default null)
returns boolean language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if firebreak.holds_credential(object) or firebreak.holds_credential(cause) then
		object := case when firebreak.holds_credential(object) then '[credential]' else object end;
		cause := 'holds a credential itself (not repeated here)';
		cure := 'leave it out, and take it for leaked; a token is named by its jti, which firebreak token show --token-file tells';
	end if;
	raise exception using
		errcode = code,
		message = format('%s %s, %s: %s', kind, coalesce(nullif(left(object, 300), ''), '(no name)'), argument, cause),
		hint = cure || coalesce(' (written by migration ' || migration || ')', ''),
		schema = 'firebreak', table = kind, column = argument;
end
$$;

create or replace function firebreak.shown(value text) returns text language sql immutable parallel safe
return case
	when value is null then 'null'
	when firebreak.holds_credential(value) then '[credential]'
	when length(value) > 120 then '"' || left(value, 120) || '"...'
	else '"' || value || '"'
end;

-- Names and ids are looked at before anything is said of them, be it a warning that nobody knows them.
create or replace function firebreak.is_name(value text) returns boolean language sql immutable parallel safe
return value ~ '^[A-Za-z0-9_][A-Za-z0-9._:/@+-]*$' and octet_length(value) <= 253
	and value !~* '^(anonymous$|spiffe:)' and not firebreak.holds_credential(value);

create or replace function firebreak.is_owner_name(value text) returns boolean language sql immutable parallel safe
return value ~ '^[A-Za-z0-9_][A-Za-z0-9._-]*$' and octet_length(value) <= 253 and not firebreak.holds_credential(value);

create or replace function firebreak.is_workload(value text) returns boolean language sql immutable parallel safe
return value ~ '^spiffe://[a-z0-9._-]+(/[A-Za-z0-9._-]+)+$' and substr(value, 10) !~ '/\.\.?(/|$)'
	and octet_length(value) <= 2048 and octet_length(split_part(value, '/', 3)) <= 255
	and not firebreak.holds_credential(value);

create or replace function firebreak.is_issuer(value text) returns boolean language sql immutable parallel safe
return (firebreak.is_url(value, false) or value ~ '^spiffe://[a-z0-9._-]+$' and octet_length(value) <= 264)
	and not firebreak.holds_credential(value);

-- As before, for a name.
create or replace function firebreak.check_domain_key(domain text, kid text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	perform firebreak.check_name('domain_key', kid, 'domain', $1);
	if not exists (select from firebreak.domain d where d.name = $1) then
		raise warning 'domain_key %: no domain % is stated; it takes effect all the same', kid, $1;
	end if;
end
$$;

-- Before a row of what people state is written. A trigger, since a constraint that fails shows the whole row.
create function firebreak.refuse_credentials() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
	given constant jsonb := to_jsonb(new);
	payload constant jsonb := case jsonb_typeof(given -> 'payload') when 'object' then given -> 'payload' end;
	exposed text;
begin
	if not firebreak.holds_credential((select string_agg(value, E'\n') from jsonb_each_text(given))) then
		return new;
	end if;
	-- The argument of a function is named rather than the column that it became part of.
	select key into exposed from (
		select key, value, 1 as place from jsonb_each_text(payload)
		union all
		select key, value, 2 from jsonb_each_text(given)
	) part where firebreak.holds_credential(value) order by place, key limit 1;
	perform firebreak.refuse(tg_table_name,
		coalesce(given ->> 'name', given ->> 'url', given ->> 'token_id', given ->> 'kid', given ->> 'segment', given ->> 'kind'),
		coalesce(exposed, 'row'), 'holds a credential itself (not repeated here)',
		'leave it out, and take it for leaked; a token is named by its jti, which firebreak token show --token-file tells');
end
$$;

do $$
declare
	stated text;
begin
	foreach stated in array '{owner,domain,issuer,segment,segment_member,crossing,policy,rate_limit,domain_key}'::text[] loop
		execute format('create trigger refuse_credentials before insert or update on firebreak.%I
			for each row execute function firebreak.refuse_credentials()', stated);
	end loop;
end
$$;
create trigger refuse_credentials before insert on firebreak.revocation
	for each row execute function firebreak.refuse_credentials();
-- Not for the use that is counted.
create trigger refuse_credentials before insert or update of issuer, token_id, owner, purpose, subject, scopes, sources,
	destinations, environment, device, windows, binding
	on firebreak.passport for each row execute function firebreak.refuse_credentials();

-- As before: what 0027 looked for here, the trigger finds.
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

grant execute on function firebreak.holds_credential
	to firebreak_author, firebreak_server, firebreak_operator, firebreak_reader, firebreak_migrator;

reset role;
