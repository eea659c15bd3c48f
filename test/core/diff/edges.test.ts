import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { diffEdges, type EdgeDiff } from "../../../src/core/diff/edges.ts";
import type { PolicyRow } from "../../../src/core/model.ts";
import { crossing, domain, policy, policySet, type Rows, segment, snapshotOf } from "../../support/policy-set.ts";
import { decideOn, NOW, requestOf } from "../../support/requests.ts";

const diff = (before: Rows, after: Rows): EdgeDiff => diffEdges(policySet(before), policySet(after), NOW);
const told = ({ opened, closed }: EdgeDiff) => ({
	opened: opened.map(({ source, destination, segments }) => [source, destination, ...(segments ? [segments] : [])]),
	closed: closed.map(({ source, destination, segments }) => [source, destination, ...(segments ? [segments] : [])]),
});

const segments = ["a", "b", "c"].map((name) => segment({ name }));
const elsewhere = segment({ name: "x", domain: "partner" });
const domains = [domain({ name: "internal" }), domain({ name: "partner" })];
const allow = (source: string, destination: string, row: Partial<PolicyRow> = {}) =>
	policy({ name: `${source}-${destination}`, source, destination, ...row });
const deny = (source: string, destination: string, row: Partial<PolicyRow> = {}) =>
	policy({ name: `no-${source}-${destination}`, source, destination, effect: "deny", methods: ["*"], ...row });
const join = (row: Parameters<typeof crossing>[0] | object = {}) =>
	crossing({ name: "join", source_domain: "partner", destination_domain: "internal", ...row });

/** What happens to edges when the policies (and more) change from the one to the other. */
const CASES: readonly [what: string, before: Rows, after: Rows, opened: unknown[], closed: unknown[]][] = [
	["nothing changes", { segments, policies: [allow("a", "b")] }, { segments, policies: [allow("a", "b")] }, [], []],
	["a policy is added", { segments }, { segments, policies: [allow("a", "b")] }, [["a", "b"]], []],
	["a policy is removed", { segments, policies: [allow("a", "b")] }, { segments }, [], [["a", "b"]]],
	[
		"a second policy for an open edge changes nothing",
		{ segments, policies: [allow("a", "b")] },
		{ segments, policies: [allow("a", "b"), allow("a", "b", { name: "other" })] },
		[],
		[],
	],
	[
		"a policy moves to another destination",
		{ segments, policies: [allow("a", "b", { name: "p" })] },
		{ segments, policies: [allow("a", "c", { name: "p" })] },
		[["a", "c"]],
		[["a", "b"]],
	],
	[
		"what a policy demands on top changes no edge",
		{ segments, policies: [allow("a", "b")] },
		{ segments, policies: [allow("a", "b", { scopes: ["read"], condition: "false" })] },
		[],
		[],
	],
	[
		"* opens for every segment that may meet",
		{ segments },
		{ segments, policies: [allow("*", "b")] },
		[["*", "b", ["a", "b", "c"]]],
		[],
	],
	[
		"* beside a policy by name opens only the rest",
		{ segments, policies: [allow("a", "b")] },
		{ segments, policies: [allow("a", "b"), allow("*", "b", { name: "all" })] },
		[["*", "b", ["b", "c"]]],
		[],
	],
	[
		"a new segment is let in by *",
		{ segments: segments.slice(0, 2), policies: [allow("*", "b")] },
		{ segments, policies: [allow("*", "b")] },
		[["*", "b", ["c"]]],
		[],
	],
	[
		"a segment that goes closes its edges",
		{ segments, policies: [allow("*", "b"), allow("c", "a")] },
		{ segments: segments.slice(0, 2), policies: [allow("*", "b")] },
		[],
		[
			["c", "a"],
			["*", "b", ["c"]],
		],
	],
	[
		"a segment in another domain is not let in",
		{ domains, segments, policies: [allow("*", "b")] },
		{ domains, segments: [...segments, elsewhere], policies: [allow("*", "b"), allow("x", "b")] },
		[],
		[],
	],
	[
		"a crossing opens what policies already allow",
		{ domains, segments: [...segments, elsewhere], policies: [allow("*", "b"), allow("x", "c")] },
		{ domains, segments: [...segments, elsewhere], policies: [allow("*", "b"), allow("x", "c")], crossings: [join()] },
		[
			["*", "b", ["x"]],
			["x", "c"],
		],
		[],
	],
	[
		"a crossing that is not accepted opens nothing",
		{ domains, segments: [...segments, elsewhere], policies: [allow("*", "b")] },
		{
			domains,
			segments: [...segments, elsewhere],
			policies: [allow("*", "b")],
			crossings: [join({ accepted: false })],
		},
		[],
		[],
	],
	[
		"a crossing that has ended opens nothing",
		{ domains, segments: [...segments, elsewhere], policies: [allow("*", "b")], crossings: [join()] },
		{ domains, segments: [...segments, elsewhere], policies: [allow("*", "b")], crossings: [join({ expires: NOW })] },
		[],
		[["*", "b", ["x"]]],
	],
	[
		"a segment that moves to another domain or environment",
		{ segments, policies: [allow("a", "b"), allow("*", "c")] },
		{
			segments: [segment({ name: "a", environment: "staging" }), ...segments.slice(1)],
			policies: [allow("a", "b"), allow("*", "c")],
		},
		[],
		[
			["a", "b"],
			["*", "c", ["a"]],
		],
	],
	[
		"a destination that moves closes what reached it",
		{ segments, policies: [allow("a", "b"), allow("*", "b", { name: "all" })] },
		{
			segments: [segments[0]!, segment({ name: "b", environment: "dev" }), segments[2]!],
			policies: [allow("a", "b"), allow("*", "b", { name: "all" })],
		},
		[],
		[
			["*", "b", ["c"]],
			["a", "b"],
		],
	],
	[
		"anonymous is opened by name",
		{ segments },
		{ segments, policies: [allow("anonymous", "b")] },
		[["anonymous", "b"]],
		[],
	],
	[
		"anonymous is not meant by *",
		{ segments: [] },
		{ segments: [segments[0]!], policies: [allow("*", "a")] },
		[["*", "a", ["a"]]],
		[],
	],
	[
		"a deny of everything closes",
		{ segments, policies: [allow("a", "b")] },
		{ segments, policies: [allow("a", "b"), deny("a", "b")] },
		[],
		[["a", "b"]],
	],
	[
		"a deny of everything from * closes all, but not anonymous",
		{ segments, policies: [allow("a", "b"), allow("*", "b", { name: "all" }), allow("anonymous", "b")] },
		{
			segments,
			policies: [allow("a", "b"), allow("*", "b", { name: "all" }), allow("anonymous", "b"), deny("*", "b")],
		},
		[],
		[
			["*", "b", ["b", "c"]],
			["a", "b"],
		],
	],
	...(
		[
			["of one path", { paths: ["/v1"] }],
			["of one method", { methods: ["GET"] }],
			["of one host", { hosts: ["b.example.org"] }],
			["of who holds a scope", { scopes: ["read"] }],
			["of who holds one of some scopes", { scopes_any: ["read"] }],
			["under a condition", { condition: "false" }],
			["of an upgrade", { upgrade: "websocket" }],
			["that is monitored", { mode: "monitor" }],
			["that is not yet valid", { valid_from: NOW + 1 }],
			["that is over", { valid_until: NOW }],
		] as const
	).map(([what, row]): (typeof CASES)[number] => [
		`a deny ${what} closes nothing`,
		{ segments, policies: [allow("a", "b")] },
		{ segments, policies: [allow("a", "b"), deny("a", "b", row)] },
		[],
		[],
	]),
	[
		"an allow that is over opens nothing",
		{ segments },
		{ segments, policies: [allow("a", "b", { valid_until: NOW })] },
		[],
		[],
	],
	[
		"an allow that begins later opens",
		{ segments },
		{ segments, policies: [allow("a", "b", { valid_from: NOW + 1 })] },
		[["a", "b"]],
		[],
	],
	[
		"a monitored allow opens",
		{ segments },
		{ segments, policies: [allow("a", "b", { mode: "monitor" })] },
		[["a", "b"]],
		[],
	],
];

describe("diffEdges", () => {
	test.each(CASES)("%s", (_what, before, after, opened, closed) => {
		expect(told(diff(before, after))).toEqual({ opened, closed });
		// The other way round is the other way round.
		expect(told(diff(after, before))).toEqual({ opened: closed, closed: opened });
	});

	test("tells where denials begin and end to count only as what would have been", () => {
		const watched = [segment({ name: "a", mode: "monitor" }), ...segments.slice(1)];
		expect(diff({ segments }, { segments: watched }).monitor).toEqual({ begun: ["a"], ended: [] });
		expect(diff({ segments: watched }, { segments }).monitor).toEqual({ begun: [], ended: ["a"] });
		const monitored = [domain({ name: "internal", mode: "monitor" })];
		expect(diff({ segments: watched }, { segments: watched, domains: monitored }).monitor).toEqual({
			begun: ["b", "c"],
			ended: [],
		});
	});

	test("agrees with what requests between any two segments are answered", () => {
		fc.assert(
			fc.property(changes, ([before, after]) => {
				const { opened, closed } = diff(before, after);
				const [was, is] = [openEdges(before), openEdges(after)];
				expect(new Set(opened.flatMap(pairs))).toEqual(without(is, was));
				expect(new Set(closed.flatMap(pairs))).toEqual(without(was, is));
			}),
			{ numRuns: 300 },
		);
	});
});

const pairs = ({ source, destination, segments: through }: EdgeDiff["opened"][number]) =>
	(through ?? [source]).map((name) => `${name} ${destination}`);

const without = (set: ReadonlySet<string>, other: ReadonlySet<string>) =>
	new Set([...set].filter((edge) => !other.has(edge)));

const NAMES = ["a", "b", "c", "d"];

const place = fc.option(
	fc.record({ domain: fc.constantFrom("internal", "partner"), environment: fc.constantFrom("prod", "dev") }),
	{ nil: null, freq: 5 },
);
/** Small worlds whose policies are about every request, so that one request tells whether an edge is open. */
const worlds = fc.record({
	places: fc.array(place, { minLength: NAMES.length, maxLength: NAMES.length }),
	policies: fc.uniqueArray(
		fc.record({
			source: fc.constantFrom(...NAMES, "*", "*", "anonymous"),
			destination: fc.constantFrom(...NAMES),
			effect: fc.constantFrom("allow" as const, "allow" as const, "allow" as const, "deny" as const),
		}),
		{ selector: ({ source, destination, effect }) => `${source} ${destination} ${effect}`, maxLength: 12 },
	),
	crossing: fc.option(fc.record({ accepted: fc.boolean() }), { nil: null }),
});
type World = typeof worlds extends fc.Arbitrary<infer Value> ? Value : never;

/** One part of the world changes at a time, or several. */
const changes = fc
	.tuple(worlds, worlds, fc.record({ places: fc.boolean(), policies: fc.boolean(), crossing: fc.boolean() }), fc.nat(3))
	.map(([before, other, takes, index]) => {
		const places = before.places.with(index, other.places[index]!);
		const after: World = {
			places: takes.places ? places : before.places,
			policies: takes.policies ? [...other.policies.slice(0, 1), ...before.policies.slice(1)] : before.policies,
			crossing: takes.crossing ? other.crossing : before.crossing,
		};
		return [rowsOf(before), rowsOf(after)] as const;
	});

function rowsOf({ places, policies, crossing: joining }: World): Rows {
	const rows = NAMES.flatMap((name, index) => (places[index] ? [segment({ name, ...places[index] })] : []));
	const known = new Set(["*", "anonymous", ...rows.map(({ name }) => name)]);
	return {
		domains: [domain({ name: "internal", flow: "mtls" }), domain({ name: "partner", flow: "mtls" })],
		segments: rows,
		crossings: joining ? [join(joining)] : [],
		policies: policies
			.filter(({ source, destination }) => known.has(source) && known.has(destination))
			.map((row, index) => policy({ ...row, name: `p${index}`, methods: ["*"] })),
	};
}

function openEdges(rows: Rows): Set<string> {
	const snapshot = snapshotOf(rows);
	const open = new Set<string>();
	for (const { name: to } of rows.segments ?? []) {
		for (const from of [...(rows.segments ?? []).map(({ name }) => name), null]) {
			const { allow: allowed } = decideOn(snapshot, requestOf({ from, to, path: "/x" }));
			if (allowed) open.add(`${from ?? "anonymous"} ${to}`);
		}
	}
	return open;
}
