-- How often a token was used is counted by itself, whatever else is recorded of its traffic: a domain that audits denials
-- alone keeps no flows, and an exchange is no request. And what is accepted fits: every id and subject that servers take can
-- be registered and revoked, so that no revocation fails for the length of a name.

set local role firebreak_owner;

drop trigger note_uses on firebreak.flow;
drop function firebreak.note_uses;

-- Adds [{"issuer", "token_id", "count", "last"}, ...] to the passports that are there; others are none's. Rows are locked in
-- one order, so that servers that count at once do not wait for each other in a circle.
create function firebreak.count_uses(counts jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	with used as (
		select c.issuer, c.token_id, sum(c.count) as uses, max(c.last) as last
		from jsonb_to_recordset($1) as c (issuer text, token_id text, count bigint, last timestamptz)
		where c.count > 0 group by c.issuer, c.token_id
	), held as (
		select p.issuer, p.token_id from firebreak.passport p join used u on u.issuer = p.issuer and u.token_id = p.token_id
		order by p.issuer, p.token_id for update of p
	)
	update firebreak.passport p set uses = p.uses + u.uses, last_seen = greatest(p.last_seen, u.last)
		from used u join held h on h.issuer = u.issuer and h.token_id = u.token_id
		where p.issuer = u.issuer and p.token_id = u.token_id;
end
$$;
grant execute on function firebreak.count_uses to firebreak_recorder;

comment on column firebreak.passport.uses is
	'Requests that it let pass, and exchanges for another token; a minute later';
comment on column firebreak.passport.last_seen is 'The last of its uses';

-- Deny rules know a token by all its scopes: without these a recorded decision could not be made again.
alter table firebreak.decision add column token_withheld_scopes text[];
comment on column firebreak.decision.token_withheld_scopes is
	'Scopes of the token that its registration takes away; token_scopes has the others';

-- An issuer's URL has 1024 bytes at most: with a token's id behind it, it is a key of the lane and of passports.
create or replace function firebreak.check_issuer(kind text, issuer text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
	if not firebreak.is_issuer(issuer) then
		perform firebreak.refuse(kind, issuer, 'issuer', firebreak.shown(issuer) || ' is no issuer URL',
			'write it as tokens have it in iss');
	end if;
	perform firebreak.check_text(kind, issuer, 'issuer', issuer, 1024);
	if not exists (select from firebreak.issuer i where i.url = $2) then
		raise warning '%: no issuer % is stated; it takes effect all the same', kind, issuer;
	end if;
end
$$;
alter table firebreak.issuer add constraint issuer_url_length check (firebreak.check_text('issuer', url, 'url', url, 1024));

-- A B-tree keeps no text of more than some 2,700 bytes; an issuer with a subject behind it may have 3,073.
drop index firebreak.revocation_last;
create index revocation_last on firebreak.revocation using hash (key);

create or replace function firebreak.revoke_before(issuer text, issued_before timestamptz, reason text,
	subject text default null)
returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
	perform firebreak.require_given('revoke_before', issuer, '{issuer,issued_before}',
		array[issuer is not null, issued_before is not null]);
	perform firebreak.check_issuer('revoke_before', issuer);
	if not isfinite(issued_before) then
		perform firebreak.refuse('revoke_before', issuer, 'issued_before', 'is infinite', 'name an instant, such as now()');
	elsif subject = '' or octet_length(subject) > 2048 then
		perform firebreak.refuse('revoke_before', issuer, 'subject', 'is empty or longer than 2048 bytes',
			'write the token''s sub, or leave it out for every subject');
	end if;
	return firebreak.append_revocation('revoke_before', issuer || coalesce(' ' || subject, ''),
		jsonb_build_object('issuer', issuer, 'issued_before', extract(epoch from issued_before), 'subject', subject),
		greatest(now(), issued_before) + firebreak.revocation_horizon(), reason);
end
$$;

reset role;
