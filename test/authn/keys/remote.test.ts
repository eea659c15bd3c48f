import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createAuthority } from "../../../demo/pki.ts";
import { accessToken, jwksOf, makeSigningKey, type SigningKey } from "../../../demo/tokens.ts";
import { type Authenticator, createAuthenticator } from "../../../src/authn/authenticator.ts";
import { KeyRing } from "../../../src/authn/keys/ring.ts";
import type { KeyReport } from "../../../src/authn/keys/source.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { IssuerRow } from "../../../src/core/model.ts";
import { JwksServer } from "../../support/jwks-server.ts";
import { AUDIENCE, bearer, demandOf, issuerRow, proofMemory } from "../../support/tokens.ts";

const ISSUER = "https://id.example.org";
const START = 1_780_000_000_000;
const COOLDOWN = LIMITS.jwksCooldownMs;

const one = makeSigningKey("ES256", "one");
const two = makeSigningKey("ES256", "two");

let endpoint: JwksServer;
let ring: KeyRing;
let authenticator: Authenticator;
let row: IssuerRow;
let now: number;
let reports: KeyReport[];

beforeEach(async () => {
	endpoint = await JwksServer.start();
	endpoint.serve(jwksOf(one));
	row = issuerRow({ url: ISSUER, jwks_uri: endpoint.uri });
	build();
});
afterEach(async () => {
	ring.stop();
	await endpoint.stop();
});

/** Timers of the background do not fire within a test unless it shortens them. */
function build(timings: { timeout?: number; refresh?: number; retry?: number } = {}): void {
	now = START;
	reports = [];
	ring = new KeyRing({
		clock: () => now,
		random: () => 0,
		report: (report) => reports.push(report),
		timings: { retry: 3_600_000, refresh: 3_600_000, timeout: 60_000, ...timings },
	});
	authenticator = createAuthenticator({ clock: () => now, keys: ring, replay: proofMemory() });
}

function tokenOf(key: SigningKey, kid = key.kid): string {
	const options = { issuer: ISSUER, audience: AUDIENCE, subject: "orders", now: now / 1000 };
	return accessToken({ ...key, kid }, options);
}

const ask = (token: string) => authenticator.authenticate(bearer(token), demandOf([row]));
const outcome = async (token: string) => {
	const verdict = await ask(token);
	return verdict.kind === "refused" ? `${verdict.reason} ${verdict.detail}` : verdict.kind;
};

/** Waits for what happens in the background. */
async function until(condition: () => boolean): Promise<void> {
	while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Fetches the first set and lets the cooldown of unknown keys pass. */
async function settle(): Promise<void> {
	ring.follow([row]);
	await until(() => reports.length > 0);
	now += COOLDOWN;
}

describe("a healthy endpoint", () => {
	test("keys are fetched before they are asked for", async () => {
		await settle();
		expect(reports).toEqual([{ kind: "changed", issuer: ISSUER, added: 1, withdrawn: 0 }]);
		expect(await outcome(tokenOf(one))).toBe("token");
		expect(endpoint.requests).toBe(1);
	});

	test("the first requests wait for the first fetch, together", async () => {
		ring.follow([row]);
		const answers = await Promise.all([outcome(tokenOf(one)), outcome(tokenOf(one)), outcome(tokenOf(two))]);
		expect(answers).toEqual(["token", "token", "token_invalid key_unknown"]);
		expect(endpoint.requests).toBe(1);
	});

	test("a request that is ahead of the snapshot's issuers fetches by itself", async () => {
		expect(await outcome(tokenOf(one))).toBe("token");
		ring.follow([row]);
		await until(() => endpoint.requests === 2);
		expect(await outcome(tokenOf(one))).toBe("token");
	});

	test("an unknown key id fetches once in a cooldown, however many ask", async () => {
		await settle();
		const forged = Array.from({ length: 50 }, (_, i) => outcome(tokenOf(two, `forged-${i}`)));
		expect(new Set(await Promise.all(forged))).toEqual(new Set(["token_invalid key_unknown"]));
		for (let i = 0; i < 50; i++) await outcome(tokenOf(two, `more-${i}`));
		expect(endpoint.requests).toBe(2);
		now += COOLDOWN;
		await outcome(tokenOf(two, "again"));
		expect(endpoint.requests).toBe(3);
	});

	test("a new key is found by its first token", async () => {
		await settle();
		endpoint.serve(jwksOf(one, two));
		expect(await outcome(tokenOf(two))).toBe("token");
		expect(await outcome(tokenOf(one))).toBe("token");
		expect(endpoint.requests).toBe(2);
	});

	test("a withdrawn key ends its tokens, cached ones too; the others stay cached", async () => {
		endpoint.serve(jwksOf(one, two));
		await settle();
		const [old, kept] = [tokenOf(one), tokenOf(two)];
		expect([await outcome(old), await outcome(kept)]).toEqual(["token", "token"]);
		endpoint.serve(jwksOf(two));
		await outcome(tokenOf(one, "unknown"));
		expect(await outcome(old)).toBe("token_invalid key_unknown");
		expect(ask(kept)).toMatchObject({ kind: "token" });
		expect(reports.at(-1)).toEqual({ kind: "changed", issuer: ISSUER, added: 0, withdrawn: 1 });
	});

	test("a key id that is used again for another key ends the first key's tokens", async () => {
		await settle();
		const old = tokenOf(one);
		expect(await outcome(old)).toBe("token");
		endpoint.serve({ keys: [{ ...two.jwk, kid: "one" }] });
		await outcome(tokenOf(one, "unknown"));
		expect(await outcome(old)).toBe("token_invalid signature");
		expect(await outcome(tokenOf(two, "one"))).toBe("token");
	});

	test("keys are fetched again in the background", async () => {
		build({ refresh: 20 });
		await settle();
		endpoint.serve(jwksOf(two));
		await until(() => reports.length === 2);
		expect(ring.ages()).toEqual([[ISSUER, 0]]);
		expect(await outcome(tokenOf(two))).toBe("token");
	});

	test("ages count from the last good fetch", async () => {
		ring.follow([row, issuerRow({ url: "https://inline.example.org", jwks: jwksOf(one) })]);
		expect(ring.ages()).toEqual([[ISSUER, Number.POSITIVE_INFINITY]]);
		await until(() => reports.length > 0);
		now += 7_000;
		expect(ring.ages()).toEqual([[ISSUER, 7]]);
	});
});

describe("an endpoint that fails", () => {
	const big = JSON.stringify({ keys: [one.jwk], pad: "x".repeat(LIMITS.jwksBytes) });
	const LATE = "longer than";
	/** With so short a wait as this machine's good fetches allow. */
	async function settleInHaste(): Promise<void> {
		for (let timeout = 500; reports.at(-1)?.kind !== "changed"; timeout *= 4) {
			ring.stop();
			build({ timeout });
			await settle();
		}
	}
	const failures: [string, string, (server: JwksServer) => void][] = [
		["an error status", "status 500", (server) => (server.answer = (response) => response.writeHead(500).end("{}"))],
		["not modified", "status 304", (server) => (server.answer = (response) => response.writeHead(304).end())],
		["no JSON", "strict JSON (malformed)", (server) => server.serve("<html>")],
		["an empty answer", "strict JSON (malformed)", (server) => server.serve("")],
		["a doubled member", "duplicate_member", (server) => server.serve('{"keys":[],"keys":[]}')],
		[
			"JSON without end",
			"strict JSON (depth)",
			(server) => server.serve(`{"a":${"[".repeat(9_000)}${"]".repeat(9_000)}}`),
		],
		["a huge answer", `larger than ${LIMITS.jwksBytes} bytes`, (server) => server.serve(big)],
		[
			"a huge answer, compressed",
			`larger than ${LIMITS.jwksBytes} bytes`,
			(server) => {
				const bytes = gzipSync(JSON.stringify({ keys: [one.jwk], pad: "x".repeat(20_000_000) }));
				server.answer = (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(bytes);
			},
		],
		["no answer", LATE, (server) => (server.answer = () => {})],
		[
			"an answer that never ends",
			LATE,
			(server) => (server.answer = (response) => response.writeHead(200).write('{"keys":[')),
		],
		[
			"a redirect",
			"status 302",
			(server) => (server.answer = (response) => response.writeHead(302, { location: "/other" }).end()),
		],
		["a broken connection", "cannot be reached", (server) => (server.answer = (response) => response.destroy())],
	];

	test.each(failures)("%s: known keys go on, unknown ones are denied as unavailable", async (_, cause, misbehave) => {
		await (cause === LATE ? settleInHaste() : settle());
		const { requests } = endpoint;
		const known = tokenOf(one);
		misbehave(endpoint);
		expect(await outcome(tokenOf(two))).toBe("keys_unavailable fetch_failing");
		expect(await outcome(known)).toBe("token");
		expect(await outcome(tokenOf(one))).toBe("token");
		expect(reports.at(-1)).toMatchObject({
			kind: "unreachable",
			issuer: ISSUER,
			cause: expect.stringContaining(cause),
		});
		expect(await outcome(tokenOf(two, "third"))).toBe("keys_unavailable fetch_failing");
		expect(endpoint.requests).toBe(requests + 1);
	});

	const unsound: [string, object][] = [
		["no keys", { keys: [] }],
		["a doubled kid", { keys: [two.jwk, two.jwk] }],
		["a private key", { keys: [one.jwk, two.privateKey.export({ format: "jwk" })] }],
		["a symmetric key", { keys: [one.jwk, { kty: "oct", k: "AAAA" }] }],
		["a point off its curve", { keys: [one.jwk, { ...two.jwk, y: two.jwk.x }] }],
		["RSA of 1024 bits", { keys: [one.jwk, makeSigningKey("RS256", "short", 1024).jwk] }],
		["an exponent of 1", { keys: [one.jwk, { ...makeSigningKey("RS256", "e1").jwk, e: "AQ" }] }],
		["keys for encryption alone", { keys: [{ ...two.jwk, use: "enc" }] }],
		["more keys than its limit", { keys: Array(LIMITS.jwksKeys + 1).fill(two.jwk) }],
	];
	test.each(unsound)("an unsound set, %s: the last good one stays", async (_, set) => {
		await settle();
		endpoint.serve(set);
		expect(await outcome(tokenOf(two))).toBe("keys_unavailable fetch_failing");
		expect(await outcome(tokenOf(one))).toBe("token");
		expect(reports.at(-1)).toMatchObject({ kind: "refused", problems: [{ field: "jwks" }] });
		expect(JSON.stringify(reports)).not.toContain(String(one.jwk.x));
	});

	test("down at the start: denied, retried, and nothing fails", async () => {
		await endpoint.stop();
		build({ retry: 10 });
		ring.follow([row]);
		expect(await outcome(tokenOf(one))).toBe("keys_unavailable no_keys");
		await until(() => reports.length >= 3);
		expect(reports.at(-1)).toEqual({
			kind: "unreachable",
			issuer: ISSUER,
			cause: "it cannot be reached (ECONNREFUSED)",
		});
		expect(ring.ages()).toEqual([[ISSUER, Number.POSITIVE_INFINITY]]);
	});

	test("retried in the background, and well again", async () => {
		build({ retry: 10 });
		endpoint.answer = (response) => response.writeHead(503).end();
		ring.follow([row]);
		await until(() => endpoint.requests >= 3);
		endpoint.serve(jwksOf(one));
		await until(() => reports.some(({ kind }) => kind === "changed"));
		expect(await outcome(tokenOf(one))).toBe("token");
	});

	test("keys that could not be fetched for too long verify nothing, cached or not", async () => {
		await settle();
		now = START + LIMITS.jwksStaleMs - 1;
		const known = tokenOf(one);
		expect(await outcome(known)).toBe("token");
		endpoint.answer = (response) => response.writeHead(503).end();
		now = START + LIMITS.jwksStaleMs;
		expect(await outcome(known)).toBe("keys_unavailable stale");
		expect(await outcome(tokenOf(one))).toBe("keys_unavailable stale");
		endpoint.serve(jwksOf(one));
		now += COOLDOWN;
		expect(await outcome(known)).toBe("token");
	});

	test("an unknown key while the set is healthy again is the token's fault", async () => {
		await settle();
		endpoint.answer = (response) => response.writeHead(503).end();
		expect(await outcome(tokenOf(two))).toBe("keys_unavailable fetch_failing");
		endpoint.serve(jwksOf(one));
		now += COOLDOWN;
		expect(await outcome(tokenOf(two))).toBe("token_invalid key_unknown");
	});

	test("an https address is believed only by a certificate that the system's authorities vouch for", async () => {
		const authority = await createAuthority();
		const { certificate: cert, key } = await authority.issue({ dns: ["localhost"] });
		const server = createServer({ cert, key }, (_, response) => response.end(JSON.stringify(jwksOf(one))));
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		try {
			const { port } = server.address() as AddressInfo;
			row = issuerRow({ url: ISSUER, jwks_uri: `https://localhost:${port}/jwks` });
			expect(await outcome(tokenOf(one))).toBe("keys_unavailable no_keys");
			expect(reports).toEqual([
				{
					kind: "unreachable",
					issuer: ISSUER,
					cause: expect.stringMatching(/^it cannot be reached \(.*(CERT|SIGN).*\)$/),
				},
			]);
		} finally {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		}
	});

	test("an address that may not be fetched from is not", async () => {
		row = issuerRow({ url: ISSUER, jwks_uri: "http://issuer.example.org/jwks" });
		expect(await outcome(tokenOf(one))).toBe("keys_unavailable no_keys");
		expect(reports).toEqual([{ kind: "unreachable", issuer: ISSUER, cause: expect.stringContaining("https") }]);
	});
});

describe("following issuers", () => {
	test("stays with what is known when anything but the keys' address changes", async () => {
		await settle();
		const next = issuerRow({ ...row, max_lifetime: 60 });
		ring.follow([next]);
		row = next;
		endpoint.answer = (response) => response.writeHead(503).end();
		const options = { issuer: ISSUER, audience: AUDIENCE, subject: "orders", now: now / 1000, lifetime: 30 };
		expect(await outcome(accessToken(one, options))).toBe("token");
		expect(endpoint.requests).toBe(1);
	});

	test("forgets the keys of another address", async () => {
		await settle();
		const other = await JwksServer.start();
		other.serve(jwksOf(two));
		row = issuerRow({ ...row, jwks_uri: other.uri });
		ring.follow([row]);
		expect([await outcome(tokenOf(one)), await outcome(tokenOf(two))]).toEqual(["token_invalid key_unknown", "token"]);
		await other.stop();
	});

	test("an issuer that is followed no more is not fetched any more", async () => {
		build({ refresh: 10 });
		await settle();
		const other = await JwksServer.start();
		other.serve(jwksOf(two));
		ring.follow([issuerRow({ url: "https://other.example.org", jwks_uri: other.uri })]);
		expect(ring.ages()).toEqual([["https://other.example.org", Number.POSITIVE_INFINITY]]);
		// As often as this one comes, the first would have come, too.
		const { requests } = endpoint;
		await until(() => other.requests >= 5);
		expect(endpoint.requests).toBeLessThanOrEqual(requests + 1);
		ring.follow([]);
		expect(ring.ages()).toEqual([]);
		await other.stop();
	});

	test("stop ends a fetch that is under way, without a report", async () => {
		endpoint.answer = () => {};
		ring.follow([row]);
		await until(() => endpoint.requests === 1);
		ring.stop();
		expect(await outcome(tokenOf(one))).toBe("keys_unavailable no_keys");
		expect(reports).toEqual([]);
	});
});

describe("keys in the row itself", () => {
	test("verify, without any fetch", async () => {
		row = issuerRow({ url: ISSUER, jwks: jwksOf(one) });
		expect(await outcome(tokenOf(one))).toBe("token");
		expect(await outcome(tokenOf(two))).toBe("token_invalid key_unknown");
		expect(endpoint.requests).toBe(0);
	});

	test("deny when they are unsound", async () => {
		row = issuerRow({ url: ISSUER, jwks: jwksOf(one, one) });
		expect(await outcome(tokenOf(one))).toBe("keys_unavailable no_keys");
		expect(reports).toMatchObject([{ kind: "refused", issuer: ISSUER }]);
	});
});
