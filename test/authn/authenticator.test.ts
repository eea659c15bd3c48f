import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { jwksOf, signToken } from "../../demo/tokens.ts";
import { type Authenticator, type CredentialDemand, createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { LaneRow } from "../../src/core/model.ts";
import type { CredentialVerdict, TokenFacts } from "../../src/core/request.ts";
import { bearer, demandOf, endlessTurn, issuerRow, proofMemory, REQUEST, TokenWorld } from "../support/tokens.ts";

const START = 1_780_000_000;
const world = new TokenWorld(START);
let now: number;
let authenticator: Authenticator;
const ring = new KeyRing({ clock: () => now });
afterAll(() => ring.stop());

beforeEach(() => {
	now = START * 1000;
	authenticator = create();
});

const create = (cacheEntries = 100) =>
	createAuthenticator({ clock: () => now, keys: ring, replay: proofMemory(), cacheEntries, turns: endlessTurn() });
const demand = demandOf(world.internal);
const ask = (token: string, over: Partial<CredentialDemand> = {}) =>
	authenticator.authenticate(bearer(token), { ...demand, ...over });
/** The demand of an issuer that signs with ES384. */
const slow = { issuers: [issuerRow({ ...world.issuers.main, algorithms: ["ES384"] })] };
/** Asks, and says whether the signature's result was remembered. */
const isKnown = (token: string): boolean => {
	const before = authenticator.counts.miss;
	expect(ask(token)).not.toBeInstanceOf(Promise);
	return authenticator.counts.miss === before;
};
const word = (verdict: CredentialVerdict) =>
	verdict.kind === "refused" ? `${verdict.reason} ${verdict.detail}` : verdict.kind;
const outcome = async (token: string, over: Partial<CredentialDemand> = {}) => word(await ask(token, over));
const pass = (seconds: number) => {
	now += seconds * 1000;
};
const forge = (token: string) => `${token.slice(0, -8)}AAAAAAAA`;

function lane(...rows: Pick<LaneRow, "kind" | "payload">[]): Lane {
	const lane = new Lane();
	for (const [index, row] of rows.entries()) lane.apply({ seq: index + 1, key: String(index), until: null, ...row });
	return lane;
}

describe("a verified token", () => {
	test("shows its facts, deeply frozen", async () => {
		const verdict = await ask(world.token({ tenant: { name: "blue" } }));
		expect(verdict).toEqual({
			kind: "token",
			token: {
				issuer: "https://id.example.org",
				id: "token-1",
				subject: "alice",
				subjectKind: "user",
				scopes: ["a", "b"],
				allScopes: ["a", "b"],
				issuedAt: START,
				expiresAt: START + 300,
				keyThumbprint: expect.stringMatching(/^[\w-]{43}$/),
				bound: null,
				owner: null,
				purpose: null,
				origin: null,
				claims: world.claims({ tenant: { name: "blue" } }),
			},
		});
		const { token } = verdict as { token: TokenFacts };
		expect([verdict, token, token.scopes, token.claims, token.claims.tenant].every(Object.isFrozen)).toBe(true);
	});

	test("is judged at once, and by the same verdict when it is known", () => {
		const token = world.token();
		expect(ask(token)).toMatchObject({ kind: "token" });
		expect(ask(token)).toBe(ask(token));
		expect(authenticator.counts).toEqual({ hit: 2, hit_bad: 0, joined: 0, miss: 1 });
	});

	test("one with a slow signature is waited for, until it is known", async () => {
		const token = world.token({}, {}, world.key.es384);
		const first = ask(token, slow);
		expect(first).toBeInstanceOf(Promise);
		expect(await first).toMatchObject({ kind: "token" });
		expect(ask(token, slow)).toMatchObject({ kind: "token" });
	});

	test("what cannot be a token is refused at once", () => {
		expect(ask("x")).toMatchObject({ detail: "malformed" });
		expect(ask(world.token({ aud: "other" }))).toMatchObject({ detail: "audience" });
	});

	test("is verified once for all who show it at the same time", async () => {
		const token = world.token({}, {}, world.key.es384);
		const verdicts = await Promise.all(Array.from({ length: 20 }, () => ask(token, slow)));
		expect(new Set(verdicts.map(word))).toEqual(new Set(["token"]));
		expect(authenticator.counts).toEqual({ hit: 0, hit_bad: 0, joined: 19, miss: 1 });
	});

	test("each of those who wait for one verification is judged by its own demand", async () => {
		const token = world.token({}, {}, world.key.es384);
		const verdicts = await Promise.all([
			outcome(token, slow),
			outcome(token, { ...slow, bound: true }),
			outcome(token, {
				...slow,
				lane: lane({ kind: "quarantine", payload: { kind: "issuer", name: "https://id.example.org" } }),
			}),
			outcome(token, { issuers: [world.issuers.partner] }),
		]);
		expect(verdicts).toEqual(["token", "binding_mismatch unbound", "token_revoked issuer", "token_invalid issuer"]);
		expect(authenticator.counts.miss).toBe(1);
	});

	test("its signature is verified again after a minute", async () => {
		const token = world.token();
		await ask(token);
		pass(LIMITS.tokenCacheSeconds - 0.001);
		expect(isKnown(token)).toBe(true);
		pass(0.001);
		expect(isKnown(token)).toBe(false);
	});

	test("is not kept beyond its expiry", async () => {
		const token = world.token({ exp: START + 10 });
		await ask(token);
		pass(9);
		expect(isKnown(token)).toBe(true);
		pass(1);
		expect(isKnown(token)).toBe(false);
		pass(LIMITS.clockSkewSeconds);
		expect(ask(token)).toMatchObject({ detail: "expired" });
	});

	test("no more than the cache's size are kept", async () => {
		authenticator = create(4);
		const tokens = Array.from({ length: 5 }, (_, i) => world.token({ jti: `t-${i}` }));
		for (const token of tokens) await ask(token);
		expect(tokens.toReversed().map(isKnown)).toEqual([true, true, true, true, false]);
	});
});

test("what is over makes room for what comes", async () => {
	const [good, forged] = [0, 1].map((kind) =>
		Array.from({ length: 8 }, (_, i) => world.token({ jti: `t-${kind}-${i}` })),
	) as [string[], string[]];
	for (const token of [...good, ...forged.map(forge)]) await ask(token);
	expect(authenticator.kept).toMatchObject({ genuine: 8, forged: 8 });
	pass(LIMITS.badTokenSeconds);
	await ask(world.token({ jti: "next" }));
	expect(authenticator.kept).toMatchObject({ genuine: 9, forged: 6 });
	pass(LIMITS.tokenCacheSeconds);
	for (let i = 0; i < 5; i++) await ask(world.token({ jti: `late-${i}` }));
	expect(authenticator.kept).toMatchObject({ genuine: 5, forged: 0 });
});

describe("a forged token", () => {
	test("is remembered for ten seconds", async () => {
		const token = forge(world.token());
		expect(await outcome(token)).toBe("token_invalid signature");
		pass(LIMITS.badTokenSeconds - 0.001);
		expect(ask(token)).toMatchObject({ detail: "signature" });
		expect(authenticator.counts).toMatchObject({ miss: 1, hit_bad: 1 });
		pass(0.001);
		expect(isKnown(token)).toBe(false);
	});

	test("a flood of them pushes no good token out", async () => {
		authenticator = create(4);
		const good = world.token();
		await ask(good);
		const [header, , signature] = good.split(".");
		for (let i = 0; i < 20; i++) {
			const payload = Buffer.from(JSON.stringify(world.claims({ jti: `f-${i}` }))).toString("base64url");
			expect(await outcome(`${header}.${payload}.${signature}`)).toBe("token_invalid signature");
		}
		expect(ask(good)).toMatchObject({ kind: "token" });
	});
});

describe("a known token is judged anew", () => {
	const issuer = "https://id.example.org";
	const revocations: [string, Pick<LaneRow, "kind" | "payload">, string | null][] = [
		["by its id", { kind: "revoke_token", payload: { issuer, token_id: "token-1" } }, "token"],
		["by another id", { kind: "revoke_token", payload: { issuer, token_id: "token-2" } }, null],
		["by its id at another issuer", { kind: "revoke_token", payload: { issuer: "x", token_id: "token-1" } }, null],
		["by everything older", { kind: "revoke_before", payload: { issuer, issued_before: START + 1 } }, "before"],
		["by everything older than it", { kind: "revoke_before", payload: { issuer, issued_before: START } }, null],
		[
			"by its subject",
			{ kind: "revoke_before", payload: { issuer, issued_before: START + 1, subject: "alice" } },
			"before",
		],
		[
			"by another subject",
			{ kind: "revoke_before", payload: { issuer, issued_before: START + 1, subject: "bob" } },
			null,
		],
		["by its issuer", { kind: "quarantine", payload: { kind: "issuer", name: issuer } }, "issuer"],
		["by a workload", { kind: "quarantine", payload: { kind: "workload", name: issuer } }, null],
	];
	test.each(revocations)("revoked %s", async (_, row, detail) => {
		const token = world.token();
		const revoked = lane(row);
		const wanted = detail === null ? "token" : `token_revoked ${detail}`;
		expect(await outcome(token, { lane: revoked })).toBe(wanted);
		expect(word(ask(token, { lane: revoked }) as CredentialVerdict)).toBe(wanted);
		expect(word(ask(token) as CredentialVerdict)).toBe("token");
	});

	test("revoked by the key that signed it; the verdict carries the verified facts", async () => {
		const token = world.token();
		const { token: facts } = (await ask(token)) as { token: TokenFacts };
		const revoked = lane({ kind: "quarantine", payload: { kind: "key", name: facts.keyThumbprint } });
		expect(ask(token, { lane: revoked })).toEqual({
			kind: "refused",
			reason: "token_revoked",
			detail: "key",
			token: facts,
		});
		expect(await outcome(world.token({}, {}, world.key.rs), { lane: revoked })).toBe("token");
	});

	test("by a second spelling of its signature it is the same token", async () => {
		const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
		const [header, payload, signature] = world.token().split(".") as [string, string, string];
		const bytes = Buffer.from(signature, "base64url");
		const s = order - BigInt(`0x${bytes.subarray(32).toString("hex")}`);
		const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, "0"), "hex")]);
		const twin = `${header}.${payload}.${other.toString("base64url")}`;
		expect(await outcome(twin)).toBe("token");
		const revoked = lane({ kind: "revoke_token", payload: { issuer, token_id: "token-1" } });
		expect(await outcome(twin, { lane: revoked })).toBe("token_revoked token");
	});

	test("by the issuer's present row", async () => {
		const token = world.token();
		await ask(token);
		const changed = (over: object) => outcome(token, { issuers: [issuerRow({ ...world.issuers.main, ...over })] });
		expect(await changed({ audiences: ["https://other.example.org"] })).toBe("token_invalid audience");
		expect(await changed({ algorithms: ["RS256"] })).toBe("token_invalid algorithm");
		expect(await changed({ max_lifetime: 299 })).toBe("token_invalid lifetime");
		expect(await changed({ binding: "mtls" })).toBe("binding_mismatch unbound");
		expect(await changed({ profile: "oidc" })).toBe("token");
		expect(await changed({ profile: "jwt_svid", options: { trust_domain: "td" } })).toBe("token_invalid type");
		expect(await changed({ jwks: jwksOf(world.key.other) })).toBe("token_invalid key_unknown");
		expect(await changed({ options: { unknown: 1 } })).toBe("token_invalid unsupported");
		expect(await outcome(token)).toBe("token");
	});

	test("by the domain: one that its issuer does not count in refuses it", async () => {
		const token = world.token();
		await ask(token);
		expect(await outcome(token, { issuers: [world.issuers.partner] })).toBe("token_invalid issuer");
		expect(await outcome(token, { issuers: [] })).toBe("token_invalid issuer");
	});
});

describe("keys without an algorithm of their own", () => {
	const bare = (key: { jwk: object }) => ({ keys: [{ ...key.jwk, alg: undefined }] });
	const rsa = { ...world.key.rs, alg: "PS256" };

	test("are good for the first of the issuer's algorithms that fits, and no other", async () => {
		const issuers = [issuerRow({ ...world.issuers.main, jwks: bare(rsa), algorithms: ["ES256", "PS256", "RS256"] })];
		expect(await outcome(world.token({}, {}, rsa), { issuers })).toBe("token");
		expect(await outcome(world.token({}, {}, world.key.rs), { issuers })).toBe("token_invalid algorithm");
		expect(await outcome(world.token({}, { kid: undefined }, world.key.rs), { issuers })).toBe(
			"token_invalid key_unknown",
		);
	});
});

test("forged key ids are not remembered", async () => {
	const [, payload] = world.token().split(".");
	const signature = Buffer.alloc(64).toString("base64url");
	for (let i = 0; i < 500; i++) {
		const kid = Buffer.from(JSON.stringify({ alg: "ES256", typ: "at+jwt", kid: `k-${i}` })).toString("base64url");
		expect(await outcome(`${kid}.${payload}.${signature}`)).toBe("token_invalid key_unknown");
	}
	expect(authenticator.counts).toEqual({ hit: 0, hit_bad: 0, joined: 0, miss: 500 });
});

test("no change of one character of a good token is accepted, nor makes it throw", async () => {
	const tokens = [world.token(), world.token({}, {}, world.key.rs), world.token({}, {}, world.key.ed)];
	await fc.assert(
		fc.asyncProperty(fc.constantFrom(...tokens), fc.nat(), fc.string({ maxLength: 2 }), async (token, at, text) => {
			const place = 1 + (at % (token.length - 1));
			const changed = token.slice(0, place) + text + token.slice(place + 1);
			fc.pre(changed !== token);
			expect(await outcome(changed)).not.toBe("token");
		}),
		{ numRuns: 500 },
	);
});

test("whatever stands in the headers, there is a verdict at once", () => {
	fc.assert(
		fc.property(
			fc.array(fc.string(), { maxLength: 3 }),
			fc.array(fc.string(), { maxLength: 3 }),
			(authorization, dpop) => {
				expect(authenticator.authenticate({ ...REQUEST, authorization, dpop }, demand)).toMatchObject({
					kind: "refused",
				});
			},
		),
	);
});

/**
 * The verdict depends on the token, the demand and the instant alone: an authenticator that has seen the token at any
 * earlier instants says what one that never saw it says.
 */
test("cached and uncached verdicts are equal at every instant", async () => {
	const claims = fc.record({
		iat: fc.integer({ min: -200, max: 60 }),
		life: fc.integer({ min: 1, max: 400 }),
		nbf: fc.option(fc.integer({ min: -60, max: 200 }), { nil: undefined }),
		cnf: fc.constantFrom(undefined, undefined, undefined, { jkt: "x" }),
	});
	const rows: Pick<LaneRow, "kind" | "payload">[] = [
		{ kind: "revoke_token", payload: { issuer: world.issuers.main.url, token_id: "token-1" } },
		{ kind: "quarantine", payload: { kind: "issuer", name: world.issuers.main.url } },
	];
	const narrow = issuerRow({ ...world.issuers.main, max_lifetime: 200 });
	const step = fc.record({
		wait: fc.double({ min: -20, max: 120, noNaN: true }),
		revoked: fc.option(fc.constantFrom(...rows), { nil: undefined, freq: 4 }),
		bound: fc.constantFrom(false, false, false, true),
		narrow: fc.constantFrom(false, false, true),
	});
	await fc.assert(
		fc.asyncProperty(claims, fc.boolean(), fc.array(step, { maxLength: 12 }), async (times, forged, steps) => {
			now = START * 1000;
			const iat = START + times.iat;
			const nbf = times.nbf === undefined ? undefined : START + times.nbf;
			const good = signToken(world.key.es, world.claims({ iat, exp: iat + times.life, nbf, cnf: times.cnf }));
			const token = bearer(forged ? forge(good) : good);
			const seasoned = create();
			for (const { wait, revoked, bound, narrow: changed } of steps) {
				pass(wait);
				const asked = {
					...demandOf(changed ? [narrow] : world.internal, { bound }),
					...(revoked ? { lane: lane(revoked) } : {}),
				};
				expect(await seasoned.authenticate(token, asked)).toEqual(await create().authenticate(token, asked));
			}
		}),
		{ numRuns: 150 },
	);
});
