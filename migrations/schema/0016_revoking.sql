-- The functions of the revocation lane, for operators. Each gives the seq of the row that holds: the one it appended,
-- or the newest of its key when that says the same already.

set local role firebreak_owner;

-- How long a revocation is kept: no issuer may grant a longer lifetime, now or after a change, so no token outlives
-- it.
create function firebreak.revocation_horizon() returns interval language sql immutable parallel safe
return interval '367 days';

-- Appends unless the newest row of the key says the same; gives the seq that holds.
create function firebreak.append_revocation(kind text, key text, payload jsonb, until timestamptz, reason text)
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
		and (given.kind in ('revoke_token', 'revoke_before') or last.until is not distinct from given.until)
	then
		return last.seq;
	end if;
	insert into firebreak.revocation (kind, key, payload, until, reason)
		values (given.kind, given.key, given.payload, given.until, given.reason)
		returning seq into given.seq;
	return given.seq;
end
$$;

create function firebreak.check_issuer(kind text, issuer text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if not firebreak.is_issuer(issuer) then
		perform firebreak.refuse(kind, issuer, 'issuer', firebreak.shown(issuer) || ' is no issuer URL',
			'write it as tokens have it in iss');
	elsif not exists (select from firebreak.issuer i where i.url = $2) then
		raise warning '%: no issuer % is stated; it takes effect all the same', kind, issuer;
	end if;
end
$$;

create function firebreak.check_quarantine(action text, kind text, name text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	perform firebreak.require_given(action, $2 || ' ' || $3, '{kind,name}', array[$2 is not null, $3 is not null]);
	perform firebreak.check_word(action, $3, 'kind', $2, '{workload,segment,domain,issuer,key}');
	if $2 = 'workload' and not firebreak.is_workload($3) then
		perform firebreak.refuse(action, $3, 'name', 'is no SPIFFE ID of a workload',
			'write spiffe://trust-domain/path, exactly');
	elsif $2 = 'key' and $3 !~ '^[A-Za-z0-9_-]{43}$' then
		perform firebreak.refuse(action, $3, 'name', 'is no JWK thumbprint',
			'write base64url(SHA-256), 43 characters (RFC 7638)');
	elsif $2 = 'issuer' then
		perform firebreak.check_issuer(action, $3);
	elsif $2 in ('segment', 'domain') then
		perform firebreak.check_name(action, $3, 'name', $3);
	end if;
	if $2 = 'segment' and not exists (select from firebreak.segment s where s.name = $3)
		or $2 = 'domain' and not exists (select from firebreak.domain d where d.name = $3) then
		raise warning '%: no % % is stated; it takes effect all the same', action, $2, $3;
	end if;
end
$$;

create function firebreak.revoke_token(issuer text, token_id text, reason text) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
	perform firebreak.require_given('revoke_token', token_id, '{issuer,token_id}',
		array[issuer is not null, token_id is not null]);
	perform firebreak.check_issuer('revoke_token', issuer);
	if token_id = '' or octet_length(token_id) > 1024 then
		perform firebreak.refuse('revoke_token', token_id, 'token_id', 'is empty or longer than 1024 bytes',
			'write the token''s jti, never the token');
	end if;
	return firebreak.append_revocation('revoke_token', issuer || ' ' || token_id,
		jsonb_build_object('issuer', issuer, 'token_id', token_id), now() + firebreak.revocation_horizon(), reason);
end
$$;

-- Every token of the issuer (or of one subject of it) that was issued before the instant.
create function firebreak.revoke_before(issuer text, issued_before timestamptz, reason text, subject text default null)
returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
	perform firebreak.require_given('revoke_before', issuer, '{issuer,issued_before}',
		array[issuer is not null, issued_before is not null]);
	perform firebreak.check_issuer('revoke_before', issuer);
	if not isfinite(issued_before) then
		perform firebreak.refuse('revoke_before', issuer, 'issued_before', 'is infinite', 'name an instant, such as now()');
	elsif subject = '' or octet_length(subject) > 1024 then
		perform firebreak.refuse('revoke_before', issuer, 'subject', 'is empty or longer than 1024 bytes',
			'write the token''s sub, or leave it out for every subject');
	end if;
	return firebreak.append_revocation('revoke_before', issuer || coalesce(' ' || subject, ''),
		jsonb_build_object('issuer', issuer, 'issued_before', extract(epoch from issued_before), 'subject', subject),
		greatest(now(), issued_before) + firebreak.revocation_horizon(), reason);
end
$$;

create function firebreak.quarantine(kind text, name text, reason text, until timestamptz default null) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
	perform firebreak.check_quarantine('quarantine', kind, name);
	return firebreak.append_revocation('quarantine', kind || ':' || name,
		jsonb_build_object('kind', kind, 'name', name), until, reason);
end
$$;

-- Ends a quarantine. Null, with a notice, when there is none in force.
create function firebreak.lift(kind text, name text, reason text) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
	perform firebreak.check_quarantine('lift', kind, name);
	if not exists (select from firebreak.quarantine q where q.kind = kind and q.name = name) then
		raise notice '% %: is not in quarantine, nothing to lift', kind, name;
		return null;
	end if;
	return firebreak.append_revocation('lift', kind || ':' || name,
		jsonb_build_object('kind', kind, 'name', name), null, reason);
end
$$;

reset role;
