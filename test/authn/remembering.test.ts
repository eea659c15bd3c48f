/** What is remembered of a token never widens what it may do: at each instant it comes to what a fresh look comes to. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { jwksOf, makeSigningKey, type SigningKey, signToken } from "../../demo/tokens.ts";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { formatApiKey } from "../../src/core/api-key.ts";
import type { LaneEffect } from "../../src/core/lane/entries.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { IssuerRow } from "../../src/core/model.ts";
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

/** Its key is known by its algorithm alone, as long as there is one such key. */
describe("a token that names no key", () => {
	const unnamed = { kid: undefined };
	const forge = (token: string) => `${token.slice(0, -8)}AAAAAAAA`;
	const times = { iat: NOW - 60, exp: NOW + 600 };
	const ours = (signing: SigningKey, header: object = unnamed) => {
		const claims = { iss: OWN, aud: AUDIENCE, ...times, firebreak: { owner: "o", purpose: "p", kind: "client" } };
		return signToken(signing, world.claims(claims), header);
	};

	/** Asks one that remembers and one that does not; both have to say the same. */
	function askers(row: IssuerRow, lane: Lane, fetch: typeof globalThis.fetch) {
		let now = NOW * 1_000;
		const keys = new KeyRing({ clock: () => now, fetch });
		const make = () => createAuthenticator({ clock: () => now, keys, replay: proofMemory() });
		const remembering = make();
		const demand = demandOf([row], { lane });
		const verdict = async (token: string) => {
			const seasoned = await remembering.authenticate(bearer(token), demand);
			expect(seasoned).toEqual(await make().authenticate(bearer(token), demand));
			return seasoned.kind === "refused" ? seasoned.detail : seasoned.kind;
		};
		return { verdict, remembering, demand, keys, pass: (ms: number) => (now += ms), now: () => now };
	}

	test("is judged anew where the fetched keys leave in doubt which one it is", async () => {
		const [first, second] = [makeSigningKey("ES256", "k-1"), makeSigningKey("ES256", "k-2")];
		let published: readonly SigningKey[] | null = null;
		const row = issuerRow({ url: MAIN, jwks_uri: "https://id.example.org/jwks" });
		const { verdict, remembering, keys, pass, now } = askers(row, new Lane(), async () =>
			published === null ? new Response("", { status: 503 }) : Response.json(jwksOf(...published)),
		);
		const publish = async (...next: SigningKey[]) => {
			published = next.length === 0 ? null : next;
			pass(LIMITS.jwksCooldownMs);
			await keys.of(row).refresh(now());
		};
		const good = world.token(times, unnamed, first);
		const named = world.token(times, {}, first);
		const all = async () => [await verdict(good), await verdict(forge(good)), await verdict(named)];
		await publish(first);
		expect(await all()).toEqual(["token", "signature", "token"]);
		expect(await all()).toEqual(["token", "signature", "token"]);
		expect(remembering.counts).toMatchObject({ hit: 2, hit_bad: 1, miss: 3 });
		await publish(first, second);
		expect(await all()).toEqual(["key_unknown", "key_unknown", "token"]);
		await publish(first);
		expect(await all()).toEqual(["token", "signature", "token"]);
		// In doubt, and whether the issuer publishes others meanwhile is not known: that is no fault of the token.
		await publish(first, second);
		await publish();
		expect(await all()).toEqual(["fetch_failing", "fetch_failing", "token"]);
		await publish(first);
		expect(await all()).toEqual(["token", "signature", "token"]);
		// Of the one key that is left it is a forgery, and is remembered as one, whatever it was before.
		await publish(second);
		expect(await all()).toEqual(["signature", "signature", "key_unknown"]);
		expect(remembering.kept).toMatchObject({ genuine: 0, forged: 2 });
		const { hit_bad: before } = remembering.counts;
		expect(await verdict(good)).toBe("signature");
		expect(remembering.counts.hit_bad).toBe(before + 1);
	});

	const story = () => {
		const lane = new Lane();
		const row = issuerRow({ url: OWN, algorithms: ["ES256", "ES384"], options: { signer: "firebreak" } });
		const publish = (signing: SigningKey, until: number | null = null) =>
			lane.restore({ kind: "domain_key", payload: key(signing), until });
		return { lane, publish, ...askers(row, lane, () => Promise.reject(new Error("nothing is fetched"))) };
	};

	test("is judged anew where the lane's keys do, at the very next request", async () => {
		const { publish, verdict, pass } = story();
		const good = ours(OWN_KEY);
		const all = async () => [await verdict(good), await verdict(forge(good)), await verdict(ours(OWN_KEY, {}))];
		publish(OWN_KEY);
		expect(await all()).toEqual(["token", "signature", "token"]);
		publish(SECOND, (NOW + 5) * 1_000);
		expect(await all()).toEqual(["key_unknown", "key_unknown", "token"]);
		pass(5_000);
		expect(await all()).toEqual(["token", "signature", "token"]);
		publish(OWN_KEY, (NOW + 6) * 1_000);
		publish(SECOND);
		pass(1_000);
		expect(await all()).toEqual(["signature", "signature", "key_unknown"]);
	});

	test("is in doubt as well when the second key comes while its signature is verified", async () => {
		const { publish, remembering, demand } = story();
		const [first, second] = [makeSigningKey("ES384", "slow-1"), makeSigningKey("ES384", "slow-2")];
		publish(first);
		const early = remembering.authenticate(bearer(ours(first)), demand);
		expect(early).toBeInstanceOf(Promise);
		publish(second);
		expect(await early).toMatchObject({ kind: "refused", detail: "key_unknown" });
	});
});
