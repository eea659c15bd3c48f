-- A server that signs tokens writes down whose they are, and needs no more than that right: what it states travels by no
-- lane, and changes nothing that is there.

set local role firebreak_owner;

-- States the passport of one token; the seq of the lane's row that tells servers, null for one that carries it itself.
create or replace function firebreak.register_token(issuer text, token_id text, owner text, purpose text, expires timestamptz,
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
	if present.token_id is null then
		insert into firebreak.passport (issuer, token_id, owner, purpose, expires, kind, subject, scopes, sources,
				destinations, networks, environment, device, windows, not_before, binding, digest)
			values (given.issuer, given.token_id, given.owner, given.purpose, given.expires, given.kind, given.subject,
				given.scopes, given.sources, given.destinations, given.networks, given.environment, given.device,
				given.windows, given.not_before, given.binding, given.digest);
	elsif given is distinct from present then
		update firebreak.passport set (owner, purpose, expires, kind, subject, scopes, sources, destinations, networks,
				environment, device, windows, not_before, binding, digest) =
				(given.owner, given.purpose, given.expires, given.kind, given.subject, given.scopes, given.sources,
				given.destinations, given.networks, given.environment, given.device, given.windows, given.not_before,
				given.binding, given.digest)
			where issuer = given.issuer and token_id = given.token_id;
	end if;
	if given.kind = 'issued' then
		return null;
	end if;
	return (select max(r.seq) from firebreak.revocation r where r.key = given.issuer || ' ' || given.token_id
		and r.kind = case given.kind when 'api_key' then 'api_key' else 'passport' end);
end
$$;

create policy servers on firebreak.passport for insert to firebreak_server with check (kind = 'issued');
grant insert on firebreak.passport to firebreak_server;
grant execute on function firebreak.register_token, firebreak.require_by_hand, firebreak.check_issuer to firebreak_server;

reset role;
