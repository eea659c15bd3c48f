-- The functions of policy migrations: crossings, policies, rate limits, remove; and the set as it stood.

set local role firebreak_owner;

create function firebreak.crossing(name text, owner text, reason text, expires timestamptz, source_domain text,
	destination_domain text, source_environment text default null, destination_environment text default null,
	flow text default null)
returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	given firebreak.crossing;
	present firebreak.crossing;
begin
	given.name := name;
	given.owner := owner;
	given.reason := reason;
	given.expires := expires;
	given.source_domain := source_domain;
	given.destination_domain := destination_domain;
	given.source_environment := source_environment;
	given.destination_environment := destination_environment;
	given.flow := flow;
	perform firebreak.require_given('crossing', given.name, '{name,owner,reason,expires,source_domain,destination_domain}',
		array[given.name is not null, given.owner is not null, given.reason is not null, given.expires is not null,
			given.source_domain is not null, given.destination_domain is not null]);

	select c.* into present from firebreak.crossing c where c.name = given.name;
	if given is not distinct from present then
		return;
	end if;
	if present.name is not null then
		perform firebreak.require_holds('crossing', given.name, present.owner);
	end if;
	perform firebreak.require_holds('crossing', given.name, given.owner);
	insert into firebreak.crossing (name, owner, reason, expires, source_domain, destination_domain,
			source_environment, destination_environment, flow)
		values (given.name, given.owner, given.reason, given.expires, given.source_domain, given.destination_domain,
			given.source_environment, given.destination_environment, given.flow)
		on conflict (name) do update set (owner, reason, expires, source_domain, destination_domain,
				source_environment, destination_environment, flow) =
			(excluded.owner, excluded.reason, excluded.expires, excluded.source_domain, excluded.destination_domain,
				excluded.source_environment, excluded.destination_environment, excluded.flow);
end
$$;

-- The destination domain's owner consents to the crossing as it now is. Changing it later voids the consent.
create function firebreak.accept_crossing(name text, owner text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	given firebreak.crossing_acceptance;
	offered firebreak.crossing;
	needed text;
begin
	given.crossing := name;
	given.owner := owner;
	perform firebreak.require_given('crossing', given.crossing, '{name,owner}',
		array[given.crossing is not null, given.owner is not null]);
	select c.* into offered from firebreak.crossing c where c.name = given.crossing;
	if offered.name is null then
		perform firebreak.refuse('crossing', given.crossing, 'name', 'does not exist, so that there is nothing to accept',
			'let the other side state it first, by crossing(...)', '23503');
	end if;
	needed := firebreak.domain_owner(offered.destination_domain);
	if needed is null then
		perform firebreak.refuse('crossing', given.crossing, 'destination_domain',
			firebreak.shown(offered.destination_domain) || ' is no domain yet, so that nobody can accept for it',
			'state the domain before accepting', '23503');
	elsif needed <> given.owner then
		perform firebreak.refuse('crossing', given.crossing, 'owner', firebreak.shown(given.owner) || ' does not own domain '
			|| offered.destination_domain, format('only its owner, %s, can accept', needed), '42501');
	end if;
	perform firebreak.require_holds('crossing', given.crossing, given.owner);

	given.content := firebreak.crossing_content(offered);
	if not exists (select from firebreak.crossing_acceptance a
		where a.crossing = given.crossing and a.owner = given.owner and a.content = given.content)
	then
		insert into firebreak.crossing_acceptance (crossing, owner, content)
			values (given.crossing, given.owner, given.content)
			on conflict (crossing) do update set (owner, content) = (excluded.owner, excluded.content);
	end if;
end
$$;

-- What allow() and deny() share. A call that finds few policies must not go on scanning when there are many: no
-- sequential scans, however small the table was when the statement was planned.
create function firebreak.state_policy(effect text, name text, source text, destination text, owner text, methods text[],
	paths text[], grpc text[], hosts text[], scopes text[], scopes_any text[], condition text, upgrade text,
	valid tstzrange, mode text, reason text)
returns void language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
	given firebreak.policy;
	present firebreak.policy;
begin
	given.name := name;
	given.effect := effect;
	given.source := source;
	given.destination := destination;
	given.owner := owner;
	given.methods := coalesce(methods, '{}');
	given.paths := coalesce(paths, '{}');
	given.grpc := coalesce(grpc, '{}');
	given.hosts := coalesce(hosts, '{}');
	given.scopes := coalesce(scopes, '{}');
	given.scopes_any := coalesce(scopes_any, '{}');
	given.condition := condition;
	given.upgrade := upgrade;
	given.valid := coalesce(valid, '(,)');
	given.mode := coalesce(mode, 'enforce');
	given.reason := reason;
	if given.name is null or given.source is null or given.destination is null or given.owner is null then
		perform firebreak.require_given('policy', given.name, '{name,source,destination,owner}', array[given.name is not null,
			given.source is not null, given.destination is not null, given.owner is not null]);
	end if;

	select p.* into present from firebreak.policy p where p.name = given.name;
	if present.name is not null then
		given.source_segment := case when given.source not in ('*', 'anonymous') then given.source end;
		if given is not distinct from present then
			return;
		end if;
		if present.owner <> given.owner then
			perform firebreak.require_holds('policy', given.name, present.owner);
		end if;
	end if;
	if not firebreak.holds(given.owner) then
		perform firebreak.require_holds('policy', given.name, given.owner);
	end if;
	-- No ON CONFLICT, under which row-level security doubles the cost of a call: when two transactions state a new name at
	-- once, the second is told that it exists.
	if present.name is null then
		insert into firebreak.policy (name, effect, source, destination, owner, methods, paths, grpc, hosts, scopes, scopes_any,
				condition, upgrade, valid, mode, reason)
			values (given.name, given.effect, given.source, given.destination, given.owner, given.methods, given.paths,
				given.grpc, given.hosts, given.scopes, given.scopes_any, given.condition, given.upgrade, given.valid, given.mode,
				given.reason);
	else
		update firebreak.policy p set (effect, source, destination, owner, methods, paths, grpc, hosts, scopes, scopes_any,
				condition, upgrade, valid, mode, reason) =
			(given.effect, given.source, given.destination, given.owner, given.methods, given.paths, given.grpc, given.hosts,
				given.scopes, given.scopes_any, given.condition, given.upgrade, given.valid, given.mode, given.reason)
			where p.name = given.name;
	end if;
end
$$;

create function firebreak.allow(name text, source text, destination text, owner text, methods text[] default '{}',
	paths text[] default '{}', grpc text[] default '{}', hosts text[] default '{}', scopes text[] default '{}',
	scopes_any text[] default '{}', condition text default null, upgrade text default null, valid tstzrange default '(,)',
	mode text default 'enforce', reason text default null)
returns void language sql
return firebreak.state_policy('allow', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

create function firebreak.deny(name text, source text, destination text, owner text, methods text[] default '{}',
	paths text[] default '{}', grpc text[] default '{}', hosts text[] default '{}', scopes text[] default '{}',
	scopes_any text[] default '{}', condition text default null, upgrade text default null, valid tstzrange default '(,)',
	mode text default 'enforce', reason text default null)
returns void language sql
return firebreak.state_policy('deny', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

create function firebreak.rate_limit(kind text, name text, per_second numeric, burst integer) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	given firebreak.rate_limit;
begin
	given.kind := kind;
	given.name := name;
	given.per_second := per_second;
	given.burst := burst;
	perform firebreak.require_given('rate_limit', given.kind || ':' || given.name, '{kind,name,per_second,burst}',
		array[given.kind is not null, given.name is not null, given.per_second is not null, given.burst is not null]);
	perform firebreak.check_word('rate_limit', given.kind || ':' || given.name, 'kind', given.kind,
		'{source,domain,segment,token}');
	perform firebreak.require_holds('rate_limit', given.kind || ':' || given.name,
		firebreak.rate_limit_owner(given.kind, given.name));
	insert into firebreak.rate_limit as r (kind, name, per_second, burst)
		values (given.kind, given.name, given.per_second, given.burst)
		on conflict (kind, name) do update set (per_second, burst) = (excluded.per_second, excluded.burst)
			where (r.per_second, r.burst) <> (excluded.per_second, excluded.burst);
end
$$;

reset role;
