-- The revocation lane: an append-only sequence of revocations and quarantines, apart from the policy set.
--
-- It asks nothing of the policy tables: servers may be enforcing an older revision than the newest, and a revocation
-- must hold there too. So an unknown name is a warning, never an error.
--
-- kind           key                          payload
-- revoke_token   <issuer> <token id>          issuer, token_id
-- revoke_before  <issuer>[ <subject>]         issuer, issued_before (seconds since the epoch), subject (or null: every one)
-- quarantine     <kind>:<name>                kind, name
-- lift           <kind>:<name>                kind, name
--
-- For one key of a kind (quarantine and lift count as one) the newest row holds; revoke_before never goes back.

set local role firebreak_owner;

create function firebreak.revocation_ok(kind text, key text, payload jsonb, reason text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if jsonb_typeof(payload) <> 'object' then
		perform firebreak.refuse('revocation', key, 'payload', 'is no JSON object', 'write {"name": value, ...}');
	end if;
	return firebreak.check_word('revocation', key, 'kind', kind, '{revoke_token,revoke_before,quarantine,lift}')
		and firebreak.check_text('revocation', key, 'key', key, 4096)
		and firebreak.check_text('revocation', key, 'reason', reason, 1024);
end
$$;

create table firebreak.revocation (
	seq bigint primary key,
	kind text not null,
	key text not null,
	payload jsonb not null,
	until timestamptz,
	reason text not null,
	by text not null,
	at timestamptz not null,
	constraint revocation_ok check (firebreak.revocation_ok(kind, key, payload, reason))
);
-- What is in force for one key: the last row of it.
create index revocation_last on firebreak.revocation (key, seq desc);
create index revocation_quarantine on firebreak.revocation (key, seq desc) where kind in ('quarantine', 'lift');
create index revocation_until on firebreak.revocation (until) where until is not null;
comment on table firebreak.revocation is 'Append-only: revocations and quarantines, in the order of seq';
comment on column firebreak.revocation.until is 'After this instant the row has no effect; null: for ever, or until lifted';

-- Numbers the row, dates and signs it. The counter row is this lane's own: nothing that policy does locks it.
create function firebreak.number_revocation() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	-- The setting names the file, but a file can reset it; the lock of `migrate up` lasts as long as its transaction.
	if coalesce(current_setting('firebreak.migration', true), '') <> '' or exists (select from pg_locks l
		where l.locktype = 'advisory' and l.pid = pg_backend_pid() and l.classid = 1179210309 and l.objid = 1112687947)
	then
		raise exception using errcode = 'object_not_in_prerequisite_state',
			message = format('revocation %s: a policy file may not write the revocation lane', new.key),
			detail = 'written by migration ' || coalesce(nullif(current_setting('firebreak.migration', true), ''), '(unnamed)'),
			hint = 'call it on its own, from psql or the command line: revocations take effect without a migration';
	end if;
	update firebreak.revocation_counter c set seq = c.seq + 1 returning c.seq into new.seq;
	new.by := session_user;
	new.at := clock_timestamp();
	insert into firebreak.pending (transaction, lane) values (pg_current_xact_id(), 'revocation') on conflict do nothing;
	return new;
end
$$;
create trigger number_revocation before insert on firebreak.revocation
	for each row execute function firebreak.number_revocation();

create function firebreak.refuse_rewrite() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	raise exception using errcode = 'feature_not_supported',
		message = format('table %s: is append-only', tg_table_name),
		hint = 'append what holds now: lift(...) ends a quarantine';
end
$$;
create trigger refuse_rewrite before update or truncate on firebreak.revocation
	execute function firebreak.refuse_rewrite();

-- One NOTIFY for each transaction, at its end.
create function firebreak.commit_revocation() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	delete from firebreak.pending p where p.transaction = new.transaction and p.lane = new.lane;
	perform firebreak.notify_head();
	return null;
end
$$;
create constraint trigger commit_revocation after insert on firebreak.pending deferrable initially deferred
	for each row when (new.lane = 'revocation') execute function firebreak.commit_revocation();

-- What is in quarantine now.
create view firebreak.quarantine as
	select last.payload ->> 'kind' as kind, last.payload ->> 'name' as name, last.reason, last.until, last.by, last.at,
		last.seq
	from (
		select distinct on (r.key) r.* from firebreak.revocation r
		where r.kind in ('quarantine', 'lift') order by r.key, r.seq desc
	) last
	where last.kind = 'quarantine' and (last.until is null or last.until > now());
comment on view firebreak.quarantine is 'Workloads, segments, domains, issuers and keys that are in quarantine now';

reset role;
