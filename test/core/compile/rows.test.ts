import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { compilePolicySet, EMPTY_SNAPSHOT, recompile } from "../../../src/core/compile/compile.ts";
import { runToEnd } from "../../../src/core/compile/generator.ts";
import { rowsOf } from "../../../src/core/compile/rows.ts";
import type { PolicySet } from "../../../src/core/model.ts";
import type { Snapshot } from "../../../src/core/snapshot.ts";
import { crossing, domain, issuer, policy, policySet, segment, snapshotOf } from "../../support/policy-set.ts";
import { worlds } from "../../support/worlds.ts";

function compiled(set: PolicySet): Snapshot {
	const result = runToEnd(compilePolicySet(set));
	if (!result.ok) throw new Error(JSON.stringify(result.problems));
	return result.snapshot;
}

test("the rows of a snapshot compile to the same snapshot", () => {
	fc.assert(
		fc.property(worlds, (set) => {
			const snapshot = compiled(set);
			expect(compiled(rowsOf(snapshot))).toEqual(snapshot);
		}),
		{ numRuns: 200 },
	);
});

test("they say what was written", () => {
	const written = policySet(
		{
			domains: [domain({ name: "internal" }), domain({ name: "partner", hidden: true })],
			issuers: [issuer({ url: "https://id.example.org", domain: "partner", options: {} })],
			segments: [segment({ name: "a", path_exceptions: ["semicolon"], owner: "team" }), segment({ name: "b" })],
			crossings: [crossing({ name: "c", source_domain: "internal", destination_domain: "partner" })],
			policies: [
				policy({
					name: "full",
					source: "b",
					destination: "a",
					owner: "team",
					effect: "deny",
					methods: ["POST", "GET"],
					paths: ["/v1/{id}/x;y", "/v2/**"],
					grpc: ["a.B/C*"],
					hosts: ["h.example.org"],
					scopes: ["s:r"],
					scopes_any: ["p", "q"],
					condition: "request.method == 'GET'",
					upgrade: "websocket",
					valid_from: 1_000,
					valid_until: null,
					mode: "monitor",
				}),
				policy({ name: "any", source: "*", destination: "b", methods: ["*"] }),
				policy({ name: "grpc", source: "anonymous", destination: "b", grpc: ["a.B/C"], valid_until: 5 }),
			],
			rate_limits: [{ kind: "segment", name: "a", per_second: 2.5, burst: 3 }],
		},
		7,
	);
	const rows = rowsOf(compiled(written));
	const byName = <T extends { name: string }>(list: Iterable<T>) =>
		[...list].sort((a, b) => (a.name < b.name ? -1 : 1));
	expect({ ...rows, policies: byName(rows.policies) }).toEqual({
		...written,
		owners: [],
		policies: byName(written.policies),
	});
});

test("they can be read as often as needed, and share what they have in common", () => {
	const rules = ["one", "two"].map((name) => policy({ name, source: "a", destination: "b" }));
	const { policies } = rowsOf(
		snapshotOf({ segments: [segment({ name: "a" }), segment({ name: "b" })], policies: rules }),
	);
	const [one, two] = policies;
	expect([...policies]).toEqual(rules);
	expect(one!.paths).toBe(two!.paths);
});

test("they may be the base of changes as the snapshot itself", () => {
	const people = [segment({ name: "a" }), segment({ name: "b" })];
	const old = policy({ name: "old", source: "a", destination: "b" });
	const base = snapshotOf({ segments: people, policies: [old] });
	const none = { put: [], drop: [] };
	const changes = {
		epoch: "test",
		revision: 2,
		domains: none,
		issuers: none,
		segments: none,
		crossings: none,
		rateLimits: none,
		policies: { put: [policy({ name: "new", source: "a", destination: "b" })], drop: [old] },
	};
	const again = compiled(rowsOf(base));
	expect(runToEnd(recompile(again, changes))).toEqual(runToEnd(recompile(base, changes)));
});

test("nothing has no rows", () => {
	const { policies, ...rest } = rowsOf(EMPTY_SNAPSHOT);
	expect([...policies]).toEqual([]);
	expect(rest).toMatchObject({ revision: 0, domains: [], segments: [], crossings: [], rate_limits: [] });
});
