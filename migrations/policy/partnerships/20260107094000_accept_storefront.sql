-- requires: storefront/20260107090000_offer_crossings, partnerships/20260106103000_gateway

-- The storefront reads offers, with a token of our own issuer (row 12); one of the internal issuer is refused (row 13).
select firebreak.accept_crossing(name => 'public-to-partner', owner => 'partnerships');

select firebreak.allow(
	name => 'storefront-reads-offers',
	source => 'storefront',
	destination => 'partner-gateway',
	owner => 'partnerships',
	methods => array['GET'],
	paths => array['/v1/offers', '/v1/offers/{id}'],
	scopes => array['offers:read'],
	reason => 'offers are shown on the front page'
);
