-- What a server writes down is a token that it gave in exchange, of an issuer that Firebreak signs for. A record of any other
-- kind could be rotated into a token that nobody granted, or take an id before the token that has it is registered.

set local role firebreak_owner;

alter policy servers on firebreak.passport with check (kind = 'issued' and starts_with(token_id, 'x-')
	and exists (select from firebreak.issuer i where i.url = passport.issuer and i.options ->> 'signer' = 'firebreak'));

reset role;
