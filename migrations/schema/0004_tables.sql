-- The policy set as it stands. One row is one whole object; the history tables keep what it was before.
--
-- Names are global for each kind. References are checked at the end of the transaction, so that files may state objects
-- in any order. Column names and meanings are those of src/core/model.ts.

set local role firebreak_owner;

create table firebreak.owner (
	name text primary key,
	role text,
	constraint owner_name check (firebreak.is_owner_name(name) or firebreak.refuse_name('owner', name, 'name', name)),
	constraint owner_role check (role is null or role <> '' and octet_length(role) <= 63
		or firebreak.refuse('owner', name, 'role', 'is no role name', 'name a role of this cluster, or leave it out'))
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
	constraint domain_name check (firebreak.is_name(name) or firebreak.refuse_name('domain', name, 'name', name)),
	constraint domain_flow check (flow in ('mtls', 'token', 'mtls+token', 'mtls+bound-token')
		or firebreak.refuse_word('domain', name, 'flow', flow, 'mtls, token, mtls+token, mtls+bound-token')),
	constraint domain_passport check (passport in ('optional', 'required')
		or firebreak.refuse_word('domain', name, 'passport', passport, 'optional, required')),
	constraint domain_on_stale check (on_stale in ('deny', 'bound_only', 'allow')
		or firebreak.refuse_word('domain', name, 'on_stale', on_stale, 'deny, bound_only, allow')),
	constraint domain_audit check (audit in ('full', 'denials')
		or firebreak.refuse_word('domain', name, 'audit', audit, 'full, denials')),
	constraint domain_mode check (mode in ('enforce', 'monitor')
		or firebreak.refuse_word('domain', name, 'mode', mode, 'enforce, monitor'))
);
create index domain_owner on firebreak.domain (owner);
comment on table firebreak.domain is 'A trust zone of APIs with its own authentication flow, issuers, rate limits and audit level';

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
	constraint issuer_url check (firebreak.is_url(url, false) or profile = 'jwt_svid' and firebreak.is_issuer(url)
		or firebreak.refuse('issuer', url, 'url', 'is no issuer URL',
			'write https://..., or http on loopback, without query and fragment, as tokens have it in iss')),
	constraint issuer_profile check (profile in ('rfc9068', 'jwt_svid', 'kubernetes', 'oidc', 'api_key')
		or firebreak.refuse_word('issuer', url, 'profile', profile, 'rfc9068, jwt_svid, kubernetes, oidc, api_key')),
	constraint issuer_audiences check (firebreak.check_list('issuer', url, 'audiences', audiences, 'audience')),
	constraint issuer_audiences_given check (audiences <> '{}' or profile = 'api_key'
		or firebreak.refuse('issuer', url, 'audiences', 'is empty, so that a token for any service would do',
			'name the audiences that this issuer''s tokens must carry')),
	constraint issuer_algorithms check (firebreak.check_list('issuer', url, 'algorithms', algorithms, 'algorithm')),
	constraint issuer_algorithms_given check (algorithms <> '{}'
		or firebreak.refuse('issuer', url, 'algorithms', 'is empty', 'name those that the issuer signs with, such as ES256')),
	-- The lane keeps a revocation for as long as any token can live: see revocation_horizon().
	constraint issuer_max_lifetime check (max_lifetime > interval '0' and max_lifetime <= interval '366 days'
		or firebreak.refuse('issuer', url, 'max_lifetime', 'is not between 0 and 366 days', 'write an interval such as ''1 hour''')),
	constraint issuer_binding check (binding in ('none', 'dpop', 'mtls', 'any')
		or firebreak.refuse_word('issuer', url, 'binding', binding, 'none, dpop, mtls, any')),
	constraint issuer_jwks_uri check (jwks_uri is null or firebreak.is_url(jwks_uri, true)
		or firebreak.refuse('issuer', url, 'jwks_uri', 'is no URL of keys', 'write https://..., or http on loopback')),
	constraint issuer_jwks check (jwks is null or jsonb_typeof(jwks) = 'object' and coalesce(jsonb_typeof(jwks -> 'keys'), '') = 'array'
		and jwks -> 'keys' <> '[]' and octet_length(jwks::text) <= 262144
		or firebreak.refuse('issuer', url, 'jwks', 'is no JWK Set of at most 256 KiB with a key in it', 'write {"keys": [{...}]}')),
	constraint issuer_keys check (num_nonnulls(jwks_uri, jwks) = case when profile = 'api_key' then 0 else 1 end
		or firebreak.refuse('issuer', url, 'jwks', case
			when profile = 'api_key' then 'is given, or jwks_uri is, but keys of this profile are no JWTs'
			when jwks is null then 'is missing, and jwks_uri too'
			else 'and jwks_uri are both given' end,
			case when profile = 'api_key' then 'leave both out' else 'state exactly one of jwks_uri and jwks' end)),
	constraint issuer_options check (jsonb_typeof(options) = 'object' and octet_length(options::text) <= 16384
		or firebreak.refuse('issuer', url, 'options', 'is no JSON object of at most 16 KiB', 'write {"name": value, ...}'))
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
	constraint segment_name check (firebreak.is_name(name) or firebreak.refuse_name('segment', name, 'name', name)),
	constraint segment_environment check (firebreak.is_name(environment)
		or firebreak.refuse_name('segment', name, 'environment', environment)),
	constraint segment_probes check (firebreak.check_list('segment', name, 'probes', probes, 'path')),
	constraint segment_path_exceptions
		check (firebreak.check_list('segment', name, 'path_exceptions', path_exceptions, 'path_exception')),
	constraint segment_credential_upstream check (credential_upstream in ('keep', 'strip')
		or firebreak.refuse_word('segment', name, 'credential_upstream', credential_upstream, 'keep, strip')),
	constraint segment_mode check (mode in ('enforce', 'monitor')
		or firebreak.refuse_word('segment', name, 'mode', mode, 'enforce, monitor'))
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
	constraint segment_member_syntax check (firebreak.is_selector(selector)
		or firebreak.check_list('segment', segment, 'members', array[selector], 'selector'))
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
	constraint crossing_name check (firebreak.is_name(name) or firebreak.refuse_name('crossing', name, 'name', name)),
	constraint crossing_reason check (btrim(reason) <> '' and octet_length(reason) <= 1024
		or firebreak.refuse('crossing', name, 'reason', 'is empty or longer than 1024 bytes', 'say why the crossing is needed')),
	constraint crossing_expires check (isfinite(expires)
		or firebreak.refuse('crossing', name, 'expires', 'is infinite', 'name the day it ends')),
	constraint crossing_environments check ((source_environment is null) = (destination_environment is null)
		or firebreak.refuse('crossing', name,
			case when source_environment is null then 'source_environment' else 'destination_environment' end,
			'is missing while the other environment is given',
			'state both, or neither for the same environment on both sides')),
	constraint crossing_source_environment check (source_environment is null or firebreak.is_name(source_environment)
		or firebreak.refuse_name('crossing', name, 'source_environment', source_environment)),
	constraint crossing_destination_environment check (destination_environment is null or firebreak.is_name(destination_environment)
		or firebreak.refuse_name('crossing', name, 'destination_environment', destination_environment)),
	constraint crossing_sides check (source_domain <> destination_domain or coalesce(source_environment <> destination_environment, false)
		or firebreak.refuse('crossing', name, 'destination_domain', 'is the source''s, and so is the environment',
			'a crossing leads to another domain or another environment')),
	constraint crossing_flow check (flow is null or flow in ('mtls', 'token', 'mtls+token', 'mtls+bound-token')
		or firebreak.refuse_word('crossing', name, 'flow', flow, 'mtls, token, mtls+token, mtls+bound-token'))
);
create index crossing_owner on firebreak.crossing (owner);
create index crossing_destination on firebreak.crossing (destination_domain);
comment on table firebreak.crossing is 'A directed contract from one domain or environment to another; offered here, see crossing_acceptance';

create table firebreak.crossing_acceptance (
	crossing text primary key,
	owner text not null,
	content jsonb not null,
	by text not null default session_user,
	at timestamptz not null default now()
);
comment on table firebreak.crossing_acceptance is 'Consent of the destination domain''s owner, to exactly this content';

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
	constraint policy_name check (firebreak.is_name(name) or firebreak.refuse_name('policy', name, 'name', name)),
	constraint policy_effect check (effect in ('allow', 'deny')
		or firebreak.refuse_word('policy', name, 'effect', effect, 'allow, deny')),
	constraint policy_source check (source in ('*', 'anonymous') or firebreak.is_name(source)
		or firebreak.refuse('policy', name, 'source', firebreak.shown(source) || ' is no source',
			'name a segment, or write * for every segment that may reach the destination, or anonymous')),
	constraint policy_operations check (methods <> '{}' and paths <> '{}' or methods = '{}' and paths = '{}' and grpc <> '{}'
		or firebreak.refuse('policy', name, case when methods = '{}' then 'methods' else 'paths' end,
			case when methods = '{}' and paths = '{}' then 'is empty, and so are paths and grpc'
				when methods = '{}' then 'is empty while paths are given' else 'is empty while methods are given' end,
			'state methods and paths, or grpc; any method is array[''*''], any path array[''/**'']')),
	constraint policy_methods check (methods = '{}' or firebreak.check_list('policy', name, 'methods', methods, 'method')),
	constraint policy_paths check (paths = '{}' or firebreak.check_list('policy', name, 'paths', paths, 'template')),
	constraint policy_grpc check (grpc = '{}' or firebreak.check_list('policy', name, 'grpc', grpc, 'grpc')),
	constraint policy_hosts check (hosts = '{}' or firebreak.check_list('policy', name, 'hosts', hosts, 'host')),
	constraint policy_scopes check (scopes = '{}' or firebreak.check_list('policy', name, 'scopes', scopes, 'scope')),
	constraint policy_scopes_any
		check (scopes_any = '{}' or firebreak.check_list('policy', name, 'scopes_any', scopes_any, 'scope')),
	constraint policy_condition check (condition is null or btrim(condition) <> '' and octet_length(condition) <= 4096
		or firebreak.refuse('policy', name, 'condition', 'is empty or longer than 4096 bytes', 'write a CEL expression, or leave it out')),
	constraint policy_upgrade check (upgrade is null or upgrade ~ '^[a-z0-9!#$%&''*+.^_`|~/-]{1,64}$'
		or firebreak.refuse('policy', name, 'upgrade', firebreak.shown(upgrade) || ' is no protocol',
			'write it in lower case, such as websocket')),
	constraint policy_valid check (not isempty(valid) and (lower_inf(valid) or lower_inc(valid) and isfinite(lower(valid)))
			and (upper_inf(valid) or not upper_inc(valid) and isfinite(upper(valid)))
		or firebreak.refuse('policy', name, 'valid', firebreak.shown(valid::text) || ' is empty or not half-open',
			'write tstzrange(from, until), with null for an open end')),
	constraint policy_mode check (mode in ('enforce', 'monitor')
		or firebreak.refuse_word('policy', name, 'mode', mode, 'enforce, monitor')),
	constraint policy_reason check (reason is null or btrim(reason) <> '' and octet_length(reason) <= 1024
		or firebreak.refuse('policy', name, 'reason', 'is empty or longer than 1024 bytes', 'say why, or leave it out'))
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
	constraint rate_limit_kind check (kind in ('source', 'domain', 'segment', 'token')
		or firebreak.refuse_word('rate_limit', kind || ':' || name, 'kind', kind, 'source, domain, segment, token')),
	constraint rate_limit_per_second check (per_second > 0 and per_second <= 1000000
		or firebreak.refuse('rate_limit', kind || ':' || name, 'per_second', per_second || ' is not between 0 and 1000000',
			'write how many requests a second may pass')),
	constraint rate_limit_burst check (burst between 1 and 10000000
		or firebreak.refuse('rate_limit', kind || ':' || name, 'burst', burst || ' is not between 1 and 10000000',
			'write how many requests may come at once'))
);
create unique index rate_limit_key on firebreak.rate_limit ((kind || ':' || name));
create index rate_limit_segment on firebreak.rate_limit (segment);
comment on table firebreak.rate_limit is 'A budget of a source segment, a destination domain or segment, or each token of an issuer';

reset role;
