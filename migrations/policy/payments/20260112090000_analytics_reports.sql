-- requires: analytics/20260106100000_segment

-- Analytics reads the daily reports. Its tokens do not carry payments:export yet, so for now the policy only watches: its
-- requests pass as allowed_monitor, and each is recorded with the denial that it would have been (row 17). Once the
-- records show no more of them, state it again without the mode.
select firebreak.allow(
	name => 'analytics-reads-reports',
	source => 'analytics',
	destination => 'payments',
	owner => 'payments',
	methods => array['GET'],
	paths => array['/v1/reports/**'],
	scopes => array['payments:export'],
	mode => 'monitor',
	reason => 'revenue dashboards'
);
