-- requires: storefront/20260106110000_segment

-- The storefront may place orders and look at them, through the crossing public-to-internal. That crossing leads into the
-- whole domain, but no policy lets the storefront call payments: with a token stolen from orders it still gets 403 there
-- (row 8), since the token moves and the identity does not.
select firebreak.allow(
	name => 'storefront-places-orders',
	source => 'storefront',
	destination => 'orders',
	owner => 'orders',
	methods => array['POST'],
	paths => array['/v1/orders'],
	scopes => array['orders:write'],
	reason => 'check-out'
);
select firebreak.allow(
	name => 'storefront-reads-orders',
	source => 'storefront',
	destination => 'orders',
	owner => 'orders',
	methods => array['GET'],
	paths => array['/v1/orders', '/v1/orders/{id}'],
	scopes_any => array['orders:read', 'orders:write'],
	reason => 'the customer follows an order'
);
