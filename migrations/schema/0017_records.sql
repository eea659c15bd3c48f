-- Servers, token passports, and the records of what was decided. Nothing here sends NOTIFY.

set local role firebreak_owner;

create table firebreak.server (
	id text primary key,
	epoch text not null,
	revision bigint not null,
	seq bigint not null,
	started timestamptz not null,
	heartbeat timestamptz not null default now()
);
comment on table firebreak.server is 'Running servers, and the revision and seq that each enforces';

create function firebreak.passport_ok(token_id text, owner text, purpose text, scopes text[], windows jsonb,
	not_before timestamptz, expires timestamptz)
returns boolean language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if jsonb_typeof(windows) <> 'array' then
		perform firebreak.refuse('passport', token_id, 'windows', 'is no JSON array', 'write [] or a list of windows');
	elsif not isfinite(expires) or not_before >= expires then
		perform firebreak.refuse('passport', token_id, 'expires', 'is infinite, or not after not_before',
			'name the instant at which it ends');
	end if;
	return firebreak.check_owner_name('passport', token_id, 'owner', owner)
		and firebreak.check_text('passport', token_id, 'purpose', purpose, 1024)
		and firebreak.check_list('passport', token_id, 'scopes', scopes, 'scope');
end
$$;

create table firebreak.passport (
	issuer text not null,
	token_id text not null,
	owner text not null,
	purpose text not null,
	scopes text[] not null default '{}',
	destinations text[] not null default '{}',
	sources text[] not null default '{}',
	networks cidr[] not null default '{}',
	environment text,
	device text,
	windows jsonb not null default '[]',
	not_before timestamptz,
	expires timestamptz not null,
	binding text,
	last_seen timestamptz,
	uses bigint not null default 0,
	created_at timestamptz not null default now(),
	created_by text not null default session_user,
	primary key (issuer, token_id),
	constraint passport_ok check
		(firebreak.passport_ok(token_id, owner, purpose, scopes, windows, not_before, expires))
);
create index passport_owner on firebreak.passport (owner);
create index passport_expires on firebreak.passport (expires);
comment on table firebreak.passport is 'The owner''s record of a token, by (issuer, jti). Never the token itself';
comment on column firebreak.passport.sources is
	'Segments or SPIFFE IDs that may use it; empty: not restricted. So with the other lists';
comment on column firebreak.passport.device is 'Thumbprint of a certificate or key';
comment on column firebreak.passport.binding is 'Thumbprint of the key or certificate that the token is bound to';

create table firebreak.decision (
	id text primary key,
	at timestamptz not null,
	server text,
	kind text not null,
	decision text not null check (decision in ('allow', 'deny')),
	reason text not null,
	detail text,
	policy text,
	epoch text,
	revision bigint,
	mode text,
	would jsonb,
	source_segment text,
	source_domain text,
	source_environment text,
	source_principal text,
	destination_segment text,
	destination_domain text,
	destination_environment text,
	destination_principal text,
	crossing text,
	peer_address inet,
	method text,
	host text,
	path text,
	token_issuer text,
	token_id text,
	token_owner text,
	token_scopes text[],
	trace_id text,
	count bigint not null default 1 check (count > 0)
);
create index decision_at on firebreak.decision (at);
create index decision_source on firebreak.decision (source_segment, at);
create index decision_destination on firebreak.decision (destination_segment, at);
create index decision_token on firebreak.decision (token_issuer, token_id, at) where token_id is not null;
comment on table firebreak.decision is 'Denials, crossings, would-be denials and first-seen edges, each in full';
comment on column firebreak.decision.kind is 'Why it is recorded: denial, crossing, monitor, edge, ...';
comment on column firebreak.decision.count is 'How many alike this row stands for, when a flood was coalesced';
comment on column firebreak.decision.would is 'Under monitor: {reason, detail} of the denial that was not made';

create table firebreak.flow (
	minute timestamptz not null check (minute = date_trunc('minute', minute, 'UTC')),
	server text,
	source text not null,
	destination text not null,
	operation text not null,
	token_issuer text,
	token_id text,
	count bigint not null check (count > 0),
	first timestamptz not null,
	last timestamptz not null
);
create index flow_minute on firebreak.flow (minute);
create index flow_edge on firebreak.flow (destination, source, minute);
create index flow_token on firebreak.flow (token_issuer, token_id, minute) where token_id is not null;
comment on table firebreak.flow is
	'Allowed traffic: one row a minute and server for each source, destination, operation and token';

reset role;
