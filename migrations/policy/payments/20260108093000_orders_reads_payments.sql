-- requires: orders/20260106090000_segments

-- Orders shows the state of a payment. It reads (row 1), with the scope for it (row 3) and whatever it claims about
-- itself in headers (row 18); it deletes nothing, since nothing says that it may (row 7).
select firebreak.allow(
	name => 'orders-reads-payments',
	source => 'orders',
	destination => 'payments',
	owner => 'payments',
	methods => array['GET', 'HEAD'],
	paths => array['/v1/payments/{id}', '/v1/payments/{id}/**'],
	scopes => array['payments:read'],
	reason => 'the order page shows whether it was paid'
);

-- Card data leaves through no API, whoever asks and whatever else is allowed: a deny beats every allow, the wider one
-- above too (row 16). Order never matters.
select firebreak.deny(
	name => 'nobody-reads-cards',
	source => '*',
	destination => 'payments',
	owner => 'payments',
	methods => array['*'],
	paths => array['/v1/payments/{id}/card', '/v1/payments/{id}/card/**'],
	reason => 'PCI DSS: card data stay inside the payments service'
);
