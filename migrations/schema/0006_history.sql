-- Two lanes, each numbered by its own counter row; the history of the policy lane; the head of both.
--
-- A number is taken by updating the counter row and is held until the transaction ends, so numbers are committed in
-- their order. (A sequence commits out of order, so that a reader of it skips rows.) The lanes share no row, so that
-- an open policy migration never holds a revocation back.

set local role firebreak_owner;

create table firebreak.installation (
	single boolean primary key default true check (single),
	id uuid not null default gen_random_uuid()
);
insert into firebreak.installation default values;
comment on table firebreak.installation is
	'What told this database apart when it was made, or when its epoch was last renewed';

create table firebreak.policy_counter (
	single boolean primary key default true check (single),
	revision bigint not null default 0
);
insert into firebreak.policy_counter default values;

create table firebreak.revocation_counter (
	single boolean primary key default true check (single),
	seq bigint not null default 0
);
insert into firebreak.revocation_counter default values;

-- The line of history that the numbers belong to. It changes by itself when the cluster fails over (another timeline)
-- and when the data are copied into another database or cluster; renew_epoch() is for what Postgres cannot see.
create function firebreak.epoch() returns text language sql stable security definer set search_path = pg_catalog, pg_temp
return (
	select left(encode(sha256(convert_to(concat_ws('/',
		i.id,
		(select s.system_identifier from pg_control_system() s),
		case when pg_is_in_recovery() then (select lpad(to_hex(c.timeline_id), 8, '0') from pg_control_checkpoint() c)
			else lower(left(pg_walfile_name(pg_current_wal_lsn()), 8)) end,
		(select d.oid from pg_database d where d.datname = current_database())
	), 'UTF8')), 'hex'), 32)
	from firebreak.installation i
);

-- The newest committed number of each lane. Numbers are compared only within one epoch.
create view firebreak.head as
	select firebreak.epoch() as epoch, p.revision, r.seq
	from firebreak.policy_counter p, firebreak.revocation_counter r;
comment on view firebreak.head is 'Epoch and newest number of each lane; numbers are compared only within one epoch';

-- A hint that the head moved, sent at commit: `epoch revision seq`. The poll of `head` is the truth.
create function firebreak.notify_head() returns void language sql volatile
begin atomic
	select pg_notify('firebreak_head', concat_ws(' ', h.epoch, h.revision, h.seq)) from firebreak.head h;
end;

-- For the schema's owner, after a restore that Postgres itself cannot tell (a copied volume, say): every server then
-- loads afresh instead of comparing numbers.
create function firebreak.renew_epoch() returns text language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	update firebreak.installation set id = gen_random_uuid();
	perform firebreak.notify_head();
	return firebreak.epoch();
end
$$;

create table firebreak.revision (
	number bigint primary key,
	at timestamptz not null default clock_timestamp(),
	by text not null default session_user,
	migrations text[] not null default '{}',
	transaction xid8 not null default pg_current_xact_id(),
	digest bytea
);
comment on table firebreak.revision is 'One row for each transaction that changed the policy set';
comment on column firebreak.revision.migrations is
	'The migration files that changed something; empty when it was done by hand';
comment on column firebreak.revision.digest is
	'SHA-256 over the digest before it, this row and what it changed: see revision_digest()';

-- What each object was, from the revision that made it so until, exclusively, the one that ended it.
create table firebreak.history (
	kind text not null,
	name text not null,
	from_revision bigint not null,
	to_revision bigint,
	owner text,
	destination text,
	spec jsonb not null,
	at timestamptz not null,
	by text not null,
	migration text,
	ended_at timestamptz,
	ended_by text,
	ended_migration text,
	primary key (kind, name, from_revision),
	check (to_revision > from_revision)
);
-- "What changed since n" is every row with from_revision > n or to_revision > n.
create unique index history_open on firebreak.history (kind, name) where to_revision is null;
create index history_from on firebreak.history (from_revision);
create index history_to on firebreak.history (to_revision) where to_revision is not null;
comment on table firebreak.history is 'Every state of every object, with the half-open range of revisions in which it held';
comment on column firebreak.history.owner is 'Null for kinds that have none of their own: an issuer is its domain''s';
comment on column firebreak.history.destination is 'Of a policy, so that both shards of a moved one are known';
comment on column firebreak.history.by is 'The session''s login role';
comment on column firebreak.history.migration is 'The setting firebreak.migration when the object was written; null by hand';

do $$
declare
	kind text;
begin
	foreach kind in array array['owner', 'domain', 'issuer', 'segment', 'crossing', 'policy', 'rate_limit'] loop
		execute format('create view firebreak.%I as select name, from_revision, to_revision, owner, destination, spec, '
			'at, by, migration, ended_at, ended_by, ended_migration from firebreak.history where kind = %L',
			kind || '_history', kind);
	end loop;
end
$$;

-- Which objects a transaction has touched, until its end. Nothing here outlives its transaction.
create unlogged table firebreak.touched (
	transaction xid8 not null,
	kind text not null,
	name text not null,
	migration text,
	primary key (transaction, kind, name)
);

-- Which lanes a transaction has touched: the deferred triggers on this table are what runs at its end, once for each
-- lane.
create unlogged table firebreak.pending (
	transaction xid8 not null,
	lane text not null,
	primary key (transaction, lane)
);

reset role;
