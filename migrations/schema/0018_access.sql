-- Who may do what: grants say what a role can reach at all, row-level security which rows of it. PUBLIC has nothing.
-- Forced, so that it holds for the schema's owner too, whose own policy lets it do everything: the triggers run as
-- it. test/store/schema/permissions.ts states the same as data and tries each line.

set local role firebreak_owner;

grant usage on schema firebreak
	to firebreak_author, firebreak_server, firebreak_recorder, firebreak_operator, firebreak_reader;

-- Reading.
grant select on
	firebreak.owner, firebreak.domain, firebreak.issuer, firebreak.segment, firebreak.segment_member, firebreak.crossing,
	firebreak.crossing_acceptance, firebreak.policy, firebreak.rate_limit, firebreak.object, firebreak.reference,
	firebreak.head, firebreak.revision, firebreak.history, firebreak.owner_history, firebreak.domain_history,
	firebreak.issuer_history, firebreak.segment_history, firebreak.crossing_history, firebreak.policy_history,
	firebreak.rate_limit_history, firebreak.revocation, firebreak.quarantine, firebreak.migration
	to firebreak_author, firebreak_server, firebreak_operator, firebreak_reader;
grant select on firebreak.server, firebreak.passport, firebreak.decision, firebreak.flow
	to firebreak_author, firebreak_operator, firebreak_reader;
grant select on firebreak.server, firebreak.passport to firebreak_server;

-- Writing.
grant insert, update, delete on firebreak.owner, firebreak.domain to firebreak_operator;
grant insert, update, delete on firebreak.issuer, firebreak.segment, firebreak.segment_member, firebreak.crossing,
	firebreak.crossing_acceptance, firebreak.policy, firebreak.rate_limit
	to firebreak_author, firebreak_operator;
grant insert (kind, key, payload, until, reason) on firebreak.revocation to firebreak_operator;
grant insert, update, delete on firebreak.passport to firebreak_operator;
grant insert, update on firebreak.migration to firebreak_operator;
grant insert, update, delete on firebreak.server to firebreak_server;
grant insert on firebreak.decision, firebreak.flow to firebreak_recorder;
-- Records whose time is over; the recorder may not, so that a server that was taken over cannot wipe its traces.
grant delete on firebreak.decision, firebreak.flow to firebreak_operator;

-- What constraints, views and policies call, and what only reads.
grant execute on function
	firebreak.refuse, firebreak.shown, firebreak.some_of, firebreak.require_given, firebreak.check_word,
	firebreak.check_text, firebreak.check_name, firebreak.check_owner_name, firebreak.check_list,
	firebreak.path_problem, firebreak.element_problem, firebreak.is_name, firebreak.is_owner_name,
	firebreak.is_workload, firebreak.is_selector, firebreak.is_url, firebreak.is_issuer, firebreak.owner_ok,
	firebreak.domain_ok, firebreak.issuer_ok, firebreak.segment_ok, firebreak.segment_member_ok,
	firebreak.crossing_ok, firebreak.policy_ok, firebreak.rate_limit_ok, firebreak.revocation_ok,
	firebreak.passport_ok, firebreak.require_holds, firebreak.require_operator, firebreak.is_operator,
	firebreak.holds, firebreak.domain_owner, firebreak.segment_owner, firebreak.destination_owner,
	firebreak.rate_limit_owner, firebreak.instant, firebreak.crossing_content, firebreak.epoch,
	firebreak.revision_digest, firebreak.revocation_horizon, firebreak.object_at, firebreak.policy_at,
	firebreak.verify_history
	to firebreak_author, firebreak_server, firebreak_operator, firebreak_reader;

-- What policy migrations call. Row-level security and their own checks say for which objects.
grant execute on function firebreak.owner, firebreak.domain, firebreak.issuer, firebreak.segment, firebreak.crossing,
	firebreak.accept_crossing, firebreak.allow, firebreak.deny, firebreak.state_policy, firebreak.rate_limit, firebreak.remove
	to firebreak_author, firebreak_operator;

-- What people call in an emergency.
grant execute on function firebreak.revoke_token, firebreak.revoke_before, firebreak.quarantine, firebreak.lift,
	firebreak.append_revocation, firebreak.check_issuer, firebreak.check_quarantine
	to firebreak_operator;

reset role;
