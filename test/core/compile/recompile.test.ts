import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Change, Changes, PolicyPlace } from "../../../src/core/compile/changes.ts";
import { compilePolicySet, recompile } from "../../../src/core/compile/compile.ts";
import { runToEnd } from "../../../src/core/compile/generator.ts";
import type { PolicyRow } from "../../../src/core/model.ts";
import type { Snapshot } from "../../../src/core/snapshot.ts";
import { crossing, domain, issuer, policy, policySet, segment, snapshotOf } from "../../support/policy-set.ts";

type Value<Source> = Source extends fc.Arbitrary<infer Made> ? Made : never;

const NAMES = ["a", "b", "c"];
const segments = NAMES.map((name) => segment({ name }));
const nothing: Change<never, never> = { put: [], drop: [] };
const changes = (some: Partial<Changes>): Changes => ({
	epoch: "test",
	revision: 2,
	domains: nothing,
	issuers: nothing,
	segments: nothing,
	crossings: nothing,
	policies: nothing,
	rateLimits: nothing,
	...some,
});

function recompiled(base: Snapshot, some: Partial<Changes>): Snapshot {
	const result = runToEnd(recompile(base, changes(some)));
	if (!result.ok) throw new Error(JSON.stringify(result.problems));
	return result.snapshot;
}

const policies = fc
	.array(
		fc.record({
			name: fc.constantFrom(...Array.from({ length: 30 }, (_, index) => `p${index}`)),
			source: fc.constantFrom(...NAMES, "*"),
			destination: fc.constantFrom(...NAMES),
			paths: fc.constantFrom(["/x"], ["/y/*", "/z/**"], ["/{id}"]),
			upgrade: fc.constantFrom(null, "websocket"),
		}),
		{ maxLength: 40 },
	)
	.map((rows) => new Map(rows.map((row) => [row.name, policy(row)])));

const place = ({ name, source, destination }: PolicyRow): PolicyPlace => ({ name, source, destination });

test("a change gives what compiling everything gives, and leaves the base alone", () => {
	fc.assert(
		fc.property(policies, policies, (before, after) => {
			const base = snapshotOf({ segments, policies: before.values() });
			const frozen = structuredCloneable(base);
			const drop = [...before.values()].filter((row) => after.get(row.name) !== row).map(place);
			const snapshot = recompiled(base, { policies: { put: after.values(), drop } });
			expect(structuredCloneable(snapshot)).toEqual(
				structuredCloneable(snapshotOf({ segments, policies: after.values() }, 2)),
			);
			expect(structuredCloneable(base)).toEqual(frozen);
		}),
	);
});

/** Conditions hold functions; nothing here uses them. Maps keep their insertion order, which means nothing. */
function structuredCloneable(snapshot: Snapshot): unknown {
	const sorted = <V>(map: ReadonlyMap<string, V>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
	return sorted(snapshot.shards).map(([name, shard]) => [name, { ...shard, bySource: sorted(shard.bySource) }]);
}

test("one policy recompiles one rule set of one shard", () => {
	const rows = NAMES.flatMap((destination) =>
		NAMES.map((source) => policy({ name: `${source}-${destination}`, source, destination })),
	);
	const base = snapshotOf({ segments, policies: rows });
	const changed = policy({ name: "b-a", source: "b", destination: "a", paths: ["/other"] });
	const snapshot = recompiled(base, { policies: { put: [changed], drop: [] } });

	expect(snapshot.revision).toBe(2);
	expect(snapshot.shards.get("b")).toBe(base.shards.get("b"));
	expect(snapshot.shards.get("a")).not.toBe(base.shards.get("a"));
	expect(snapshot.shards.get("a")?.bySource.get("c")).toBe(base.shards.get("a")?.bySource.get("c"));
	expect(snapshot.segments).toBe(base.segments);
	expect(snapshot.domains).toBe(base.domains);
	expect(snapshot.crossings).toBe(base.crossings);
});

test("a member moves from one segment to another", () => {
	const base = snapshotOf({ segments });
	const member = segments[0]!.members[0]!;
	const put = [segment({ name: "a", members: [] }), segment({ name: "b", members: [member] })];
	expect(recompiled(base, { segments: { put, drop: [] } }).members.get(member)).toBe("b");
	expect(base.members.get(member)).toBe("a");
});

test("a domain that stops reading tokens is refused while policies demand scopes", () => {
	const base = snapshotOf({
		segments,
		policies: [policy({ name: "p", source: "a", destination: "b", scopes: ["r"] })],
	});
	const put = [domain({ name: "internal", flow: "mtls" })];
	expect(runToEnd(recompile(base, changes({ domains: { put, drop: [] } }))).ok).toBe(false);
	const drop = [{ name: "p", source: "a", destination: "b" }];
	const both = { domains: { put, drop: [] }, policies: { put: [], drop } };
	expect(recompiled(base, both).shards.size).toBe(0);
});

test("what is still used cannot go", () => {
	const rows = { segments, policies: [policy({ name: "p", source: "a", destination: "b" })] };
	const base = snapshotOf({
		...rows,
		domains: [domain({ name: "internal" }), domain({ name: "other" })],
		crossings: [crossing({ name: "c", source_domain: "other", destination_domain: "internal" })],
	});
	const gone = (some: Partial<Changes>) => runToEnd(recompile(base, changes(some)));
	expect(gone({ segments: { put: [], drop: ["b"] } }).ok).toBe(false);
	expect(gone({ segments: { put: [], drop: ["c"] } }).ok).toBe(true);
	expect(gone({ domains: { put: [], drop: ["internal"] } }).ok).toBe(false);
	expect(gone({ crossings: { put: [], drop: ["c"] } }).ok).toBe(true);
});

describe("what did not change, and is wrong by what did", () => {
	const rows = {
		segments,
		policies: [
			policy({ name: "p", source: "a", destination: "b" }),
			policy({ name: "q", source: "b", destination: "b" }),
		],
	};
	const refused = (some: Partial<Changes>, base: Parameters<typeof snapshotOf>[0] = rows) => {
		const result = runToEnd(recompile(snapshotOf(base), changes(some)));
		return result.ok ? [] : result.problems.map(({ object, field, message }) => ({ object, field, message }));
	};

	test("a segment goes, and a policy still names it as its source", () => {
		expect(refused({ segments: { put: [], drop: ["a"] } })).toEqual([
			{ object: "policy p", field: "source", message: 'there is no segment "a"' },
		]);
		const drop = [{ name: "p", source: "a", destination: "b" }];
		expect(refused({ segments: { put: [], drop: ["a"] }, policies: { put: [], drop } })).toEqual([]);
	});

	test("a segment changes its owner, and its policies do not", () => {
		const put = [segment({ name: "b", owner: "other" })];
		const message = "platform does not own the destination b";
		expect(refused({ segments: { put, drop: [] } })).toEqual([
			{ object: "policy p", field: "owner", message },
			{ object: "policy q", field: "owner", message },
		]);
		const moved = rows.policies.map((row) => ({ ...row, owner: "other" }));
		expect(refused({ segments: { put, drop: [] }, policies: { put: moved, drop: [] } })).toEqual([]);
	});

	test("a domain goes, and a crossing still names it", () => {
		const base = {
			...rows,
			domains: [domain({ name: "internal" }), domain({ name: "other" })],
			crossings: [crossing({ name: "c", source_domain: "other", destination_domain: "internal" })],
		};
		const drop = { put: [], drop: ["other"] };
		expect(refused({ domains: drop }, base)).toMatchObject([{ object: "crossing c", field: "source_domain" }]);
		expect(refused({ domains: drop, crossings: { put: [], drop: ["c"] } }, base)).toEqual([]);
	});

	test("what a rate limit is about goes", () => {
		const rate_limits = [{ kind: "segment" as const, name: "c", per_second: 1, burst: 1 }];
		const drop = { put: [], drop: ["c"] };
		expect(refused({ segments: drop }, { ...rows, rate_limits })).toMatchObject([{ object: "rate_limit segment:c" }]);
		expect(refused({ segments: drop, rateLimits: { put: [], drop: ["segment:c"] } }, { ...rows, rate_limits })).toEqual(
			[],
		);
	});

	test("is refused whenever compiling everything refuses it, and never else", () => {
		const owners = fc.record(Object.fromEntries(NAMES.map((name) => [name, fc.constantFrom("x", "y", null)])));
		const world = fc.record({
			owners,
			policies: fc.array(fc.tuple(fc.nat(9), fc.nat(2), fc.nat(2), fc.constantFrom("x", "y"))),
		});
		const rowsOf = ({ owners, policies }: Value<typeof world>, sound: boolean) => {
			const all = policies.map(([n, from, to, owner]) =>
				policy({ name: `p${n}`, source: NAMES[from]!, destination: NAMES[to]!, owner }),
			);
			const isSound = ({ source, destination, owner }: PolicyRow) => owners[source] && owners[destination] === owner;
			return {
				segments: NAMES.filter((name) => owners[name]).map((name) => segment({ name, owner: owners[name]! })),
				policies: new Map((sound ? all.filter(isSound) : all).map((row) => [row.name, row])),
			};
		};
		fc.assert(
			fc.property(world, world, (first, second) => {
				const [was, is] = [rowsOf(first, true), rowsOf(second, false)];
				const whole = runToEnd(compilePolicySet(policySet({ ...is, policies: [...is.policies.values()] }, 2)));
				const same = (a: object, b: object | undefined) => JSON.stringify(a) === JSON.stringify(b);
				const old = new Map(was.segments.map((row) => [row.name, row]));
				const names = new Set(is.segments.map(({ name }) => name));
				const result = runToEnd(
					recompile(
						snapshotOf({ segments: was.segments, policies: was.policies.values() }),
						changes({
							segments: {
								put: is.segments.filter((row) => !same(row, old.get(row.name))),
								drop: was.segments.map(({ name }) => name).filter((name) => !names.has(name)),
							},
							policies: {
								put: [...is.policies.values()].filter((row) => !same(row, was.policies.get(row.name))),
								drop: [...was.policies.values()].filter((row) => !same(row, is.policies.get(row.name))).map(place),
							},
						}),
					),
				);
				expect(result.ok).toBe(whole.ok);
			}),
			{ numRuns: 500 },
		);
	});
});

test("an issuer that did not change keeps its row, also when everything is loaded anew", () => {
	const rows = () => [
		issuer({ url: "https://a.example.org", domain: "internal" }),
		issuer({ url: "https://b.example.org", domain: "internal" }),
	];
	const before = snapshotOf({ issuers: rows() });
	const changed = rows().map((row) => (row.url.includes("b.") ? { ...row, audiences: ["other"] } : row));
	const result = runToEnd(compilePolicySet(policySet({ issuers: changed }, 2), before));
	const [a, b] = result.ok ? (result.snapshot.domains.get("internal")?.issuers ?? []) : [];
	expect(a).toBe(before.domains.get("internal")?.issuers[0]);
	expect(b?.audiences).toEqual(["other"]);
});
