/**
 * The whole way of a token, from its issue through exchange to its check: at whatever use and instant the exchanged token
 * is taken, the one that was given for it would have been taken as well, and with no fewer scopes.
 */
import { hash } from "node:crypto";
import { afterAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeJwt } from "jose";
import { signToken } from "../../demo/tokens.ts";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import type { PassportJson, WindowJson } from "../../src/core/passport/passport.ts";
import type { CredentialVerdict } from "../../src/core/request.ts";
import { claimsOf } from "../../src/issuing/claims.ts";
import { planGrant } from "../../src/issuing/grant.ts";
import { OAuthError } from "../../src/public/oauth-error.ts";
import { exchangeToken } from "../../src/public/token-endpoint.ts";
import { policy, segment, snapshotOf } from "../support/policy-set.ts";
import { bearer, demandOf, OWN_KEY, proofMemory, TokenWorld } from "../support/tokens.ts";

/** A Thursday, 20:26:40 UTC. */
const NOW = 1_780_000_000;
const MAIN = "https://id.example.org";
const OWN = "https://own.example.org";
const world = new TokenWorld(NOW);
const ISSUERS = [world.issuers.main, world.issuers.own];
const SCOPES = ["read", "write", "audit"];
const HASH = hash("sha256", "certificate", "base64url");
const OTHER = hash("sha256", "another", "base64url");
const SOURCES = ["orders", "web"];
const DESTINATIONS = ["payments", "reports"];
const ADDRESSES = ["10.1.2.3", "192.0.2.7", null];
const principalOf = (name: string) => `spiffe://prod.example.org/ns/${name}/sa/${name}`;

const snapshot = snapshotOf({
	issuers: ISSUERS,
	segments: [...SOURCES, ...DESTINATIONS].map((name) => segment({ name })),
	policies: SOURCES.flatMap((source) =>
		DESTINATIONS.map((destination) =>
			policy({ name: `${source}-${destination}`, source, destination, scopes: [], scopes_any: SCOPES }),
		),
	),
});
/** The domain's own rows, as the policies hold them. */
const issuers = snapshot.domains.get("internal")!.issuers;
const segments = new Map([...SOURCES, ...DESTINATIONS].map((name) => [name, segment({ name })]));

const rings: KeyRing[] = [];
afterAll(() => {
	for (const ring of rings) ring.stop();
});

const windows = fc.constantFrom<WindowJson[][]>(
	[{ from: "20:00", until: "20:28", zone: "UTC" }],
	[{ from: "20:27", until: "23:00", zone: "UTC" }],
);
const restrictions: fc.Arbitrary<Partial<PassportJson>> = fc.record(
	{
		sources: fc.constantFrom(["orders"], ["web"], [principalOf("orders")], ["orders", "web"]),
		destinations: fc.constantFrom(["payments"], ["reports"], ["payments", "reports"]),
		networks: fc.constantFrom(["10.0.0.0/8"], ["192.0.2.0/24"], ["0.0.0.0/0"]),
		environment: fc.constantFrom("prod", "dev"),
		device: fc.constantFrom(HASH, OTHER),
		windows,
	},
	{ requiredKeys: [] },
);
const origin = fc.record({
	issuer: fc.constantFrom(MAIN, OWN),
	/** What it carries itself: only tokens of ours do. */
	carried: restrictions,
	registered: fc.option(fc.record({ passport: restrictions, life: fc.integer({ min: 5, max: 400 }) }), { freq: 2 }),
	scopes: fc.subarray(SCOPES, { minLength: 1 }),
	life: fc.integer({ min: 5, max: 400 }),
	notBefore: fc.option(fc.integer({ min: -120, max: 40 }), { freq: 3, nil: undefined }),
	bound: fc.boolean(),
});
const order = fc.record({
	source: fc.constantFrom(...SOURCES),
	destination: fc.constantFrom(...DESTINATIONS),
	address: fc.constantFrom(...ADDRESSES),
	scope: fc.option(fc.subarray(SCOPES, { minLength: 1 }), { nil: undefined }),
});
const use = fc.record({
	source: fc.constantFrom(...SOURCES),
	destination: fc.constantFrom(...DESTINATIONS),
	address: fc.constantFrom(...ADDRESSES),
	certificateHash: fc.constantFrom(HASH, OTHER, null),
	after: fc.integer({ min: 0, max: 450 }),
});
type Origin = typeof origin extends fc.Arbitrary<infer T> ? T : never;
type Use = typeof use extends fc.Arbitrary<infer T> ? T : never;

/** The token that somebody was given, and what servers know of it. */
function issue({ issuer, carried, registered, scopes, life, notBefore, bound }: Origin) {
	const lane = new Lane();
	lane.restore({
		kind: "domain_key",
		payload: { domain: "internal", kid: OWN_KEY.kid, jwk: OWN_KEY.jwk, from: 1 },
		until: null,
	});
	if (registered) {
		const passport = { owner: "team", purpose: "work", ...registered.passport };
		const payload = { issuer, token_id: "t-1", expires: NOW + registered.life, scopes: [], passport };
		lane.restore({ kind: "passport", payload, until: null });
	}
	const binding = bound ? { "x5t#S256": HASH } : null;
	const more = notBefore === undefined ? {} : { nbf: NOW + notBefore };
	if (issuer === MAIN) {
		const cnf = binding ? { cnf: binding } : {};
		const claims = { jti: "t-1", scope: scopes.join(" "), iat: NOW, exp: NOW + life, ...cnf, ...more };
		return { lane, token: world.token(claims) };
	}
	const passport = { owner: "platform", purpose: "work", ...carried };
	const grant = planGrant(
		{ subject: "settlement", scopes, passport, binding, expires: (NOW + life) * 1_000, unused: false },
		{
			issuer: world.issuers.own,
			domain: { name: "internal", flow: "mtls+token" },
			segments,
			workloads: new Set([principalOf("orders")]),
			owners: new Set(["platform"]),
			environments: new Set(["prod", "dev"]),
			scopesUsed: new Set(SCOPES),
		},
		NOW * 1_000,
	);
	if (!("issuer" in grant)) return null;
	return { lane, token: signToken(OWN_KEY, { ...claimsOf(grant, "t-1"), ...more }) };
}

/** A server of its own, whose clock stands where the test says. */
function server(lane: Lane) {
	let now = NOW * 1_000;
	const clock = () => now;
	const keys = new KeyRing({ clock, fetch: () => Promise.reject(new Error("nothing is fetched")) });
	rings.push(keys);
	const authenticator = createAuthenticator({ clock, keys, replay: proofMemory() });
	return {
		authenticator,
		clock,
		async check(
			token: string,
			{ source, destination, address, certificateHash, after }: Use,
		): Promise<CredentialVerdict> {
			now = (NOW + after) * 1_000;
			const place = (name: string) => ({ name, environment: "prod" });
			const where = { principal: principalOf(source), source: place(source), destination: place(destination) };
			const demand = demandOf(issuers, { lane, use: { ...where, address, certificateHash } });
			const verdict = await authenticator.authenticate(bearer(token), { ...demand, issuers });
			now = NOW * 1_000;
			return verdict;
		},
	};
}

test("exchange never widens what a token may do", async () => {
	const seen = { refused: 0, exchanged: 0, taken: 0 };
	await fc.assert(
		fc.asyncProperty(origin, order, fc.array(use, { minLength: 4, maxLength: 8 }), async (from, asked, uses) => {
			const issued = issue(from);
			// An order that the policies do not grant is refused before there is any token.
			fc.pre(issued !== null);
			const { lane, token } = issued;
			const { authenticator, clock, check } = server(lane);
			const { source, destination, address, scope } = asked;
			const form = new Map([
				["grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"],
				["subject_token", token],
				["subject_token_type", "urn:ietf:params:oauth:token-type:access_token"],
				["audience", destination],
				...(scope ? ([["scope", scope.join(" ")]] as const) : []),
			] as [string, string][]);
			let exchanged: string;
			try {
				const answer = await exchangeToken(
					{
						view: () => ({ snapshot, lane, policyConfirmedAt: clock(), laneConfirmedAt: clock() }),
						ages: { maxPolicyAge: 1_000, maxRevocationAge: 1_000 },
						authenticator,
						limiter: { take: () => null },
						sign: async (_domain, _view, claims) => signToken(OWN_KEY, claims),
						register: async () => {},
						newId: () => "x-1",
						clock,
					},
					{ principal: principalOf(source), certificateHash: HASH, until: Number.POSITIVE_INFINITY },
					address,
					form,
				);
				exchanged = String(answer.body.access_token);
			} catch (error) {
				expect(error).toBeInstanceOf(OAuthError);
				seen.refused++;
				return;
			}
			seen.exchanged++;
			const [before, after] = [decodeJwt(token), decodeJwt(exchanged)];
			expect(after.exp).toBeLessThanOrEqual(before.exp!);
			// At the very place that it was asked for, and at others.
			const there: Use = { source, destination, address, certificateHash: HASH, after: 0 };
			for (const place of [there, { ...there, after: 30 }, ...uses]) {
				const verdict = await check(exchanged, place);
				if (verdict.kind !== "token") continue;
				seen.taken++;
				expect([place.source, place.destination, place.certificateHash]).toEqual([source, destination, HASH]);
				const given = await check(token, place);
				expect(given).toMatchObject({ kind: "token" });
				const scopes = given.kind === "token" ? given.token.scopes : [];
				expect(scopes).toEqual(expect.arrayContaining([...verdict.token.scopes]));
				expect(scope ?? SCOPES).toEqual(expect.arrayContaining([...verdict.token.scopes]));
			}
		}),
		{ numRuns: 400 },
	);
	// Both sides, so that the property says something.
	expect(Math.min(seen.refused, seen.exchanged, seen.taken)).toBeGreaterThan(20);
});
