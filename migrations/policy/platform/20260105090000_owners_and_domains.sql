-- Who there is, and the three trust zones of the example company. Owners and domains are the platform team's alone.
--
-- Owners have no Postgres role here, so that the example runs on a bare database. In a company each names its own, as in
-- owner(name => 'payments', role => 'payments_team'), and only that role can then write for it.
select firebreak.owner(name => 'platform');
select firebreak.owner(name => 'orders');
select firebreak.owner(name => 'payments');
select firebreak.owner(name => 'storefront');
select firebreak.owner(name => 'analytics');
select firebreak.owner(name => 'partnerships');

-- Our own services among themselves. Hidden: to a domain that no crossing lets in, its APIs do not exist (row 11: 404).
select firebreak.domain(name => 'internal', owner => 'platform', flow => 'mtls+token', hidden => true);

-- What customers' browsers talk to. Its services are ours, but they stand at the edge: what they may call is named below.
select firebreak.domain(name => 'public', owner => 'storefront', flow => 'mtls+token');

-- APIs that partners operate or call, with keys of their own.
select firebreak.domain(name => 'partner', owner => 'partnerships', flow => 'mtls+token');
