/**
 * What a file of team `a` might try, as data: fence.test.ts runs each with a superuser's connection. `{a}` and `{b}` are
 * the teams' roles. Owner `a` has domain `da` and segment `sa`, `b` has `db` and `sb`; `platform` has no role.
 *
 * pg_temp.evil() raises `escaped as ...` when it is called as anybody but `{a}`.
 */

export interface Attempt {
	readonly what: string;
	readonly sql: string;
	/** A part of the refusal's message; absent: it is applied, and comes to nothing. */
	readonly refused?: string;
	/** The folder that tries it, `a` unless told. */
	readonly folder?: "a" | "platform";
}

const EVIL = `
create function pg_temp.evil() returns text language plpgsql as $$
begin
	if current_user <> '{a}' then raise exception 'escaped as %', current_user; end if;
	execute 'reset role';
	raise exception 'escaped by reset role as %', current_user;
exception when invalid_parameter_value or insufficient_privilege then
	return 'held';
end $$;
create function pg_temp.fire() returns trigger language plpgsql as $$
begin
	perform pg_temp.evil();
	return null;
end $$;
`;

const NOT_WITHIN = "within security-definer function";
const DENIED = "permission denied";

const refused = (what: string, sql: string, message: string): Attempt => ({ what, sql, refused: message });
const harmless = (what: string, sql: string): Attempt => ({ what, sql });
const byOperators = (attempt: Attempt): Attempt => ({
	...attempt,
	what: `${attempt.what}, in an operators' file`,
	folder: "platform",
});

const OTHER_OWNER: readonly Attempt[] = [
	refused(
		"a policy of another owner",
		"select firebreak.allow('new', 'sa', 'sb', 'b', '{GET}', '{/}')",
		"belongs to b, whose role {b} is not held by {a}",
	),
	refused("another owner's segment", "select firebreak.remove('segment', 'sb')", "belongs to b, whose role {b}"),
	refused(
		"a segment of operators",
		"select firebreak.segment('new', 'da', 'prod', 'platform', '{}')",
		"who has no role",
	),
	refused("an owner", "select firebreak.owner('a', null)", "{a} is no operator"),
	refused("its own domain", "select firebreak.domain('da', 'a', mode => 'monitor')", "{a} is no operator"),
	refused(
		"accepting its own crossing",
		"select firebreak.crossing('c', 'a', 'r', '2036-01-01', 'da', 'db'), firebreak.accept_crossing('c', 'b')",
		"belongs to b, whose role {b}",
	),
	refused(
		"another owner's policy by plain SQL",
		"insert into firebreak.policy select 'new', effect, source, destination, owner, methods, paths, grpc, hosts, scopes, scopes_any, condition, upgrade, valid, mode from firebreak.policy where name = 'pb'",
		"violates row-level security policy",
	),
	harmless("changing what row-level security hides", "update firebreak.policy set mode = 'monitor' where name = 'pb'"),
	harmless("deleting what row-level security hides", "delete from firebreak.segment where owner = 'b'"),
];

const ROLES: readonly Attempt[] = [
	refused("RESET ROLE", "reset role", NOT_WITHIN),
	refused("SET ROLE", "set role {b}", NOT_WITHIN),
	refused("SET LOCAL ROLE", "set local role {b}", NOT_WITHIN),
	refused("SET ROLE NONE within DO", "do $$ begin execute 'set role none'; end $$", NOT_WITHIN),
	refused("set_config of the role", "select set_config('role', 'none', true)", NOT_WITHIN),
	refused("SET SESSION AUTHORIZATION", "set session authorization {b}", NOT_WITHIN),
	refused("RESET SESSION AUTHORIZATION", "reset session authorization", NOT_WITHIN),
	refused("a function that sets the role", "create function pg_temp.f() returns int set role = '{b}' return 1", "role"),
	refused("a role of its own", "create role {a}_new", DENIED),
	refused("a grant of its role", "grant {a} to {b}", DENIED),
	refused("taking another's role", "grant {b} to {a}", DENIED),
];

const TRANSACTION: readonly Attempt[] = [
	refused("COMMIT", "commit", "COMMIT would end"),
	refused("COMMIT within DO", "do $$ begin commit; end $$", "invalid transaction termination"),
	refused(
		"COMMIT within a procedure",
		"create procedure pg_temp.p() language plpgsql as $$ begin commit; end $$; call pg_temp.p()",
		"invalid transaction termination",
	),
	refused("EXECUTE of ROLLBACK", "do $$ begin execute 'rollback'; end $$", "EXECUTE of transaction commands"),
	harmless("a read-only transaction", "do $$ begin execute 'set transaction read only'; end $$"),
	harmless("immediate constraints", "set constraints all immediate"),
];

/** Names and history, as a team and as operators. */
const FORGERY: readonly Attempt[] = [
	refused("naming another file as running", "insert into firebreak.running (migration) values ('b/1')", DENIED),
	refused("taking its own name back", "delete from firebreak.running", DENIED),
	refused("recording a file", "insert into firebreak.migration (name, checksum) values ('b/1', 'x')", DENIED),
	refused("altering what is recorded", "update firebreak.migration set checksum = 'x'", DENIED),
	refused("rewriting history", "update firebreak.history set migration = 'b/1'", DENIED),
	refused("renumbering", "update firebreak.policy_counter set revision = 99", DENIED),
].flatMap((attempt) => [attempt, byOperators(attempt)]);

const LANE = "a policy file may not write the revocation lane";
const REVOCATION: readonly Attempt[] = [
	refused("a quarantine", "select firebreak.quarantine('segment', 'sb', 'r')", DENIED),
	byOperators(refused("a quarantine", "select firebreak.quarantine('segment', 'sb', 'r')", LANE)),
	...["set firebreak.migration = ''", "reset firebreak.migration", "reset all"].map((setting) =>
		byOperators(
			refused(`a quarantine after ${setting}`, `${setting}; select firebreak.quarantine('segment', 'sb', 'r')`, LANE),
		),
	),
	byOperators(
		refused(
			"a revocation after unlocking",
			"do $$ begin perform pg_advisory_unlock_all(); end $$; select firebreak.revoke_token('https://a', 'j', 'r')",
			LANE,
		),
	),
];

const OBJECTS: readonly Attempt[] = [
	refused("a table in the schema", "create table firebreak.mine ()", DENIED),
	refused("a function in the schema", "create function firebreak.mine() returns int return 1", DENIED),
	refused(
		"replacing a function of the schema",
		"create or replace function firebreak.holds(text) returns boolean language sql as 'select true'",
		DENIED,
	),
	refused("a table without a schema", "create table mine ()", DENIED),
	refused("a schema", "create schema mine", DENIED),
	refused("an extension", "create extension dblink", 'extension "dblink"'),
	refused(
		"an event trigger",
		"create event trigger e on ddl_command_end execute function pg_temp.f()",
		"event trigger",
	),
	refused(
		"a trigger on a table of the schema",
		`${EVIL} create trigger t before insert on firebreak.policy for each row execute function pg_temp.fire()`,
		DENIED,
	),
	refused("disabling a trigger", "alter table firebreak.policy disable trigger touch", "must be owner"),
	refused("no row-level security", "alter table firebreak.policy disable row level security", "must be owner"),
	refused("a policy of its own", "create policy mine on firebreak.policy using (true)", "must be owner"),
	refused("replication's way past triggers", "set session_replication_role = replica", DENIED),
	refused(
		"default privileges of the schema's owner",
		"alter default privileges for role firebreak_owner grant all on tables to {a}",
		DENIED,
	),
	refused(
		"default privileges of another team",
		"alter default privileges for role {b} grant all on tables to {a}",
		DENIED,
	),
	harmless("default privileges of its own", "alter default privileges grant execute on functions to public"),
	refused("COPY TO PROGRAM", "copy (select 1) to program 'true'", DENIED),
	refused("COPY to a file", "copy (select 1) to '/tmp/firebreak-escape'", DENIED),
	refused("reading a file", "select pg_read_file('/etc/passwd')", DENIED),
	refused("a library", "load 'dblink'", "access to library"),
	refused("a server's setting", "alter system set fsync = off", "ALTER SYSTEM cannot run"),
];

const LATER: readonly Attempt[] = [
	harmless(
		"a cursor that is evaluated at COMMIT",
		`${EVIL} do $$ begin execute 'declare c cursor with hold for select pg_temp.evil()'; end $$`,
	),
	refused(
		"a trigger that runs at COMMIT",
		`${EVIL} create temp table t (x int);
		create constraint trigger t after insert on pg_temp.t deferrable initially deferred
			for each row execute function pg_temp.fire();
		insert into pg_temp.t values (1)`,
		"whose deferred triggers would run when the run ends",
	),
	refused(
		"an index that is evaluated at COMMIT",
		`create function pg_temp.f(int) returns int language sql immutable return $1;
		create temp table t (x int, exclude ((pg_temp.f(x)) with =) deferrable initially deferred);
		insert into pg_temp.t values (1)`,
		"whose deferred triggers would run when the run ends",
	),
	harmless(
		"a name for what the run itself reads",
		`${EVIL} create temp view pg_roles as select pg_temp.evil(); create temp view pg_locks as select pg_temp.evil();
		create domain pg_temp.text as pg_catalog.text check (pg_temp.evil() is null); set search_path = pg_temp, pg_catalog`,
	),
	harmless(
		"functions for what the run itself calls",
		`create function pg_temp.set_config(text, text, boolean) returns text language sql return 1 / 0;
		create function pg_temp.clock_timestamp() returns timestamptz language sql return 1 / 0 * now();
		set search_path = pg_temp, pg_catalog`.replaceAll("1 / 0 * now()", "(select now() from (select 1 / 0) x)"),
	),
];

/** By chapters. */
export const ATTEMPTS: Readonly<Record<string, readonly Attempt[]>> = {
	"another owner's objects": OTHER_OWNER,
	"another role": ROLES,
	"the transaction": TRANSACTION,
	"forged names and history": FORGERY,
	"the revocation lane": REVOCATION,
	"objects, files and programs": OBJECTS,
	"what runs later": LATER,
};
export { EVIL };
