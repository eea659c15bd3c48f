/** Rotation of tokens: the same grant, and nothing beyond. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { PassportJson } from "../../src/core/passport/passport.ts";
import { orderAgain, writeBinding } from "../../src/issuing/again.ts";
import { claimsOf } from "../../src/issuing/claims.ts";
import { type GrantFacts, planGrant, type TokenBinding } from "../../src/issuing/grant.ts";
import { issuer, segment } from "../support/policy-set.ts";

const NOW = Date.UTC(2026, 0, 31, 12);
const OWN = issuer({
	url: "https://tokens.example.org",
	domain: "internal",
	options: { signer: "firebreak" },
	jwks: null,
});
const FACTS: GrantFacts = {
	issuer: OWN,
	domain: { name: "internal", flow: "mtls+token" },
	segments: new Map(["a", "b"].map((name) => [name, segment({ name })])),
	workloads: new Set(),
	owners: new Set(["o"]),
	environments: new Set(["prod"]),
	// Policies have changed since: none uses the scopes any more.
	scopesUsed: new Set(),
};
const THUMB = "U".repeat(43);

const list = (...of: string[]) => fc.uniqueArray(fc.constantFrom(...of), { minLength: 1 });
const passports = fc.record(
	{
		owner: fc.constant("o"),
		purpose: fc.constant("p"),
		sources: list("a", "b"),
		destinations: list("a", "b"),
		networks: list("10.0.0.0/8", "fd00::/8"),
		environment: fc.constant("prod"),
		device: fc.constant(THUMB),
		windows: fc.constant([{ days: ["mon"], from: "08:00", until: "18:00", zone: "Europe/Berlin" }]),
	},
	{ requiredKeys: ["owner", "purpose"] },
);
const bindings: fc.Arbitrary<TokenBinding | null> = fc.constantFrom(null, { jkt: THUMB }, { "x5t#S256": THUMB });

test("a rotated token is the old one in everything but its id and its times, and lives no longer than the ceiling", () => {
	fc.assert(
		fc.property(
			passports as fc.Arbitrary<PassportJson>,
			fc.uniqueArray(fc.constantFrom("r", "w", "x")),
			bindings,
			fc.constantFrom("client", "spiffe://prod.example.org/a"),
			fc.integer({ min: 1, max: 10_000 }),
			(passport, scopes, binding, subject, seconds) => {
				const old = {
					subject,
					scopes,
					passport,
					binding: binding && writeBinding(binding),
					issuedAt: null,
					createdAt: new Date(NOW - 1_000),
					expires: new Date(NOW - 1_000 + seconds * 1_000),
				};
				const ceiling = OWN.max_lifetime * 1_000;
				const grant = planGrant(orderAgain(old, null, ceiling, NOW), FACTS, NOW);
				if (!("issuer" in grant)) throw new Error(JSON.stringify(grant));
				const { iat, exp, jti, ...claims } = claimsOf(grant, "new");
				expect([jti, exp - iat]).toEqual(["new", Math.min(seconds, OWN.max_lifetime)]);
				const granted = { issuer: OWN, subject, scopes, passport, binding, issuedAt: 0, expiresAt: 0 };
				const { iat: _i, exp: _e, jti: _j, ...before } = claimsOf(granted, "old");
				expect(claims).toEqual(before);
			},
		),
	);
});

test("more than the issuer's ceiling is refused, whoever asks for it", () => {
	const old = {
		subject: "client",
		scopes: [],
		passport: { owner: "o", purpose: "p" },
		binding: null,
		issuedAt: null,
		createdAt: new Date(NOW),
		expires: new Date(NOW + 1_000),
	};
	const order = orderAgain(old, OWN.max_lifetime * 1_000 + 1_000, OWN.max_lifetime * 1_000, NOW);
	expect(planGrant(order, FACTS, NOW)).toMatchObject([{ field: "expires" }]);
});
