-- What the storefront needs of other domains. This is the offer of one side; nothing passes until the owner of the other
-- domain accepts it (platform/20260107093000, partnerships/20260107094000). A crossing opens no path by itself: the
-- destination's policies say what may be called.
--
-- The dates are far away so that the example lasts. Give yours a year, and a reason to be asked for again.
select firebreak.crossing(
	name => 'public-to-internal',
	owner => 'storefront',
	reason => 'customers place and follow their orders in the storefront',
	expires => '2036-01-01T00:00:00Z',
	source_domain => 'public',
	destination_domain => 'internal'
);
select firebreak.crossing(
	name => 'public-to-partner',
	owner => 'storefront',
	reason => 'the storefront shows offers of partners',
	expires => '2036-01-01T00:00:00Z',
	source_domain => 'public',
	destination_domain => 'partner',
	-- What the partner domain demands anyway, said here so that it stays so if that domain ever asks for less.
	flow => 'mtls+token'
);
