-- The policy set as it stands. One row is one whole object; the history tables keep what it was before.
--
-- Names are global for each kind. References are checked at the end of the transaction, so that files may state
-- objects in any order. Column names and meanings are those of src/core/model.ts.

set local role firebreak_owner;

create table firebreak.owner (
	name text primary key,
	role text,
	constraint owner_ok check (firebreak.owner_ok(name, role))
);
comment on table firebreak.owner is 'Who answers for objects: a team, and the Postgres role that may write for it';
comment on column firebreak.owner.role is 'Null: only operators write for this owner';

create table firebreak.domain (
	name text primary key,
	owner text not null references firebreak.owner deferrable initially deferred,
	flow text not null,
	passport text not null,
	on_stale text not null,
	hidden boolean not null,
	audit text not null,
	mode text not null,
	constraint domain_ok check (firebreak.domain_ok(name, flow, passport, on_stale, audit, mode))
);
create index domain_owner on firebreak.domain (owner);
comment on table firebreak.domain is
	'A trust zone of APIs with its own authentication flow, issuers, rate limits and audit level';

create table firebreak.issuer (
	url text primary key,
	domain text not null references firebreak.domain deferrable initially deferred,
	profile text not null,
	audiences text[] not null,
	algorithms text[] not null,
	max_lifetime interval not null,
	binding text not null,
	jwks_uri text,
	jwks jsonb,
	options jsonb not null,
	constraint issuer_ok check
		(firebreak.issuer_ok(url, profile, audiences, algorithms, max_lifetime, binding, jwks_uri, jwks, options))
);
create index issuer_domain on firebreak.issuer (domain);
comment on table firebreak.issuer is 'Who signs tokens for a domain. Public keys only';

create table firebreak.segment (
	name text primary key,
	domain text not null references firebreak.domain deferrable initially deferred,
	environment text not null,
	owner text not null references firebreak.owner deferrable initially deferred,
	probes text[] not null,
	path_exceptions text[] not null,
	credential_upstream text not null,
	trusted_proxy boolean not null,
	enforcer boolean not null,
	mode text not null,
	-- What a policy refers to: a policy's owner is its destination's.
	unique (name, owner),
	constraint segment_ok check
		(firebreak.segment_ok(name, environment, probes, path_exceptions, credential_upstream, mode))
);
create index segment_domain on firebreak.segment (domain);
create index segment_owner on firebreak.segment (owner);
comment on table firebreak.segment is 'A named set of workloads in exactly one domain and one environment';

create table firebreak.segment_member (
	segment text not null references firebreak.segment on delete cascade deferrable initially deferred,
	selector text not null,
	primary key (segment, selector),
	-- A workload belongs to one segment. Deferred, so that a member can move within one transaction.
	constraint segment_member_selector unique (selector) deferrable initially deferred,
	constraint segment_member_ok check (firebreak.segment_member_ok(segment, selector))
);
comment on table firebreak.segment_member is 'SPIFFE IDs of a segment''s workloads, exact or ending in /*';

create table firebreak.crossing (
	name text primary key,
	owner text not null references firebreak.owner deferrable initially deferred,
	reason text not null,
	expires timestamptz not null,
	source_domain text not null references firebreak.domain deferrable initially deferred,
	destination_domain text not null references firebreak.domain deferrable initially deferred,
	source_environment text,
	destination_environment text,
	flow text,
	constraint crossing_pair unique nulls not distinct
		(source_domain, destination_domain, source_environment, destination_environment) deferrable initially deferred,
	constraint crossing_ok check (firebreak.crossing_ok(name, reason, expires, source_domain, destination_domain,
		source_environment, destination_environment, flow))
);
create index crossing_owner on firebreak.crossing (owner);
create index crossing_destination on firebreak.crossing (destination_domain);
comment on table firebreak.crossing is
	'A directed contract from one domain or environment to another; offered here, see crossing_acceptance';

create table firebreak.crossing_acceptance (
	crossing text primary key,
	owner text not null,
	content jsonb not null
);
comment on table firebreak.crossing_acceptance is
	'Consent of the destination domain''s owner, to exactly this content; who and when is in crossing_history';

create table firebreak.policy (
	name text primary key,
	effect text not null,
	source text not null,
	destination text not null,
	owner text not null,
	methods text[] not null,
	paths text[] not null,
	grpc text[] not null,
	hosts text[] not null,
	scopes text[] not null,
	scopes_any text[] not null,
	condition text,
	upgrade text,
	valid tstzrange not null,
	mode text not null,
	reason text,
	source_segment text generated always as (case when source not in ('*', 'anonymous') then source end) stored
		references firebreak.segment deferrable initially deferred,
	foreign key (destination, owner) references firebreak.segment (name, owner) deferrable initially deferred,
	constraint policy_ok check (firebreak.policy_ok(name, effect, source, methods, paths, grpc, hosts, scopes, scopes_any,
		condition, upgrade, valid, mode, reason))
);
create index policy_source on firebreak.policy (source_segment);
create index policy_destination on firebreak.policy (destination);
comment on table firebreak.policy is 'One allow or deny rule from a source to a destination segment';

create table firebreak.rate_limit (
	kind text not null,
	name text not null,
	per_second numeric not null,
	burst integer not null,
	primary key (kind, name),
	segment text generated always as (case when kind in ('source', 'segment') then name end) stored
		references firebreak.segment deferrable initially deferred,
	domain text generated always as (case when kind = 'domain' then name end) stored
		references firebreak.domain deferrable initially deferred,
	issuer text generated always as (case when kind = 'token' then name end) stored
		references firebreak.issuer deferrable initially deferred,
	constraint rate_limit_ok check (firebreak.rate_limit_ok(kind, name, per_second, burst))
);
create unique index rate_limit_key on firebreak.rate_limit ((kind || ':' || name));
create index rate_limit_segment on firebreak.rate_limit (segment);
comment on table firebreak.rate_limit is
	'A budget of a source segment, a destination domain or segment, or each token of an issuer';

reset role;
