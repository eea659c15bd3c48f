/**
 * Who may do what in the database, as data: permissions.test.ts tries every line as every actor, and the table in the
 * documentation is made from it.
 *
 * The scene: owner `a` is the team that the objects belong to, `b` is another team; each has a role, a member of
 * firebreak_author. Owner `platform` has no role. Each domain `da`, `db`, `dp` belongs to the owner of its letter.
 */

export const ACTORS = ["team", "other", "operator", "server", "recorder", "migrator", "reader", "nobody"] as const;
export type Actor = (typeof ACTORS)[number];

/** What the documentation calls them; the rest of each name is the group role. */
export const ACTOR_TITLES: Readonly<Record<Actor, string>> = {
	team: "firebreak_author, the owner",
	other: "firebreak_author, another owner",
	operator: "firebreak_operator",
	server: "firebreak_server",
	recorder: "firebreak_recorder",
	migrator: "firebreak_migrator",
	reader: "firebreak_reader",
	nobody: "any other role",
};

export interface Permission {
	/** What is done, in words. */
	readonly action: string;
	/** What doing it looks like. A statement that may, but that no row is visible to, counts as refused. */
	readonly sql: string;
	readonly may: readonly Actor[];
	/** Done beforehand by the schema's owner. */
	readonly given?: string;
}

/** Stated before anything is tried; `{team}` and `{other}` are the teams' roles. */
export const SCENE = `
	select firebreak.owner('a', '{team}'), firebreak.owner('b', '{other}'), firebreak.owner('platform');
	select firebreak.domain('da', 'a'), firebreak.domain('db', 'b'), firebreak.domain('dp', 'platform');
	select firebreak.issuer('https://a', 'da', audiences => '{a}', jwks_uri => 'https://a/keys');
	select firebreak.issuer('https://own', 'da', audiences => '{a}', options => '{"signer": "firebreak"}');
	select firebreak.segment('sa', 'da', 'prod', 'a', '{spiffe://t/a}'), firebreak.segment('sb', 'db', 'prod', 'b', '{spiffe://t/b}');
	select firebreak.segment('sp', 'dp', 'prod', 'platform', '{spiffe://t/p}');
	select firebreak.crossing('a-to-b', 'a', 'r', '2036-01-01', 'da', 'db');
	select firebreak.crossing('b-to-a', 'b', 'r', '2036-01-01', 'db', 'da');
	select firebreak.allow('pa', 'sb', 'sa', 'a', '{GET}', '{/}'), firebreak.allow('pp', 'sb', 'sp', 'platform', '{GET}', '{/}');
	select firebreak.rate_limit('segment', 'sa', 1, 1);
`;

const jwk = (kid: string) =>
	JSON.stringify({
		kty: "OKP",
		crv: "Ed25519",
		x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
		use: "sig",
		alg: "EdDSA",
		kid,
	});

const AUTHORS = ["team", "other"] as const;
const READERS = [...AUTHORS, "operator", "server", "migrator", "reader"] as const;
const NOBODY: readonly Actor[] = [];

const may = (action: string, sql: string, ...actors: readonly Actor[]): Permission => ({ action, sql, may: actors });

const READING: readonly Permission[] = [
	...["owner", "domain", "issuer", "segment", "segment_member", "crossing", "policy", "rate_limit", "object"].map(
		(table) => may(`read ${table}`, `select * from firebreak.${table}`, ...READERS),
	),
	...[
		"head",
		"revision",
		"history",
		"domain_history",
		"issuer_history",
		"segment_history",
		"crossing_history",
		"policy_history",
	].map((table) => may(`read ${table}`, `select * from firebreak.${table}`, ...READERS)),
	may("read the set as it stood", "select * from firebreak.policy_at(1)", ...READERS),
	may("verify the history", "select count(*) from firebreak.verify_history()", ...READERS),
	may("verify the revocation lane", "select count(*) from firebreak.verify_revocations()", ...READERS),
	may(
		"verify what is recorded of applied migrations",
		"select count(*) from firebreak.verify_migrations()",
		...READERS,
	),
	may("read revocation and quarantine", "select count(*) from firebreak.revocation, firebreak.quarantine", ...READERS),
	may("read applied migrations", "select count(*) from firebreak.migration", ...READERS),
	may("read server", "select count(*) from firebreak.server", ...READERS),
	may("read passport", "select count(*) from firebreak.passport", ...READERS),
	may("read domain_key", "select count(*) from firebreak.domain_key", ...READERS),
	may(
		"read decision and flow",
		"select count(*) from firebreak.decision, firebreak.flow",
		...AUTHORS,
		"operator",
		"migrator",
		"reader",
	),
];

const POLICY = "'{GET}', '{/v1}'";
const AUTHORING: readonly Permission[] = [
	may("state an owner", "select firebreak.owner('new')", "operator"),
	may("remove an owner", "select firebreak.remove('owner', 'new')", "operator"),
	may("state a domain", "select firebreak.domain('new', 'platform')", "operator"),
	may("change its own domain", "select firebreak.domain('da', 'a', mode => 'monitor')", "operator"),
	may("remove a domain", "select firebreak.remove('domain', 'new')", "operator"),
	may(
		"state an issuer of its domain",
		"select firebreak.issuer('https://a', 'da', audiences => '{b}', jwks_uri => 'https://a/keys')",
		"team",
	),
	may(
		"take an issuer into its domain",
		"select firebreak.issuer('https://a', 'db', audiences => '{a}', jwks_uri => 'https://a/keys')",
	),
	may("remove an issuer of its domain", "select firebreak.remove('issuer', 'https://a')", "team"),
	may("state its segment", "select firebreak.segment('sa', 'da', 'prod', 'a', '{spiffe://t/a2}')", "team"),
	may("state its segment in another's domain", "select firebreak.segment('new', 'db', 'prod', 'a', '{}')", "team"),
	may("give its segment to another", "select firebreak.segment('sa', 'da', 'prod', 'b', '{spiffe://t/a}')"),
	may(
		"state a segment of an owner without a role",
		"select firebreak.segment('sp', 'dp', 'prod', 'platform', '{spiffe://t/p2}')",
		"operator",
	),
	may("remove its segment", "select firebreak.remove('segment', 'unused')", "team"),
	may(
		"offer a crossing",
		"select firebreak.crossing('a-to-b', 'a', 'another reason', '2036-01-01', 'da', 'db')",
		"team",
	),
	may("accept a crossing into its domain", "select firebreak.accept_crossing('b-to-a', 'a')", "team"),
	may("accept a crossing into another's domain", "select firebreak.accept_crossing('a-to-b', 'a')"),
	may(
		"end a crossing that it offered, or that leads into its domain",
		"select firebreak.remove('crossing', 'a-to-b')",
		"team",
		"other",
	),
	may("state a policy of its destination", `select firebreak.allow('pa', 'sb', 'sa', 'a', ${POLICY})`, "team"),
	may("deny at its destination", `select firebreak.deny('new', '*', 'sa', 'a', ${POLICY})`, "team"),
	may(
		"state a policy of a destination whose owner has no role",
		`select firebreak.allow('pp', 'sb', 'sp', 'platform', ${POLICY})`,
		"operator",
	),
	may("remove a policy of its destination", "select firebreak.remove('policy', 'pa')", "team"),
	may("limit the rate of its segment", "select firebreak.rate_limit('segment', 'sa', 2, 2)", "team"),
	may("limit the rate of a source in its domain", "select firebreak.rate_limit('source', 'sa', 2, 2)", "team"),
	may("limit the rate of its domain", "select firebreak.rate_limit('domain', 'da', 2, 2)", "team"),
	may("limit the rate of its issuer's tokens", "select firebreak.rate_limit('token', 'https://a', 2, 2)", "team"),
	may("remove a rate limit of its segment", "select firebreak.remove('rate_limit', 'segment:sa')", "team"),
];

const EMPTY = "'{}', '{}', '{}', '{}'";
/** The same without the functions. */
const PLAIN_SQL: readonly Permission[] = [
	may("insert an owner", "insert into firebreak.owner values ('brand-new')", "operator"),
	may("update an owner", "update firebreak.owner set role = null where name = 'a'", "operator"),
	may("update a domain", "update firebreak.domain set mode = 'monitor' where name = 'da'", "operator"),
	may("delete a domain", "delete from firebreak.domain where name = 'unused'", "operator"),
	may("update an issuer of its domain", "update firebreak.issuer set binding = 'dpop' where url = 'https://a'", "team"),
	may("move an issuer of its domain to another's", "update firebreak.issuer set domain = 'db' where url = 'https://a'"),
	may("update its segment", "update firebreak.segment set mode = 'monitor' where name = 'sa'", "team"),
	may(
		"insert a segment of its own",
		"insert into firebreak.segment values ('new', 'da', 'prod', 'a', '{}', '{}', 'keep', false, false, 'enforce')",
		"team",
	),
	may("give its segment away by UPDATE", "update firebreak.segment set owner = 'b' where name = 'sa'"),
	may("delete its segment", "delete from firebreak.segment where name = 'unused'", "team"),
	may("insert a member of its segment", "insert into firebreak.segment_member values ('sa', 'spiffe://t/a2')", "team"),
	may("delete a member of its segment", "delete from firebreak.segment_member where segment = 'sa'", "team"),
	may("move a member to another's segment", "update firebreak.segment_member set segment = 'sb' where segment = 'sa'"),
	may("update a crossing that it offers", "update firebreak.crossing set flow = 'mtls' where name = 'a-to-b'", "team"),
	may(
		"delete a crossing that it offered, or that leads into its domain",
		"delete from firebreak.crossing where name = 'a-to-b'",
		"team",
		"other",
	),
	may(
		"insert an acceptance for its domain",
		"insert into firebreak.crossing_acceptance select name, 'a', firebreak.crossing_content(c) from firebreak.crossing c where name = 'b-to-a'",
		"team",
	),
	may(
		"insert an acceptance for another's domain",
		"insert into firebreak.crossing_acceptance select name, 'a', firebreak.crossing_content(c) from firebreak.crossing c where name = 'a-to-b'",
	),
	may(
		"insert a policy of its destination",
		`insert into firebreak.policy values ('new', 'allow', '*', 'sa', 'a', ${POLICY}, ${EMPTY}, null, null, '(,)', 'enforce')`,
		"team",
	),
	may("update a policy of its destination", "update firebreak.policy set mode = 'monitor' where name = 'pa'", "team"),
	may(
		"update every policy at once",
		"update firebreak.policy set effect = 'deny' where owner = 'platform'",
		"operator",
	),
	may("delete a policy of its destination", "delete from firebreak.policy where name = 'pa'", "team"),
	may("update a rate limit of its segment", "update firebreak.rate_limit set burst = 9 where name = 'sa'", "team"),
	may("empty a table", "truncate firebreak.policy"),
];

const LANE: readonly Permission[] = [
	may("quarantine", "select firebreak.quarantine('segment', 'sa', 'r')", "operator"),
	may("lift a quarantine", "select firebreak.lift('segment', 'sa', 'r')", "operator"),
	may("revoke a token", "select firebreak.revoke_token('https://a', 'j', 'r')", "operator"),
	may("revoke all older tokens", "select firebreak.revoke_before('https://a', now(), 'r')", "operator"),
	may(
		"append to revocation",
		"insert into firebreak.revocation (kind, key, payload, reason) values ('lift', 'k', '{}', 'r')",
		"operator",
	),
	may(
		"choose the seq of a revocation",
		"insert into firebreak.revocation (seq, kind, key, payload, reason) values (9, 'lift', 'k', '{}', 'r')",
	),
	may("hold the lane", "select firebreak.hold_lane()", "operator"),
	may("retire a token", "select firebreak.retire_token('https://a', 'j', now(), 'r')", "operator"),
	may(
		"choose the digest of a revocation",
		"insert into firebreak.revocation (digest, kind, key, payload, reason) values ('x', 'lift', 'k', '{}', 'r')",
	),
	may("update revocation", "update firebreak.revocation set reason = 'x'"),
	may("delete from revocation", "delete from firebreak.revocation"),
];

const RECORDS: readonly Permission[] = [
	may(
		"write a server's heartbeat",
		`insert into firebreak.server values ('s', 'e', 1, 1, now(), now())
			on conflict (id) do update set heartbeat = excluded.heartbeat, revision = excluded.revision`,
		"server",
	),
	may("forget a server", "delete from firebreak.server where id = 'old'", "server"),
	may(
		"record a decision",
		"insert into firebreak.decision (id, at, kind, decision, reason) values ('i', now(), 'denial', 'deny', 'no_policy') on conflict do nothing",
		"recorder",
	),
	may(
		"record traffic",
		"insert into firebreak.flow (minute, source, destination, operation, count, first, last) values (date_trunc('minute', now()), 'sa', 'sb', 'GET /', 1, now(), now())",
		"recorder",
	),
	may("count uses of tokens", "select firebreak.count_uses('[]')", "recorder"),
	may("change a record", "update firebreak.decision set reason = 'x'"),
	may("delete records whose time is over", "delete from firebreak.decision where at < now()", "operator"),
	may("delete traffic whose time is over", "delete from firebreak.flow where minute <= now()", "operator"),
	may(
		"record an applied migration",
		"insert into firebreak.migration (name, checksum) values ('a/1', 'c')",
		"migrator",
	),
	may("say which revision it made", "update firebreak.migration set revision = 1 where name = 'a/0'", "migrator"),
	may("change what was applied", "update firebreak.migration set checksum = 'x' where name = 'a/0'"),
	may("seal what a run recorded", "select firebreak.seal_migrations()", "migrator"),
	may("choose the seal", "update firebreak.migration set digest = 'x'"),
	may("say which file is running", "insert into firebreak.running (migration) values ('a/1')", "migrator"),
	may("strike out an applied migration", "delete from firebreak.migration"),
];

const TOKENS: readonly Permission[] = [
	may("register a token", "select firebreak.register_token('https://a', 'j', 'a', 'p', now())", "operator"),
	may(
		"write down a token that was given in exchange",
		"select firebreak.register_token('https://own', 'x-1', 'a', 'p', now(), kind => 'issued')",
		"operator",
		"server",
	),
	may(
		"write down another token that Firebreak signed",
		"select firebreak.register_token('https://own', 't-1', 'a', 'p', now(), kind => 'issued')",
		"operator",
	),
	may(
		"write down another issuer's token as one that Firebreak signed",
		"select firebreak.register_token('https://a', 'x-1', 'a', 'p', now(), kind => 'issued')",
		"operator",
	),
	may(
		"change what was written down of a signed token",
		"update firebreak.passport set replaced_by = 'k' where token_id = 'signed'",
		"operator",
	),
	may(
		"insert a passport",
		"insert into firebreak.passport (issuer, token_id, owner, purpose, expires) values ('https://a', 'j', 'a', 'p', now())",
		"operator",
	),
	may("change a passport", "update firebreak.passport set purpose = 'q' where token_id = 'old'", "operator"),
	may("delete a passport whose time is over", "delete from firebreak.passport where expires < now()", "operator"),
	may("publish a key", `select firebreak.publish_key('da', 'k2', '${jwk("k2")}', now(), 'r')`, "operator"),
	may("withdraw a key", "select firebreak.withdraw_key('da', 'k1', now(), 'r')", "operator"),
	may(
		"insert a key",
		`insert into firebreak.domain_key (domain, kid, jwk, signs_from, reason) values ('da', 'k2', '${jwk("k2")}', now(), 'r')`,
		"operator",
	),
	may("end a key", "update firebreak.domain_key set until = now()", "operator"),
	may("delete a key", "delete from firebreak.domain_key"),
];

/** What is the schema's owner's alone. */
const OWNERS_ALONE: readonly Permission[] = [
	...["history", "revision", "policy_counter", "revocation_counter", "installation"].map((table) =>
		may(`delete from ${table}`, `delete from firebreak.${table}`),
	),
	may(
		"write history",
		"insert into firebreak.history (kind, name, from_revision, spec, at, by) values ('owner', 'x', 1, '{}', now(), 'x')",
	),
	may("rewrite history", "update firebreak.history set by = 'x'"),
	may("insert a revision", "insert into firebreak.revision (number) values (99)"),
	may("set the newest revision", "update firebreak.policy_counter set revision = 99"),
	may("set the newest seq", "update firebreak.revocation_counter set seq = 99"),
	may("hide a change", "delete from firebreak.touched"),
	may("hide that there is one", "delete from firebreak.pending"),
	may("renew the epoch", "select firebreak.renew_epoch()"),
	may("call what triggers call", "select firebreak.write_history(pg_current_xact_id(), 1, false)"),
	may(
		"put a trigger's function on a table of its own",
		"create table pg_temp.t (); create trigger t before insert on pg_temp.t for each row execute function firebreak.touch('owner')",
	),
	may("create a table in the schema", "create table firebreak.mine ()"),
	may("replace a function", "create or replace function firebreak.epoch() returns text language sql as 'select null'"),
	may("take down a trigger", "alter table firebreak.policy disable trigger touch"),
	may("take down row-level security", "alter table firebreak.policy no force row level security"),
].map((permission) => ({ ...permission, may: NOBODY }));

/** By chapters of the documentation. */
export const PERMISSIONS: Readonly<Record<string, readonly Permission[]>> = {
	Reading: READING,
	"Stating policy": AUTHORING,
	"Policy by plain SQL": PLAIN_SQL,
	"The revocation lane": LANE,
	Records: RECORDS,
	"Tokens and keys": TOKENS,
	"The schema's owner alone": OWNERS_ALONE,
};
