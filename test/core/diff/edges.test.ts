import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { diffEdges, type EdgeDiff } from "../../../src/core/diff/edges.ts";
import { domain, policy, policySet, type Rows, segment, snapshotOf } from "../../support/policy-set.ts";
import { decideOn, NOW, requestOf } from "../../support/requests.ts";
import { CASES, join, segments } from "./edge-cases.ts";

const diff = (before: Rows, after: Rows): EdgeDiff => diffEdges(policySet(before), policySet(after), NOW);
const told = ({ opened, closed }: EdgeDiff) => ({
	opened: opened.map(({ source, destination, segments }) => [source, destination, ...(segments ? [segments] : [])]),
	closed: closed.map(({ source, destination, segments }) => [source, destination, ...(segments ? [segments] : [])]),
});

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
