/** What is remembered of a token never widens what it may do: at each instant it comes to what a fresh look comes to. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { makeSigningKey, signToken } from "../../demo/tokens.ts";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { formatApiKey } from "../../src/core/api-key.ts";
import type { LaneEffect } from "../../src/core/lane/entries.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import type { PassportJson } from "../../src/core/passport/passport.ts";
import { digestOfApiKey } from "../../src/issuing/api-key.ts";
import { AUDIENCE, bearer, demandOf, issuerRow, OWN_KEY, proofMemory, TokenWorld, USE } from "../support/tokens.ts";

/** A Thursday, 20:26:40 UTC. */
const NOW = 1_780_000_000;
const OWN = "https://own.example.org";
const MAIN = "https://id.example.org";
const KEYS = "https://keys.example.org";
const world = new TokenWorld(NOW);
const KEY = formatApiKey(Buffer.alloc(32, 3));
const SECOND = makeSigningKey("ES256", "own-2");
const ISSUERS = Object.freeze([
	world.issuers.main,
	world.issuers.own,
	world.issuers.keys,
	issuerRow({ url: "https://x" }),
]);

const restrictions: fc.Arbitrary<Partial<PassportJson>> = fc.record(
	{
		sources: fc.constantFrom(["orders"], ["web"]),
		destinations: fc.constantFrom(["payments"], ["web"]),
		networks: fc.constantFrom(["10.0.0.0/8"], ["192.0.2.0/24"]),
		environment: fc.constantFrom("prod", "dev"),
		windows: fc.constantFrom(
			[{ from: "20:00", until: "20:27", zone: "UTC" }],
			[{ from: "20:27", until: "20:28", zone: "UTC" }],
		),
	},
	{ requiredKeys: [] },
);
const passport = restrictions.map((some) => ({ owner: "o", purpose: "p", ...some }));
const seconds = fc.integer({ min: -40, max: 100 }).map((offset) => NOW + offset);
const until = fc.option(seconds.map((instant) => instant * 1_000));
const issuer = fc.constantFrom(MAIN, OWN, KEYS);
const entry = fc.record({
	issuer,
	token_id: fc.constant("token-1"),
	expires: seconds,
	scopes: fc.constantFrom([], ["a"]),
	passport,
});
const key = (signing: typeof SECOND) => ({ domain: "internal", kid: signing.kid, jwk: signing.jwk, from: 1 });

const rows: fc.Arbitrary<LaneEffect> = fc.oneof(
	fc.record({ kind: fc.constant("passport"), payload: entry, until }),
	fc.record({
		kind: fc.constant("api_key"),
		payload: entry.map((some) => ({
			...some,
			issuer: KEYS,
			digest: digestOfApiKey(KEY),
			subject: "s",
			issued_at: NOW - 60,
		})),
		until,
	}),
	fc.record({ kind: fc.constant("domain_key"), payload: fc.constantFrom(key(OWN_KEY), key(SECOND)), until }),
	fc.record({
		kind: fc.constant("revoke_token"),
		payload: fc.record({ issuer, token_id: fc.constant("token-1"), from: seconds }),
		until,
	}),
	fc.record({
		kind: fc.constant("revoke_before"),
		payload: fc.record({ issuer, issued_before: seconds, subject: fc.constant("other") }),
		until,
	}),
	fc.record({
		kind: fc.constantFrom("quarantine", "lift"),
		payload: issuer.map((name) => ({ kind: "issuer", name })),
		until,
	}),
);

const tokens = fc.oneof(
	fc.record({ exp: seconds, nbf: seconds }).map((times) => world.token({ ...times, iat: NOW - 60 })),
	fc
		.tuple(passport, fc.constantFrom(OWN_KEY, SECOND), seconds)
		.map(([claim, signing, exp]) =>
			signToken(
				signing,
				world.claims({ iss: OWN, aud: AUDIENCE, iat: NOW - 60, exp, firebreak: { ...claim, kind: "client" } }),
			),
		),
	fc.constant(KEY),
);

type Step =
	| { readonly wait: number }
	| { readonly row: LaneEffect }
	| { readonly ask: number; readonly address: string; readonly required: boolean };
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
	fc.oneof(
		fc.record({ wait: fc.integer({ min: 1, max: 20_000 }) }),
		fc.record({ row: rows }),
		fc.record({ ask: fc.nat({ max: 2 }), address: fc.constantFrom("10.1.2.3", "192.0.2.1"), required: fc.boolean() }),
		fc.record({ ask: fc.nat({ max: 2 }), address: fc.constantFrom("10.1.2.3", "192.0.2.1"), required: fc.boolean() }),
	),
	{ minLength: 5, maxLength: 40 },
);

test("cached and fresh verdicts are equal at every instant, whatever the lane tells meanwhile", async () => {
	const reached = new Set<string>();
	let hits = 0;
	await fc.assert(
		fc.asyncProperty(fc.tuple(tokens, tokens, tokens), steps, async (presented, story) => {
			let now = NOW * 1_000;
			const lane = new Lane();
			lane.restore({ kind: "domain_key", payload: key(OWN_KEY), until: null });
			const keys = new KeyRing({ clock: () => now });
			const make = () => createAuthenticator({ clock: () => now, keys, replay: proofMemory() });
			const remembering = make();
			for (const step of story) {
				if ("wait" in step) now += step.wait;
				else if ("row" in step) lane.restore(step.row);
				else {
					const demand = demandOf([], {
						issuers: ISSUERS,
						lane,
						passport: step.required ? "required" : "optional",
						use: { ...USE, address: step.address },
					});
					const request = bearer(presented[step.ask]!);
					const fresh = await make().authenticate(request, demand);
					expect(await remembering.authenticate(request, demand)).toEqual(fresh);
					reached.add(fresh.kind === "refused" ? fresh.reason : fresh.kind);
				}
			}
			hits += remembering.counts.hit;
		}),
		{ numRuns: 150 },
	);
	expect(hits).toBeGreaterThan(50);
	expect([...reached]).toEqual(
		expect.arrayContaining(["token", "token_invalid", "token_revoked", "passport_context", "passport_missing"]),
	);
});
