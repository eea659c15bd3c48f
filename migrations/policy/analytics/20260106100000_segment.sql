-- Reads much, writes nothing. What it may read is for the owners of the data to say: see payments/.
select firebreak.segment(
	name => 'analytics',
	domain => 'internal',
	environment => 'prod',
	owner => 'analytics',
	members => array['spiffe://prod.example.org/ns/analytics/sa/analytics']
);
