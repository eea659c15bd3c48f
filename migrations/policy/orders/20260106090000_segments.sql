-- The orders service, and its staging twin. Names of workloads are what the mesh puts into their certificates: a workload
-- without one has no place in any segment, wherever on the network it stands.
--
-- Nothing crosses between environments unless a crossing says so, and none does: staging cannot call prod (row 10).
select firebreak.segment(
	name => 'orders',
	domain => 'internal',
	environment => 'prod',
	owner => 'orders',
	members => array['spiffe://prod.example.org/ns/orders/sa/orders'],
	probes => array['/healthz']
);
select firebreak.segment(
	name => 'orders-staging',
	domain => 'internal',
	environment => 'staging',
	owner => 'orders',
	members => array['spiffe://staging.example.org/ns/orders/sa/orders'],
	probes => array['/healthz']
);
