-- What the elements of array arguments look like: paths, methods, gRPC methods, hosts, scopes, members, words.

set local role firebreak_owner;

-- Why `path` is in no canonical path, or null. With `template`, whole segments may be `*`, `{name}` or a last `**`.
-- What no request may hold (escaped unreserved characters, backslashes, percent signs and semicolons, dot segments,
-- control bytes, escapes that are not UTF-8) cannot stand here either. `;` and `%2F` pass: whether the destination
-- permits them (path_exceptions) is judged when the set is compiled, as src/core/template.ts does with all of it.
create function firebreak.path_problem(path text, template boolean) returns text
language plpgsql immutable parallel safe as $$
declare
	names text[];
begin
	if left(path, 1) <> '/' then
		return 'does not begin with a slash';
	elsif octet_length(path) > 8192 then
		return 'is longer than 8192 bytes';
	elsif cardinality(string_to_array(path, '/')) > 129 then
		return 'has more than 128 segments';
	elsif path ~ '^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?$'
		or template and path ~ '^(/([A-Za-z0-9_~-][A-Za-z0-9._~-]*|\*|\{[A-Za-z_][A-Za-z0-9_]*\}))*(/(\*\*)?)?$'
			and path !~ '\{.*\{' and octet_length(path) <= 64 then
		return null; -- most are this plain
	elsif path ~ '//' then
		return 'has an empty segment';
	elsif path ~ '[?#]' then
		return 'has a query or a fragment, which never take part';
	elsif path ~ '/\.{1,2}([/;]|$)' then
		return 'has a dot segment';
	elsif path ~ '[^!-~]|\\' then
		return 'has a character that stands in no canonical path';
	elsif path ~ '%' then
		if path ~ '%(?![0-9A-Fa-f]{2})' then
			return 'has a broken escape';
		elsif path ~* '%([01]|7F|5C|25|3B|2[DE]|3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])' then
			return 'has an escape that no canonical path holds';
		elsif path !~* ('^([^%]|%[0-7].|%(C[2-9A-F]|D.)%[89AB].|%E0%[AB].%[89AB].|%(E[1-9A-CEF])%[89AB].%[89AB].'
			|| '|%ED%[89].%[89AB].|%F0%[9AB].%[89AB].%[89AB].|%F[1-3]%[89AB].%[89AB].%[89AB].|%F4%8.%[89AB].%[89AB].)*$') then
			return 'has escapes that are not UTF-8';
		end if;
	end if;

	if not template then
		return case when path ~ '[{*}]' then 'is not one exact path' end;
	elsif path ~ '\*\*.' then
		return 'has ** before its end';
	elsif path !~ '^(/([^/{*}]+|\*|\{[A-Za-z_][A-Za-z0-9_]*\}))*(/(\*\*)?)?$' then
		return 'has a segment that is neither a literal nor * nor {name}';
	elsif path ~ '\{' then
		names := array(select m[1] from regexp_matches(path, '\{([^}]*)\}', 'g') m);
		if cardinality(names) > 1 and cardinality(names) <> (select count(distinct n) from unnest(names) n) then
			return 'names a parameter twice';
		elsif exists (select from unnest(names) n where octet_length(n) > 64) then
			return 'names a parameter in more than 64 bytes';
		end if;
	end if;
	return null;
end
$$;

-- Why `value` is no element of a list of this `type`, or null; `hint` is the cure for any of them.
create function firebreak.element_problem(type text, value text, out problem text, out hint text)
language plpgsql immutable parallel safe as $$
begin
	case type
	when 'template' then
		problem := firebreak.path_problem(value, true);
		hint := 'write a template such as /v1/payments/{id}, /v1/payments/* or /v1/reports/**, with escapes as %20, %C3%A9';
	when 'path' then
		problem := firebreak.path_problem(value, false);
		hint := 'write one exact path such as /healthz';
	when 'method' then
		-- RFC 9110 token; `*` alone stands for any.
		if value not in ('*', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE')
			and (value !~ '^[!#$%&''+.^_`|~0-9A-Za-z-]+$' or octet_length(value) > 32
			or value ~* '^(get|head|post|put|patch|delete|options|trace|connect)$' and value <> upper(value)) then
			problem := 'is no method';
		end if;
		hint := 'write methods as requests do, such as GET, or * alone for any';
	when 'grpc' then
		-- A whole method, or any beginning of one followed by `*`.
		if value !~ '^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*/[A-Za-z_][A-Za-z0-9_]*$'
			and value !~ '^([A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*(\.|/([A-Za-z_][A-Za-z0-9_]*)?)?)?\*$'
			or octet_length(value) > 8192 then
			problem := 'is no gRPC method';
		end if;
		hint := 'write package.Service/Method, or its beginning followed by one *, such as package.Service/*';
	when 'host' then
		if value !~ '^([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\])$'
			or octet_length(value) > 253 then
			problem := 'is no host';
		end if;
		hint := 'write the host in lower case, without port, trailing dot or wildcard';
	when 'scope' then
		-- RFC 6749 section 3.3
		if value !~ '^[\x21\x23-\x5B\x5D-\x7E]+$' or octet_length(value) > 255 then
			problem := 'is no scope';
		end if;
		hint := 'write one scope an element: visible ASCII without quotes, backslashes and spaces';
	when 'audience' then
		if value !~ '^[!-~]+$' or octet_length(value) > 2048 then
			problem := 'is no audience';
		end if;
		hint := 'write the value that tokens carry in aud, without spaces';
	when 'algorithm' then
		if value not in ('ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA',
			'Ed25519') then
			problem := 'is no asymmetric signature algorithm';
		end if;
		hint := 'write some of ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512, EdDSA, Ed25519';
	when 'path_exception' then
		if value not in ('encoded_slash', 'semicolon', 'utf8') then
			problem := 'is not known';
		end if;
		hint := 'write some of encoded_slash, semicolon, utf8';
	when 'selector' then
		if not firebreak.is_selector(value) then
			problem := 'is no SPIFFE ID of a workload';
		end if;
		hint := 'write spiffe://trust-domain/path, exact or ending in /*, spelled as the certificates have it';
	end case;
end
$$;

-- Whether every element of `list` is good and there are at most `most`; raises naming the first that is not.
create function firebreak.check_list(kind text, object text, argument text, list text[], type text,
	most integer default 1000)
returns boolean language plpgsql immutable as $$
declare
	element text;
	verdict record;
begin
	if list = '{}' then
		return true;
	elsif array_ndims(list) <> 1 then
		perform firebreak.refuse(kind, object, argument, 'is an array of arrays', 'write one array of texts');
	elsif cardinality(list) > most then
		perform firebreak.refuse(kind, object, argument, format('has %s elements', cardinality(list)),
			format('write at most %s', most));
	end if;
	foreach element in array list loop
		if element is null then
			perform firebreak.refuse(kind, object, argument, 'has an element that is null', 'leave it out');
		end if;
		verdict := firebreak.element_problem(type, element);
		if verdict.problem is not null then
			perform firebreak.refuse(kind, object, argument, firebreak.shown(element) || ' ' || verdict.problem,
				verdict.hint);
		end if;
	end loop;
	return true;
end
$$;

reset role;
