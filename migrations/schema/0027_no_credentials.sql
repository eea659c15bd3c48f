-- The lane is kept for ever, in sight of whoever reads it: a token or an API key that somebody pasted in the place of its
-- id must not get there. src/core/credential-text.ts tells the two apart for the command line and HTTP.

set local role firebreak_owner;

create or replace function firebreak.revocation_ok(kind text, key text, payload jsonb, reason text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if jsonb_typeof(payload) <> 'object' then
		perform firebreak.refuse('revocation', key, 'payload', 'is no JSON object', 'write {"name": value, ...}');
	elsif payload ->> 'token_id' ~ '^(fbk_|eyJ[A-Za-z0-9_-]*[.][A-Za-z0-9_-]*[.])' then
		perform firebreak.refuse('revocation', kind, 'token_id', 'is a credential itself (not repeated here)',
			'write the token''s jti; firebreak token show --token-file tells the id of a token or API key');
	end if;
	return firebreak.check_word('revocation', key, 'kind', kind,
			'{revoke_token,revoke_before,quarantine,lift,passport,api_key,domain_key}')
		and firebreak.check_text('revocation', key, 'key', key, 4096)
		and firebreak.check_text('revocation', key, 'reason', reason, 1024);
end
$$;

reset role;
