/** The smallest token for a way. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { holdsScopes } from "../../src/core/decide/match.ts";
import { type Reach, reachOf } from "../../src/issuing/reach.ts";
import { suggest } from "../../src/issuing/suggest.ts";
import { domain, policy, policySet, segment, snapshotOf } from "../support/policy-set.ts";

const SEGMENTS = [segment({ name: "orders" }), segment({ name: "payments" })];
type Rule = Partial<Parameters<typeof policy>[0]> & { readonly name: string };

function reach(...rules: Rule[]): Reach {
	const policies = rules.map((rule) => policy({ source: "orders", destination: "payments", ...rule }));
	const snapshot = snapshotOf(policySet({ domains: [domain({ name: "internal" })], segments: SEGMENTS, policies }));
	const found = reachOf(snapshot, null, null, SEGMENTS[0]!, SEGMENTS[1]!, 0);
	if (!("allows" in found)) throw new Error(found.reason);
	return found;
}
const operation = (method: string, path: string) => ({ method, path, segments: path.slice(1).split("/") });

const READ: Rule = { name: "read", methods: ["GET"], paths: ["/v1/payments/{id}"], scopes: ["payments:read"] };
const WRITE: Rule = {
	name: "write",
	methods: ["POST"],
	paths: ["/v1/payments"],
	scopes: ["payments:write"],
	scopes_any: ["gold", "silver"],
};

describe("for the whole way", () => {
	test("every rule counts; of alternatives one is taken", () => {
		expect(suggest(reach(READ, WRITE), null)).toEqual({
			scopes: ["gold", "payments:read", "payments:write"],
			needs: [
				{
					policy: "read",
					scopes: ["payments:read"],
					anyOf: [],
					chosen: ["payments:read"],
					conditional: false,
					insteadOf: null,
				},
				{
					policy: "write",
					scopes: ["payments:write"],
					anyOf: ["gold", "silver"],
					chosen: ["payments:write", "gold"],
					conditional: false,
					insteadOf: null,
				},
			],
			denies: [],
		});
	});

	test("an alternative that is held anyway is taken before the first", () => {
		expect(suggest(reach({ ...READ, scopes: ["silver"] }, WRITE), null)?.scopes).toEqual(["payments:write", "silver"]);
	});

	test("of two rules about the same operations the one that asks for less is enough", () => {
		const wider = { ...READ, name: "admin", scopes: ["payments:read", "admin"] };
		const told = suggest(reach(READ, wider), null);
		expect(told?.scopes).toEqual(["payments:read"]);
		expect(told?.needs).toMatchObject([
			{ policy: "admin", chosen: [], insteadOf: "read" },
			{ policy: "read", insteadOf: null },
		]);
	});

	test("a rule with a condition stands in for no other", () => {
		const easy = { ...READ, name: "easy", scopes: [], condition: 'request.host == "a"' };
		const told = suggest(reach(READ, easy), null);
		expect(told?.scopes).toEqual(["payments:read"]);
		expect(told?.needs).toMatchObject([{ policy: "easy", conditional: true, insteadOf: null }, { policy: "read" }]);
	});

	test("rules that may refuse some of it are told", () => {
		expect(
			suggest(reach(READ, { name: "no", effect: "deny", methods: ["GET"], paths: ["/v1/payments/0"] }), null)?.denies,
		).toEqual(["no"]);
	});
});

describe("for one operation", () => {
	test("one rule is enough: the one that asks for least", () => {
		const any = { name: "any", methods: ["*"], paths: ["/**"], scopes: ["root", "admin"] };
		const told = suggest(reach(READ, WRITE, any), operation("GET", "/v1/payments/42"));
		expect(told?.scopes).toEqual(["payments:read"]);
		expect(told?.needs.map(({ policy, insteadOf }) => [policy, insteadOf])).toEqual([
			["any", "read"],
			["read", null],
		]);
	});

	test("of a gRPC method too", () => {
		const call = { name: "call", methods: [], paths: [], grpc: ["pay.Payments/*"], scopes: ["pay"] };
		expect(suggest(reach(READ, call), operation("POST", "/pay.Payments/Send"))?.scopes).toEqual(["pay"]);
		expect(suggest(reach(READ, call), operation("GET", "/pay.Payments/Send"))).toBeNull();
	});

	test("that no rule is about there is none", () => {
		expect(suggest(reach(READ), operation("DELETE", "/v1/payments/42"))).toBeNull();
	});
});

test("what is suggested satisfies every rule that counts, and nothing of it can be left out", () => {
	const words = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { maxLength: 3 });
	const rules = fc.array(fc.record({ scopes: words, scopes_any: words, path: fc.constantFrom("/a", "/b") }), {
		minLength: 1,
		maxLength: 4,
	});
	fc.assert(
		fc.property(rules, (given) => {
			const found = reach(...given.map(({ path, ...rule }, index) => ({ name: `p${index}`, paths: [path], ...rule })));
			const told = suggest(found, null)!;
			const counted = found.allows.filter(({ name }) =>
				told.needs.some((need) => need.policy === name && need.insteadOf === null),
			);
			for (const rule of counted) expect(holdsScopes(rule, told.scopes)).toBe(true);
			// Whatever stands in for another is about the same operations.
			for (const { insteadOf } of told.needs)
				if (insteadOf !== null) expect(counted.map(({ name }) => name)).toContain(insteadOf);
			const needed = new Set(counted.flatMap((rule) => [...rule.scopes, ...rule.scopesAny]));
			for (const scope of told.scopes) expect(needed).toContain(scope);
		}),
	);
});
