-- requires: storefront/20260107090000_offer_crossings

-- Reviewed with the orders team. The acceptance is for exactly this content: a change to the crossing voids it.
select firebreak.accept_crossing(name => 'public-to-internal', owner => 'platform');
