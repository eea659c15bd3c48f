/**
 * Floods of distinct hostile credentials: each gets its reason, nothing throws, and what is kept stays within its named
 * limit. HOSTILE_RUNS sets how many of each are sent (a million, say); by default a few thousand.
 */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { dpopProof, jwkThumbprint } from "../../demo/proofs.ts";
import { jwksOf, makeSigningKey } from "../../demo/tokens.ts";
import { type Authenticator, type CredentialRequest, createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import type { MemoryReplay } from "../../src/authn/proof/memory.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { IssuerRow } from "../../src/core/model.ts";
import { JwksServer } from "../support/jwks-server.ts";
import { bearer, demandOf, issuerRow, proofMemory, REQUEST, TokenWorld } from "../support/tokens.ts";

const RUNS = Number(process.env.HOSTILE_RUNS ?? 5_000);
jest.setTimeout(180_000 + RUNS * 10);

const NOW = 1_780_000_000;
const world = new TokenWorld(NOW);
let endpoint: JwksServer;
let ring: KeyRing;
let replay: MemoryReplay;
let authenticator: Authenticator;
let issuers: readonly IssuerRow[];
let now: number;

beforeEach(async () => {
	now = NOW * 1000;
	endpoint = await JwksServer.start();
	endpoint.serve(jwksOf(world.key.es, world.key.rs, world.key.ed));
	issuers = Object.freeze([issuerRow({ ...world.issuers.main, jwks: null, jwks_uri: endpoint.uri })]);
	ring = new KeyRing({ clock: () => now, random: () => 0, timings: { refresh: 3_600_000, retry: 3_600_000 } });
	start();
});
afterEach(async () => {
	ring.stop();
	await endpoint.stop();
});

function start(options: { cacheEntries?: number; entriesOfKey?: number; entries?: number } = {}): void {
	const { cacheEntries = 16, entries = 1_000, entriesOfKey = 100 } = options;
	replay = proofMemory({ entries, entriesOfKey });
	authenticator = createAuthenticator({ clock: () => now, keys: ring, replay, cacheEntries });
}

async function outcome(request: CredentialRequest): Promise<string> {
	const verdict = await authenticator.authenticate(request, demandOf(issuers));
	return verdict.kind === "refused" ? `${verdict.reason} ${verdict.detail}` : verdict.kind;
}

/** Sends as many as RUNS says; how often each outcome came. */
async function flood(make: (index: number) => CredentialRequest, runs = RUNS): Promise<Record<string, number>> {
	const seen: Record<string, number> = {};
	for (let index = 0; index < runs; index++) {
		const word = await outcome(make(index));
		seen[word] = (seen[word] ?? 0) + 1;
	}
	return seen;
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const SIGNATURE = Buffer.alloc(64, 1).toString("base64url");
const forged = (claims: object, header: object = {}) =>
	`${encode({ alg: "ES256", typ: "at+jwt", kid: world.key.es.kid, ...header })}.${encode(world.claims({ ...claims }))}.${SIGNATURE}`;

describe("distinct forgeries", () => {
	test("of key ids are looked up in memory: none is kept, and one fetch looks for all of them", async () => {
		expect(await outcome(bearer(world.token()))).toBe("token");
		now += LIMITS.jwksCooldownMs;
		const seen = await flood((index) => bearer(forged({}, { kid: `kid-${index}` })));
		expect(seen).toEqual({ "token_invalid key_unknown": RUNS });
		expect(endpoint.requests).toBe(2);
		expect(authenticator.kept).toEqual({ genuine: 1, forged: 0, underWay: 0, proofKeys: 0 });
	});

	test("of issuers are looked up in memory, and nothing is fetched", async () => {
		const seen = await flood((index) => bearer(forged({ iss: `https://${index}.example.org` })));
		expect(seen).toEqual({ "token_invalid issuer": RUNS });
		expect(endpoint.requests).toBe(0);
		expect(authenticator.kept).toEqual({ genuine: 0, forged: 0, underWay: 0, proofKeys: 0 });
	});

	test("of token ids push no good token out, and are kept up to their limit", async () => {
		start({ cacheEntries: 10_000 });
		const good = bearer(world.token());
		expect(await outcome(good)).toBe("token");
		const seen = await flood((index) => bearer(forged({ jti: `jti-${index}` })));
		expect(seen).toEqual({ "token_invalid signature": RUNS });
		expect(authenticator.kept).toEqual({
			genuine: 1,
			forged: Math.min(RUNS, LIMITS.badTokenEntries),
			underWay: 0,
			proofKeys: 0,
		});
		const { hit } = authenticator.counts;
		expect(await outcome(good)).toBe("token");
		expect(authenticator.counts.hit).toBe(hit + 1);
	});

	test("whose text is as long as it may be are kept up to their bytes", async () => {
		start({ cacheEntries: 10_000 });
		const pad = "x".repeat(5_700);
		// Far fewer than there may be runs fill their part of the cache several times over.
		await flood((index) => bearer(forged({ jti: `jti-${index}`, pad })), Math.min(RUNS, 20_000));
		const longest = forged({ jti: "jti-0", pad }).length;
		expect(longest).toBeLessThanOrEqual(LIMITS.tokenBytes);
		expect(authenticator.kept.forged).toBeLessThanOrEqual(LIMITS.tokenCacheBytes / longest);
		expect(authenticator.kept.forged).toBeGreaterThan(Math.min(RUNS, LIMITS.tokenCacheBytes / LIMITS.tokenBytes) - 1);
	});
});

// Each is really signed, which takes its time; far fewer than there are runs fill the cache many times over.
test("distinct good tokens are kept up to the cache's size", async () => {
	const seen = await flood((index) => bearer(world.token({ jti: `jti-${index}` })), Math.min(RUNS, 1_000));
	expect(Object.keys(seen)).toEqual(["token"]);
	expect(authenticator.kept).toMatchObject({ genuine: 16, forged: 0 });
});

describe("proofs", () => {
	const holder = makeSigningKey("ES256", "holder");
	const other = makeSigningKey("ES256", "other");
	const boundTo = (key: typeof holder) => world.token({ cnf: { jkt: jwkThumbprint(key) } });
	const uri = `${REQUEST.scheme}://${REQUEST.authority}${REQUEST.rawPath}`;
	const token = boundTo(holder);
	const present = (key: typeof holder, shown = token) => {
		const proof = dpopProof(key, { method: REQUEST.method, uri, token: shown, now: NOW });
		return { ...REQUEST, authorization: [`DPoP ${shown}`], dpop: [proof] };
	};
	// All that a genuine one says, but for its id; nothing is signed, which would take longer than all that is under test.
	const [proofHeader, proofClaims] = present(holder)
		.dpop[0]!.split(".", 2)
		.map((part) => JSON.parse(Buffer.from(part, "base64url").toString()));
	const forge = (index: number, header: object = {}) => {
		const text = `${encode({ ...proofHeader, ...header })}.${encode({ ...proofClaims, jti: `jti-${index}` })}`;
		return { ...REQUEST, authorization: [`DPoP ${token}`], dpop: [`${text}.${SIGNATURE}`] };
	};

	test("that are forged fill nothing", async () => {
		const seen = await flood((index) => forge(index));
		expect(seen).toEqual({ "proof_invalid signature": RUNS });
		expect(replay.size).toBe(0);
		expect(authenticator.kept).toMatchObject({ proofKeys: 1, underWay: 0 });
	});

	test("of keys that nothing is bound to are told by their thumbprint, and not kept", async () => {
		const point = (index: number) => Buffer.from(String(index).padStart(32, "0")).toString("base64url");
		const seen = await flood((index) =>
			forge(index, { jwk: { kty: "OKP", crv: "Ed25519", x: point(index) }, alg: "EdDSA" }),
		);
		expect(seen).toEqual({ "binding_mismatch proof_key": RUNS });
		expect(replay.size).toBe(0);
		expect(authenticator.kept.proofKeys).toBe(0);
	});

	test("that are genuine fill their own key's part of the memory, and no other's", async () => {
		const seen = await flood(() => present(holder), 150);
		expect(seen).toEqual({ token: 100, "replay_store_down full_of_key": 50 });
		expect(replay.size).toBe(100);
		expect(await outcome(present(other, boundTo(other)))).toBe("token");
	});

	test("that are genuine, of many keys, fill the memory up to its limit; what was used stays refused", async () => {
		start({ entries: 50, entriesOfKey: 10 });
		const keys = Array.from({ length: 6 }, (_, index) => makeSigningKey("ES256", `k${index}`));
		const tokens = keys.map(boundTo);
		const first = present(keys[0]!, tokens[0]!);
		expect(await outcome(first)).toBe("token");
		const seen = await flood((index) => present(keys[index % 6]!, tokens[index % 6]!), 100);
		expect(seen.token).toBe(49);
		expect(replay.size).toBe(50);
		expect(await outcome(first)).toBe("proof_replayed used");
		now += (LIMITS.proofSeconds + LIMITS.clockSkewSeconds) * 1000;
		expect(await outcome(first)).toBe("proof_invalid time");
	});
});

describe("one that is giant, deep or wide", () => {
	const MEGABYTE = 2 ** 20;
	const raw = (payload: string) => world.raw(payload);
	test.each<[string, () => CredentialRequest, string]>([
		["a token of a megabyte", () => bearer(world.token({ pad: "x".repeat(MEGABYTE) })), "token_invalid size"],
		["a megabyte of dots", () => bearer(".".repeat(MEGABYTE)), "token_invalid size"],
		["a megabyte of commas", () => bearer(",".repeat(MEGABYTE)), "credentials_conflict authorization"],
		["a megabyte of scheme", () => ({ ...REQUEST, authorization: ["x".repeat(MEGABYTE)] }), "token_missing scheme"],
		["a megabyte of blanks", () => bearer(" ".repeat(MEGABYTE)), "token_missing empty"],
		[
			"a megabyte of proof",
			() => ({ ...bearer(""), authorization: [`DPoP ${world.token()}`], dpop: ["x".repeat(MEGABYTE)] }),
			"binding_mismatch scheme",
		],
		[
			"many Authorization headers",
			() => ({ ...REQUEST, authorization: new Array(10_000).fill("Bearer a") }),
			"credentials_conflict authorization",
		],
		[
			"many proofs",
			() => ({ ...REQUEST, authorization: [`DPoP ${world.token()}`], dpop: new Array(10_000).fill("a") }),
			"proof_invalid duplicate",
		],
		["nothing but opening brackets", () => bearer(raw("[".repeat(5_500))), "token_invalid depth"],
		["nothing but opening braces", () => bearer(raw('{"a":'.repeat(1_100))), "token_invalid depth"],
		[
			"a thousand members",
			() => bearer(raw(`{${Array.from({ length: 600 }, (_, i) => `"${i}":0`)}}`)),
			"token_invalid issuer",
		],
		[
			"a thousand audiences",
			() => bearer(world.token({ aud: Array.from({ length: 800 }, (_, i) => `a${i}`) })),
			"token_invalid audience",
		],
		[
			"a thousand scopes",
			() => bearer(world.token({ scope: Array.from({ length: 1_000 }, (_, i) => `s${i}`).join(" ") })),
			"token",
		],
		["a string without end", () => bearer(raw(`{"a":"${"\\\\".repeat(2_700)}`)), "token_invalid malformed"],
		["a number without end", () => bearer(raw(`{"a":${"9".repeat(5_000)}}`)), "token_invalid malformed"],
	])("%s", async (_, request, wanted) => {
		expect(await outcome(request())).toBe(wanted);
		expect(authenticator.kept.underWay).toBe(0);
	});
});
