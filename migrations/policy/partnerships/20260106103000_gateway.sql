-- The gateway behind which partners' APIs stand, and who signs tokens for them.
--
-- It may be called, but calls nothing of ours: no crossing leads from partner to internal (row 11).
select firebreak.segment(
	name => 'partner-gateway',
	domain => 'partner',
	environment => 'prod',
	owner => 'partnerships',
	members => array['spiffe://prod.example.org/ns/partner-gateway/sa/partner-gateway'],
	probes => array['/healthz']
);
-- The demo states this issuer again with its own keys.
select firebreak.issuer(
	url => 'https://id.partner.example.org',
	domain => 'partner',
	profile => 'rfc9068',
	audiences => array['https://api.partner.example.org'],
	max_lifetime => '15 minutes',
	jwks_uri => 'https://id.partner.example.org/jwks.json'
);
