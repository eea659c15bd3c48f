-- The storefront, the one service that customers reach from outside.
select firebreak.segment(
	name => 'storefront',
	domain => 'public',
	environment => 'prod',
	owner => 'storefront',
	members => array['spiffe://prod.example.org/ns/storefront/sa/storefront'],
	probes => array['/healthz']
);
-- Who signs tokens for APIs of the public domain. The demo states this issuer again with its own keys.
select firebreak.issuer(
	url => 'https://id.public.example.org',
	domain => 'public',
	profile => 'oidc',
	audiences => array['https://api.public.example.org'],
	max_lifetime => '1 hour',
	jwks_uri => 'https://id.public.example.org/jwks.json'
);
