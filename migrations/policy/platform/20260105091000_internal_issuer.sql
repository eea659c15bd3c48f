-- Who signs tokens for the internal domain. Only a destination's own domain counts, so these are worth nothing to the
-- partner domain (row 13), and those of a stranger (row 5) or for another audience (row 6) are worth nothing here.
--
-- Keys are fetched and refreshed from the URL. The demo has no such host: it states this issuer again with its own keys.
select firebreak.issuer(
	url => 'https://id.internal.example.org',
	domain => 'internal',
	profile => 'rfc9068',
	audiences => array['https://api.internal.example.org'],
	max_lifetime => '1 hour',
	jwks_uri => 'https://id.internal.example.org/jwks.json'
);
