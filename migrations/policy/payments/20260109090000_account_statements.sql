-- requires: orders/20260106090000_segments

-- Statements of one account, for the account that the token was issued to and no other (row 19). The condition reads what
-- the path captured and what the issuer signed. A token without the claim makes the condition fail, and an allow whose
-- condition fails does not match.
select firebreak.allow(
	name => 'orders-reads-own-statements',
	source => 'orders',
	destination => 'payments',
	owner => 'payments',
	methods => array['GET'],
	paths => array['/v1/accounts/{account}/statements', '/v1/accounts/{account}/statements/{month}'],
	scopes => array['payments:read'],
	condition => 'params.account == token.account',
	reason => 'statements are attached to business orders'
);
