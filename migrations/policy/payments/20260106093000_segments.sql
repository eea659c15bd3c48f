-- The payments service, and its staging twin. The kubelet and load balancers may ask for /healthz without any
-- credential, by GET or HEAD (row 15); every other path needs a certificate (row 14) and, in this domain, a token (row 2).
select firebreak.segment(
	name => 'payments',
	domain => 'internal',
	environment => 'prod',
	owner => 'payments',
	members => array['spiffe://prod.example.org/ns/payments/sa/payments'],
	probes => array['/healthz']
);
select firebreak.segment(
	name => 'payments-staging',
	domain => 'internal',
	environment => 'staging',
	owner => 'payments',
	members => array['spiffe://staging.example.org/ns/payments/sa/payments'],
	probes => array['/healthz']
);
