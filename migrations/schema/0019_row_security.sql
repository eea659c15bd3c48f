-- Which rows a role may write. Everybody who can read a table at all reads all of it.

set local role firebreak_owner;

do $$
declare
	t text;
begin
	foreach t in array array['owner', 'domain', 'issuer', 'segment', 'segment_member', 'crossing', 'crossing_acceptance',
		'policy', 'rate_limit', 'revision', 'history', 'revocation', 'installation', 'policy_counter', 'revocation_counter',
		'touched', 'pending', 'server', 'passport', 'decision', 'flow', 'migration']
	loop
		execute format('alter table firebreak.%I enable row level security, force row level security', t);
		execute format('create policy schema_owner on firebreak.%I to firebreak_owner using (true) with check (true)', t);
		execute format('create policy reading on firebreak.%I for select using (true)', t);
	end loop;
end
$$;

create policy operators on firebreak.owner to firebreak_operator using (true) with check (true);
create policy operators on firebreak.domain to firebreak_operator using (true) with check (true);

create policy domains_owner on firebreak.issuer to firebreak_author, firebreak_operator
	using (firebreak.holds(firebreak.domain_owner(domain)))
	with check (firebreak.holds(firebreak.domain_owner(domain)));

create policy owner on firebreak.segment to firebreak_author, firebreak_operator
	using (firebreak.holds(owner)) with check (firebreak.holds(owner));
create policy segments_owner on firebreak.segment_member to firebreak_author, firebreak_operator
	using (firebreak.holds(firebreak.segment_owner(segment)))
	with check (firebreak.holds(firebreak.segment_owner(segment)));

-- Offered by its owner; ended by either side.
create policy offering on firebreak.crossing to firebreak_author, firebreak_operator
	using (firebreak.holds(owner)) with check (firebreak.holds(owner));
create policy ending on firebreak.crossing for delete to firebreak_author, firebreak_operator
	using (firebreak.holds(firebreak.domain_owner(destination_domain)));
-- Accepted by the owner of the destination's domain, for itself.
create policy accepting on firebreak.crossing_acceptance to firebreak_author, firebreak_operator
	using (firebreak.holds(firebreak.destination_owner(crossing)))
	with check (firebreak.holds(owner) and owner = firebreak.destination_owner(crossing));

-- That the owner is also the destination's is held by a foreign key.
create policy owner on firebreak.policy to firebreak_author, firebreak_operator
	using (firebreak.holds(owner)) with check (firebreak.holds(owner));

create policy owner on firebreak.rate_limit to firebreak_author, firebreak_operator
	using (firebreak.holds(firebreak.rate_limit_owner(kind, name)))
	with check (firebreak.holds(firebreak.rate_limit_owner(kind, name)));

create policy operators on firebreak.revocation for insert to firebreak_operator with check (true);
create policy operators on firebreak.passport to firebreak_operator using (true) with check (true);
create policy operators on firebreak.migration to firebreak_operator using (true) with check (true);
create policy servers on firebreak.server to firebreak_server using (true) with check (true);
create policy operators on firebreak.decision for delete to firebreak_operator using (true);
create policy operators on firebreak.flow for delete to firebreak_operator using (true);
create policy recorders on firebreak.decision for insert to firebreak_recorder with check (true);
create policy recorders on firebreak.flow for insert to firebreak_recorder with check (true);

reset role;
