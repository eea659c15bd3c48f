/** Findings about Firebreak's own side, as data: each one in facts that have it and no other. */
import { describe, expect, test } from "@jest/globals";
import { FINDINGS, type FindingId } from "../../../src/doctor/firebreak/catalogue.ts";
import { examineFirebreak, type Facts } from "../../../src/doctor/firebreak/examine.ts";
import { crossing, domain, issuer, policy, policySet, segment } from "../../support/policy-set.ts";

const NOW = Date.UTC(2026, 0, 31);
const DAY = 86_400_000;
const LIVE = { id: "a", live: true, behind: { revisions: 0, revocations: 0 }, refused: null, problem: null };
const PROBLEM = { object: "policy x", message: "it is too wide", cure: "narrow it" };

const WIDE = { name: "p", source: "*", destination: "a" };
const PAIR = { source_domain: "internal", destination_domain: "partner" };

const SOUND_SET = {
	domains: [domain({ name: "internal", flow: "mtls+token" })],
	issuers: [issuer({ url: "https://id.example.org", domain: "internal" })],
	segments: [segment({ name: "a", domain: "internal" })],
	policies: [policy(WIDE)],
	crossings: [crossing({ ...PAIR, name: "c", expires: NOW + 365 * DAY })],
};
const SOUND: Facts = {
	configuration: [],
	standby: false,
	clock: { here: NOW, database: NOW + 4_000, tookMs: 10 },
	schema: [],
	servers: [LIVE],
	policies: { set: policySet(SOUND_SET), problems: [] },
};

const withSet = (changes: object): Partial<Facts> => ({
	policies: { set: policySet({ ...SOUND_SET, ...changes }), problems: [] },
});

const CASES: readonly (readonly [string, Partial<Facts>, readonly (readonly [FindingId, string])[]])[] = [
	["a wrong setting", { configuration: [PROBLEM] }, [["configuration_invalid", "policy x"]]],
	["a standby", { standby: true }, [["database_standby", "database"]]],
	["a slow clock", { clock: { here: NOW, database: NOW + 9_000, tookMs: 100 } }, [["clock_skew", "database"]]],
	["a fast clock", { clock: { here: NOW + 9_000, database: NOW, tookMs: 100 } }, [["clock_skew", "database"]]],
	["a slow answer", { clock: { here: NOW + 9_000, database: NOW, tookMs: 5_000 } }, []],
	["no schema", { schema: null, servers: [], policies: null }, [["schema_missing", "database"]]],
	[
		"migrations of the schema",
		{
			schema: [
				{ name: "1", state: "pending" },
				{ name: "2", state: "edited" },
				{ name: "3", state: "unknown" },
			],
		},
		[
			["schema_pending", "migration 1"],
			["schema_edited", "migration 2"],
			["schema_newer", "migration 3"],
		],
	],
	[
		"policies that do not compile",
		{ policies: { set: policySet(SOUND_SET), problems: [PROBLEM] } },
		[["policies_uncompilable", "policy x"]],
	],
	["no policy", withSet({ policies: [] }), [["policies_none", "policies"]]],
	["denials alone", withSet({ policies: [policy({ ...WIDE, effect: "deny" })] }), [["policies_none", "policies"]]],
	["no server", { servers: [] }, [["servers_none", "servers"]]],
	[
		"silent servers",
		{ servers: [{ ...LIVE, live: false, behind: null }] },
		[
			["servers_none", "servers"],
			["server_silent", "server a"],
		],
	],
	[
		"a server behind",
		{
			servers: [
				{ ...LIVE, behind: { revisions: 2, revocations: 1 } },
				{ ...LIVE, id: "b", behind: null },
			],
		},
		[
			["server_behind", "server a"],
			["server_behind", "server b"],
		],
	],
	[
		"a server that refuses",
		{ servers: [{ ...LIVE, behind: { revisions: 1, revocations: 0 }, refused: 7, problem: "policy x: unknown flow" }] },
		[["server_refuses", "server a"]],
	],
	["a flow with tokens, and no issuer", withSet({ issuers: [] }), [["domain_without_issuer", "domain internal"]]],
	["a flow without tokens", withSet({ domains: [domain({ name: "internal", flow: "mtls" })], issuers: [] }), []],
	[
		"monitors",
		withSet({
			domains: [domain({ name: "internal", mode: "monitor" })],
			segments: [segment({ name: "a", domain: "internal", mode: "monitor" })],
			policies: Array.from({ length: 22 }, (_, index) => policy({ ...WIDE, name: `p${index}`, mode: "monitor" })),
		}),
		[
			["monitored", "domain internal"],
			["monitored", "segment a"],
			...Array.from({ length: 20 }, (_, index) => ["monitored", `policy p${index}`] as const),
			["monitored", "2 more policies"],
		],
	],
	[
		"crossings",
		withSet({
			crossings: [
				crossing({ ...PAIR, name: "over", expires: NOW }),
				crossing({ ...PAIR, name: "soon", expires: NOW + DAY }),
				crossing({ ...PAIR, name: "offered", expires: NOW + 365 * DAY, accepted: false }),
			],
		}),
		[
			["crossing_expired", "crossing over"],
			["crossing_expiring", "crossing soon"],
			["crossing_unaccepted", "crossing offered"],
		],
	],
];

test("nothing is wrong with sound facts", () => {
	expect(examineFirebreak(SOUND)).toEqual([]);
});

describe("wrong by", () => {
	test.each(CASES)("%s", (_what, changes, expected) => {
		const found = examineFirebreak({ ...SOUND, ...changes });
		expect(found.map(({ id, place }) => [id, place])).toEqual(expected);
	});
});

test("every finding is tried", () => {
	const tried = new Set(CASES.flatMap(([, , expected]) => expected.map(([id]) => id)));
	expect([...tried].sort()).toEqual(Object.keys(FINDINGS).sort());
});

test("says what it is about", () => {
	const told = (changes: Partial<Facts>) => examineFirebreak({ ...SOUND, ...changes })[0]!.what;
	expect(told({ clock: { here: NOW, database: NOW + 90_000, tookMs: 0 } })).toMatch(/^90s apart: /);
	expect(told({ policies: { set: policySet(SOUND_SET), problems: [PROBLEM] } })).toMatch(
		/^policy x: it is too wide \(narrow it\): /,
	);
	expect(told({ servers: [{ ...LIVE, behind: { revisions: 2, revocations: 1 } }] })).toMatch(
		/^2 revisions and 1 revoc/,
	);
});
