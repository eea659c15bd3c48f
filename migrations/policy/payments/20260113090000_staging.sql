-- requires: orders/20260106090000_segments

-- Staging has policies of its own, and they are wider: its data are made up. Still only staging calls it.
select firebreak.allow(
	name => 'staging-orders-uses-payments',
	source => 'orders-staging',
	destination => 'payments-staging',
	owner => 'payments',
	methods => array['*'],
	paths => array['/v1/**'],
	scopes_any => array['payments:read', 'payments:write'],
	reason => 'integration tests'
);
