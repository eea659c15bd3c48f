/** What may stand in a token. */
import { describe, expect, test } from "@jest/globals";
import { LIMITS } from "../../src/core/limits.ts";
import { readPassport } from "../../src/core/passport/passport.ts";
import { claimsOf } from "../../src/issuing/claims.ts";
import { type Grant, type GrantFacts, type GrantOrder, planGrant } from "../../src/issuing/grant.ts";
import { issuer, segment } from "../support/policy-set.ts";

const NOW = Date.UTC(2026, 0, 31, 12);
const SECONDS = NOW / 1_000;
const ORDERS = "spiffe://prod.example.org/ns/orders/sa/orders";
const THUMB = "A".repeat(43);
const OWN = issuer({
	url: "https://tokens.example.org",
	domain: "internal",
	options: { signer: "firebreak" },
	jwks: null,
});

const facts = (changes: Partial<GrantFacts> = {}): GrantFacts => ({
	issuer: OWN,
	domain: { name: "internal", flow: "mtls+token" },
	segments: new Map([
		["orders", segment({ name: "orders" })],
		["payments", segment({ name: "payments" })],
		["gateway", segment({ name: "gateway", domain: "partner" })],
		["lab", segment({ name: "lab", environment: "staging" })],
	]),
	workloads: new Set([ORDERS]),
	owners: new Set(["orders-team"]),
	environments: new Set(["prod", "staging"]),
	scopesUsed: new Set(["payments:read", "payments:write"]),
	...changes,
});

const order = (changes: Partial<GrantOrder> = {}): GrantOrder => ({
	subject: "batch",
	scopes: ["payments:read"],
	passport: { owner: "orders-team", purpose: "nightly settlement" },
	binding: null,
	expires: null,
	unused: false,
	...changes,
});

const passport = (changes: object) => order({ passport: { ...order().passport, ...changes } });

function granted(given: GrantOrder, known = facts()): Grant {
	const grant = planGrant(given, known, NOW);
	if (!("issuer" in grant)) throw new Error(JSON.stringify(grant));
	return grant;
}

describe("a grant", () => {
	test("lives for a few minutes when nothing else is said", () => {
		expect(granted(order())).toMatchObject({ issuedAt: SECONDS, expiresAt: SECONDS + LIMITS.issuedTokenMs / 1_000 });
		const short = facts({ issuer: { ...OWN, max_lifetime: 60 } });
		expect(granted(order(), short).expiresAt).toBe(SECONDS + 60);
	});

	test("reaches up to the issuer's ceiling, and not a second further", () => {
		expect(granted(order({ expires: NOW + 3_600_000 })).expiresAt).toBe(SECONDS + 3_600);
		expect(planGrant(order({ expires: NOW + 3_601_000 }), facts(), NOW)).toMatchObject([{ field: "expires" }]);
	});

	test("carries its restrictions as claims that can be read back", () => {
		const grant = granted(
			order({
				subject: ORDERS,
				scopes: ["payments:read", "payments:write", "payments:read"],
				binding: { jkt: THUMB },
				passport: {
					owner: "orders-team",
					purpose: "nightly settlement",
					sources: ["orders", ORDERS],
					destinations: ["payments"],
					networks: ["10.0.0.0/8"],
					environment: "prod",
					device: THUMB,
					windows: [{ days: ["mon"], from: "08:00", until: "18:00", zone: "Europe/Berlin" }],
				},
			}),
		);
		const claims = claimsOf(grant, "t-1");
		expect(claims).toMatchObject({
			iss: OWN.url,
			aud: "payments",
			sub: ORDERS,
			client_id: ORDERS,
			jti: "t-1",
			iat: SECONDS,
			exp: SECONDS + 300,
			scope: "payments:read payments:write",
			cnf: { jkt: THUMB },
		});
		const { kind, ...rest } = claims.firebreak;
		expect(kind).toBe("workload");
		expect(readPassport(rest)).toMatchObject({ owner: "orders-team", environment: "prod", device: THUMB });
		expect(claimsOf(granted(order({ scopes: [] })), "t-2")).not.toHaveProperty("scope");
		expect(claimsOf(granted(order()), "t-2").firebreak.kind).toBe("client");
	});

	test("may hold a scope that no policy uses only when that is said", () => {
		expect(granted(order({ scopes: ["soon:read"], unused: true })).scopes).toEqual(["soon:read"]);
	});
});

describe("an order is refused", () => {
	const cases: readonly (readonly [string, GrantOrder, string, Partial<GrantFacts>?])[] = [
		["without an owner", passport({ owner: "" }), "owner"],
		["for an owner that is not there", passport({ owner: "nobody" }), "owner"],
		["without a purpose", passport({ purpose: "" }), "purpose"],
		[
			"for a purpose that the issuer does not grant",
			order(),
			"purpose",
			{ issuer: { ...OWN, options: { signer: "firebreak", purposes: ["reporting"] } } },
		],
		["that is over", order({ expires: NOW }), "expires"],
		["for a scope that no policy uses", order({ scopes: ["payments:delete"] }), "scopes"],
		["for a scope of another case", order({ scopes: ["Payments:read"] }), "scopes"],
		["for two scopes in one", order({ scopes: ["payments:read payments:write"], unused: true }), "scopes"],
		["for a scope that is none", order({ scopes: ['"'], unused: true }), "scopes"],
		["for nobody", order({ subject: "" }), "subject"],
		[
			"for a subject of fewer characters, and more bytes, than servers take",
			order({ subject: "\u00e9".repeat(1_025) }),
			"subject",
		],
		["for a subject with control characters", order({ subject: "a\nb" }), "subject"],
		["for a destination that is not there", passport({ destinations: ["ledger"] }), "destinations"],
		["for a destination of another domain", passport({ destinations: ["gateway"] }), "destinations"],
		["for a destination by its SPIFFE ID", passport({ destinations: [ORDERS] }), "destinations"],
		["for a source that is not there", passport({ sources: ["ledger"] }), "sources"],
		["for a workload of no segment", passport({ sources: ["spiffe://prod.example.org/ns/x/sa/x"] }), "sources"],
		["for a source that is no SPIFFE ID", passport({ sources: ["spiffe://Prod/x"] }), "sources"],
		[
			"for another environment than its destination's",
			passport({ destinations: ["lab"], environment: "prod" }),
			"environment",
		],
		["for an environment that is not there", passport({ environment: "qa" }), "environment"],
		["for a network with host bits", passport({ networks: ["10.0.0.1/8"] }), "networks"],
		["for a window without a zone", passport({ windows: [{ from: "08:00", until: "18:00" }] }), "windows"],
		["for a device that is no hash", passport({ device: "laptop" }), "device"],
		["bound to what is no hash", order({ binding: { jkt: "key" } }), "binding"],
		[
			"unbound where the flow wants bound tokens",
			order(),
			"binding",
			{ domain: { name: "internal", flow: "mtls+bound-token" } },
		],
		["unbound where the issuer binds", order(), "binding", { issuer: { ...OWN, binding: "any" } }],
		[
			"bound otherwise than the issuer wants",
			order({ binding: { jkt: THUMB } }),
			"binding",
			{ issuer: { ...OWN, binding: "mtls" } },
		],
	];
	test.each(cases.map(([name, given, field, changes = {}]) => ({ name, given, field, changes })))(
		"$name",
		(refused) => {
			const { given, field, changes } = refused;
			const problems = planGrant(given, facts(changes), NOW);
			expect(problems).toMatchObject([
				{ object: "token", field, message: expect.any(String), cure: expect.any(String) },
			]);
		},
	);

	test("with everything that is wrong at once", () => {
		const problems = planGrant(order({ subject: "", scopes: ["x"], expires: 0 }), facts(), NOW);
		expect(problems).toMatchObject([{ field: "scopes" }, { field: "subject" }, { field: "expires" }]);
	});
});
