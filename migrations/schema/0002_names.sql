-- How a bad value is refused, and what names, words, URLs and SPIFFE IDs look like.
--
-- Each table has one constraint: a function that looks at the whole row and raises an error that names the object,
-- the argument and the cure. So a row is refused in the same words whether it came through a function or not. (One
-- call, since Postgres prepares the expression of every constraint anew for each INSERT.) Those functions fix their
-- search_path, and the helpers here, which they call, inherit it.

set local role firebreak_owner;

-- Every error about a value has this form. SQLSTATE 23514 (check_violation) unless told otherwise; TABLE holds the
-- kind of object and COLUMN the argument, for programs. What shows only at the end of a transaction names the
-- migration in its hint.
create function firebreak.refuse(kind text, object text, argument text, cause text, cure text,
	code text default '23514', migration text default null)
returns boolean language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	raise exception using
		errcode = code,
		message = format('%s %s, %s: %s', kind, coalesce(nullif(left(object, 300), ''), '(no name)'), argument, cause),
		hint = cure || coalesce(' (written by migration ' || migration || ')', ''),
		schema = 'firebreak', table = kind, column = argument;
end
$$;

-- What a value may look like inside a message: quoted, and short.
create function firebreak.shown(value text) returns text language sql immutable parallel safe
return case
	when value is null then 'null'
	when length(value) > 120 then '"' || left(value, 120) || '"...'
	else '"' || value || '"'
end;

-- Raises for arguments that have no default and came as null.
create function firebreak.require_given(kind text, object text, arguments text[], given boolean[])
returns void language plpgsql immutable as $$
begin
	for i in 1 .. cardinality(arguments) loop
		if not given[i] then
			perform firebreak.refuse(kind, object, arguments[i], 'is missing', 'it has no default: state it', '23502');
		end if;
	end loop;
end
$$;

-- One of a closed list of words. Null passes, as with every check below.
create function firebreak.check_word(kind text, object text, argument text, word text, words text[])
returns boolean language plpgsql immutable as $$
begin
	if word <> all (words) then
		perform firebreak.refuse(kind, object, argument, firebreak.shown(word) || ' is not known',
			'write one of ' || array_to_string(words, ', '));
	end if;
	return true;
end
$$;

-- A text that says something, of at most `most` bytes.
create function firebreak.check_text(kind text, object text, argument text, value text, most integer)
returns boolean language plpgsql immutable as $$
begin
	if btrim(value) = '' or octet_length(value) > most then
		perform firebreak.refuse(kind, object, argument, case when btrim(value) = '' then 'is empty'
			else format('is longer than %s bytes', most) end, 'state it in one short text');
	end if;
	return true;
end
$$;

-- Names of domains, environments, segments, crossings and policies: they stand in headers, labels and `kind:name`
-- keys. `anonymous`, `*` and `spiffe://...` mean something else wherever a name may stand. At most 253 bytes.
create function firebreak.is_name(value text) returns boolean language sql immutable parallel safe
return value ~ '^[A-Za-z0-9_][A-Za-z0-9._:/@+-]*$' and octet_length(value) <= 253
	and value !~* '^(anonymous$|spiffe:)';

-- Names of owners are also names of folders, and of nothing else that a path could mean.
create function firebreak.is_owner_name(value text) returns boolean language sql immutable parallel safe
return value ~ '^[A-Za-z0-9_][A-Za-z0-9._-]*$' and octet_length(value) <= 253;

create function firebreak.check_name(kind text, object text, argument text, value text)
returns boolean language plpgsql immutable as $$
begin
	if not firebreak.is_name(value) then
		perform firebreak.refuse(kind, object, argument, firebreak.shown(value) || case
				when value ~* '^anonymous$' or value = '*' then ' is reserved'
				when value ~* '^spiffe:' then ' is a workload, not a name'
				when octet_length(value) > 253 then ' is longer than 253 bytes'
				else ' is no name'
			end,
			'use letters, digits, "." "_" "-" ":" "/" "@" "+", beginning with a letter, a digit or "_", at most 253 bytes');
	end if;
	return true;
end
$$;

create function firebreak.check_owner_name(kind text, object text, argument text, value text)
returns boolean language plpgsql immutable as $$
begin
	if not firebreak.is_owner_name(value) then
		perform firebreak.refuse(kind, object, argument, firebreak.shown(value) || ' is no name of an owner',
			'use letters, digits, "." "_" "-", beginning with a letter, a digit or "_", at most 253 bytes');
	end if;
	return true;
end
$$;

-- A workload's SPIFFE ID (SPIFFE-ID sections 2.1 to 2.3; X.509-SVID section 2: a path is never missing).
create function firebreak.is_workload(value text) returns boolean language sql immutable parallel safe
return value ~ '^spiffe://[a-z0-9._-]+(/[A-Za-z0-9._-]+)+$' and substr(value, 10) !~ '/\.\.?(/|$)'
	and octet_length(value) <= 2048 and octet_length(split_part(value, '/', 3)) <= 255;

-- A member of a segment: a workload, or everything below a path when it ends in `/*`.
create function firebreak.is_selector(value text) returns boolean language sql immutable parallel safe
return value ~ '^spiffe://[a-z0-9._-]+((/[A-Za-z0-9._-]+)+|(/[A-Za-z0-9._-]+)*/\*)$'
	and substr(value, 10) !~ '/\.\.?(/|$)' and octet_length(value) <= 2048 and octet_length(split_part(value, '/', 3)) <= 255;

-- An https URL, or http on loopback (for trying things out): no user, no fragment, visible ASCII only.
create function firebreak.is_url(value text, query_allowed boolean) returns boolean language sql immutable parallel safe
return value ~ ('^(https://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])'
		|| '|http://(localhost|127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|\[::1\]))'
		|| '(:[0-9]{1,5})?([/?][!-~]*)?$')
	and value !~ '[#"<>\\^`{|}]' and (query_allowed or value !~ '\?') and octet_length(value) <= 2048;

-- An issuer as tokens spell it in `iss`. SPIFFE tokens that carry none are known by their trust domain.
create function firebreak.is_issuer(value text) returns boolean language sql immutable parallel safe
return firebreak.is_url(value, false) or value ~ '^spiffe://[a-z0-9._-]+$' and octet_length(value) <= 264;

reset role;
