import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { compilePolicySet, recompile } from "../../src/core/compile/compile.ts";
import { runToEnd } from "../../src/core/compile/generator.ts";
import type { PolicySet } from "../../src/core/model.ts";
import type { Snapshot } from "../../src/core/snapshot.ts";
import { loadChanges } from "../../src/store/changes.ts";
import { loadLane } from "../../src/store/lane.ts";
import { loadPolicySet, loadPolicySetAt } from "../../src/store/load.ts";
import { type Database, openDatabase } from "../../src/store/pool.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { refusal } from "./support/workbench.ts";

let test_: TestDatabase;
let database: Database;

beforeAll(async () => {
	test_ = await createTestDatabase();
	database = openDatabase(test_.url, { applicationName: "firebreak load test" });
});
afterAll(async () => {
	await database?.end();
	await test_?.drop();
});

/** One transaction, and so at most one revision. */
async function commit(...statements: string[]): Promise<void> {
	const client = await test_.connect();
	await client.query(statements.join(";\n"));
	await client.end();
}

const load = () => database.withClient((client) => loadPolicySet(client));
const plain = (set: PolicySet) => ({ ...set, policies: [...set.policies] });
const byName = <T extends { name: string }>(rows: readonly T[]) => [...rows].sort((a, b) => (a.name < b.name ? -1 : 1));

function compiled(set: PolicySet): Snapshot {
	const result = runToEnd(compilePolicySet(set));
	if (!result.ok) throw new Error(JSON.stringify(result.problems));
	return result.snapshot;
}

const COMPANY = [
	"select firebreak.owner('team', role => null)",
	"select firebreak.domain('one', 'team', flow => 'mtls+token', passport => 'required', on_stale => 'bound_only', hidden => true, audit => 'denials', mode => 'monitor')",
	"select firebreak.domain('two', 'team')",
	`select firebreak.issuer('https://id.example.org', 'one', audiences => array['a', 'b c'], algorithms => array['ES256'],
		max_lifetime => '90 minutes', binding => 'dpop', jwks_uri => 'https://id.example.org/jwks', options => '{"x": [1]}')`.replace(
		"'b c'",
		"'b,c'",
	),
	`select firebreak.segment('s', 'one', 'prod', 'team', array['spiffe://example.org/b', 'spiffe://example.org/a/*'],
		probes => array['/healthz'], path_exceptions => array['semicolon'], credential_upstream => 'strip', trusted_proxy => true,
		enforcer => true, mode => 'monitor')`,
	"select firebreak.segment('t', 'two', 'prod', 'team', '{}')",
	`select firebreak.crossing('c', 'team', 'why', '2030-01-01T00:00:00.5Z', 'two', 'one', 'prod', 'prod', 'mtls+token')`,
	"select firebreak.rate_limit('segment', 's', 2.5, 10)",
	`select firebreak.allow('p', 't', 's', 'team', methods => array['GET'], paths => array['/v1/{id}', '/a;b'],
		hosts => array['h.example.org'], scopes => array['x:y'], scopes_any => array['p', 'q'], condition => 'params.id == "1"'
		)`.replace(", '/a;b'", ""),
	`select firebreak.deny('q', '*', 's', 'team', grpc => array['a.B/C*'], upgrade => 'websocket', mode => 'monitor',
		valid => tstzrange('2026-01-01T00:00:00.25Z', '2027-01-01T00:00:00Z'), reason => 'because')`,
];

describe("loadPolicySet", () => {
	test("an empty database is an empty set of revision 0", async () => {
		expect(plain(await load())).toEqual({
			epoch: expect.stringMatching(/^[0-9a-f]{32}$/),
			revision: 0,
			owners: [],
			domains: [],
			issuers: [],
			segments: [],
			crossings: [],
			policies: [],
			rate_limits: [],
		});
	});

	test("reads every column of every kind", async () => {
		await commit(...COMPANY);
		const set = plain(await load());
		expect(set).toMatchObject({
			revision: 1,
			owners: [{ name: "team", role: null }],
			issuers: [
				{
					url: "https://id.example.org",
					domain: "one",
					profile: "rfc9068",
					audiences: ["a", "b,c"],
					algorithms: ["ES256"],
					max_lifetime: 5_400,
					binding: "dpop",
					jwks_uri: "https://id.example.org/jwks",
					jwks: null,
					options: { x: [1] },
				},
			],
			crossings: [
				{
					name: "c",
					owner: "team",
					reason: "why",
					expires: Date.UTC(2030, 0, 1) + 500,
					source_domain: "two",
					destination_domain: "one",
					source_environment: "prod",
					destination_environment: "prod",
					flow: "mtls+token",
					accepted: false,
				},
			],
			rate_limits: [{ kind: "segment", name: "s", per_second: 2.5, burst: 10 }],
		});
		expect(byName(set.domains)[0]).toEqual({
			name: "one",
			owner: "team",
			flow: "mtls+token",
			passport: "required",
			on_stale: "bound_only",
			hidden: true,
			audit: "denials",
			mode: "monitor",
		});
		expect(byName(set.segments)).toEqual([
			{
				name: "s",
				domain: "one",
				environment: "prod",
				owner: "team",
				members: ["spiffe://example.org/a/*", "spiffe://example.org/b"],
				probes: ["/healthz"],
				path_exceptions: ["semicolon"],
				credential_upstream: "strip",
				trusted_proxy: true,
				enforcer: true,
				mode: "monitor",
				origins: [],
			},
			expect.objectContaining({ name: "t", members: [], probes: [] }),
		]);
		expect(byName(set.policies)).toEqual([
			{
				name: "p",
				effect: "allow",
				source: "t",
				destination: "s",
				owner: "team",
				methods: ["GET"],
				paths: ["/v1/{id}"],
				grpc: [],
				hosts: ["h.example.org"],
				scopes: ["x:y"],
				scopes_any: ["p", "q"],
				condition: 'params.id == "1"',
				upgrade: null,
				valid_from: null,
				valid_until: null,
				mode: "enforce",
			},
			{
				name: "q",
				effect: "deny",
				source: "*",
				destination: "s",
				owner: "team",
				methods: [],
				paths: [],
				grpc: ["a.B/C*"],
				hosts: [],
				scopes: [],
				scopes_any: [],
				condition: null,
				upgrade: "websocket",
				valid_from: Date.UTC(2026, 0, 1) + 250,
				valid_until: Date.UTC(2027, 0, 1),
				mode: "monitor",
			},
		]);
	});

	test("an acceptance shows, and is gone when the crossing changes", async () => {
		await commit("select firebreak.accept_crossing('c', 'team')");
		expect((await load()).crossings[0]).toMatchObject({ accepted: true });
		await commit(COMPANY[6]!.replace("'why'", "'why not'"));
		expect((await load()).crossings[0]).toMatchObject({ accepted: false, reason: "why not" });
	});

	test("tells how far it is", async () => {
		const counts: number[] = [];
		await database.withClient((client) => loadPolicySet(client, { progress: (policies) => counts.push(policies) }));
		expect(counts).toEqual([2]);
	});

	test("sees one instant: what is committed while it reads comes with the next load", async () => {
		const before = plain(await load());
		const [writer, witness] = await Promise.all([test_.connect(), test_.connect()]);
		await writer.query("begin; lock table firebreak.policy in access exclusive mode");
		const loading = load();
		for (let waiting = 0; waiting === 0; ) {
			const { rowCount } = await witness.query(
				"select from pg_stat_activity where application_name = 'firebreak load test' and wait_event_type = 'Lock'",
			);
			waiting = rowCount ?? 0;
		}
		await writer.query("select firebreak.allow('late', 't', 's', 'team', array['GET'], array['/late']); commit");
		expect(plain(await loading)).toEqual(before);
		expect([...(await load()).policies].map(({ name }) => name)).toContain("late");
		await commit("select firebreak.remove('policy', 'late')");
	});
});

test("a member of firebreak_server may read all that a server reads, and write none of it", async () => {
	const server = await test_.connect({ role: await test_.role("server", "firebreak_server") });
	const set = await loadPolicySet(server);
	expect(plain(set)).toEqual(plain(await load()));
	expect(await loadChanges(server, set)).toMatchObject({ revision: set.revision });
	expect(await loadLane(server, 0)).toEqual([]);
	await loadPolicySetAt(server, 1);
	await server.query("listen firebreak_head");
	await expect(server.query("select firebreak.remove('policy', 'p')")).rejects.toThrow("permission denied");
});

describe("loadPolicySetAt", () => {
	test("gives each revision as it stood", async () => {
		const now = plain(await load());
		const sorted = (set: PolicySet) => ({
			...set,
			policies: byName([...set.policies]),
			segments: byName(set.segments),
			domains: byName(set.domains),
		});
		const at = (revision: number) => database.withClient((client) => loadPolicySetAt(client, revision));
		expect(sorted(await at(now.revision))).toEqual(sorted(now));
		expect((await at(1)).crossings[0]).toMatchObject({ accepted: false, reason: "why" });
		expect((await at(2)).crossings[0]).toMatchObject({ accepted: true, reason: "why" });
		expect(plain(await at(0))).toMatchObject({ revision: 0, segments: [], policies: [] });
	});

	test.each([-1, 1_000_000, 1.5, Number.NaN])("refuses revision %d", async (revision) => {
		const error = await refusal(database.withClient((client) => loadPolicySetAt(client, revision)));
		expect(error.code).toBe("not_found");
	});
});

describe("loadLane", () => {
	test("gives the rows behind a number, in order", async () => {
		await commit(
			"select firebreak.revoke_token('https://id.example.org', 't1', 'stolen')",
			"select firebreak.quarantine('segment', 's', 'odd', '2030-01-01T00:00:00Z')",
		);
		const rows = await database.withClient((client) => loadLane(client, 0));
		expect(rows).toMatchObject([
			{ seq: 1, kind: "revoke_token", payload: { issuer: "https://id.example.org", token_id: "t1" } },
			{ seq: 2, kind: "quarantine", key: "segment:s", until: Date.UTC(2030, 0, 1) },
		]);
		expect(await database.withClient((client) => loadLane(client, 1))).toEqual([rows[1]]);
		expect(await database.withClient((client) => loadLane(client, 2))).toEqual([]);
	});
});

describe("loadChanges", () => {
	const changes = (base: { epoch: string; revision: number }) =>
		database.withClient((client) => loadChanges(client, base));

	test("asks for a whole load in another epoch, before the base, and when path exceptions change", async () => {
		const { epoch, revision } = await load();
		expect(await changes({ epoch: "another", revision })).toBeNull();
		expect(await changes({ epoch, revision: revision + 1 })).toBeNull();
		expect(await changes({ epoch, revision })).toMatchObject({ revision, policies: { put: [], drop: [] } });
		await commit("select firebreak.segment('t', 'two', 'prod', 'team', '{}', path_exceptions => array['utf8'])");
		expect(await changes({ epoch, revision })).toBeNull();
		expect(await changes({ epoch, revision: revision + 1 })).toMatchObject({ segments: { put: [] } });
	});

	test("made to the snapshot of any earlier revision, gives the snapshot of a whole load", async () => {
		await commit(
			"select firebreak.remove('rate_limit', 'segment:s')",
			"select firebreak.remove('crossing', 'c')",
			"select firebreak.remove('issuer', 'https://id.example.org')",
		);
		const step = fc.oneof(
			fc
				.record({ n: fc.nat(3), to: fc.constantFrom("u0", "u1"), path: fc.constantFrom("/a", "/b") })
				.map(
					({ n, to, path }) => `select firebreak.allow('r${n}', 'u2', '${to}', 'team', array['GET'], array['${path}'])`,
				),
			fc.nat(3).map((n) => `select firebreak.remove('policy', 'r${n}')`),
			fc.nat(2).map((n) => `select firebreak.segment('v${n}', 'two', 'prod', 'team', array['spiffe://example.org/v'])`),
			fc.nat(2).map((n) => `select firebreak.remove('segment', 'v${n}')`),
			fc.nat(1).map((n) => `select firebreak.rate_limit('domain', 'two', ${n + 1}, 5)`),
			fc.constant("select firebreak.remove('rate_limit', 'domain:two')"),
			fc.nat(1).map((n) => `select firebreak.domain('three', 'team', hidden => ${n === 1})`),
			fc.constant("select firebreak.remove('domain', 'three')"),
			fc
				.constantFrom("one", "two")
				.map(
					(domain) =>
						`select firebreak.issuer('https://other.example.org', '${domain}', audiences => array['a'], jwks_uri => 'https://x.example.org')`,
				),
			fc.constant("select firebreak.remove('issuer', 'https://other.example.org')"),
			fc.constant("select firebreak.crossing('k', 'team', 'why', '2030-01-01', 'one', 'two')"),
			fc.constant("select firebreak.accept_crossing('k', 'team')"),
			fc.constant("select firebreak.remove('crossing', 'k')"),
		);
		await commit(
			...["u0", "u1", "u2"].map((name) => `select firebreak.segment('${name}', 'two', 'prod', 'team', '{}')`),
		);
		const bases = [compiled(await load())];
		await fc.assert(
			fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), fc.nat(), async (steps, choice) => {
				// What contradicts itself is refused by the database, and changes nothing.
				await commit(...steps).catch(() => undefined);
				const whole = compiled(await load());
				const base = bases[choice % bases.length]!;
				const since = await changes(base);
				const result = runToEnd(recompile(base, since!));
				expect(result).toEqual({ ok: true, snapshot: whole });
				// To one that lies between, too.
				const past = bases[bases.indexOf(base) + ((choice >>> 8) % (bases.length - bases.indexOf(base)))]!;
				const until = await database.withClient((client) => loadChanges(client, base, past.revision));
				expect(runToEnd(recompile(base, until!))).toEqual({ ok: true, snapshot: past });
				bases.push(whole);
			}),
			{ numRuns: 40 },
		);
		expect(bases.at(-1)!.revision).toBeGreaterThan(10);
	});
});
