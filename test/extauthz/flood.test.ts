/** A flood of forged tokens from one source, over gRPC, with real signatures: it is its own loss, and no other source's. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { accessToken, jwksOf, makeSigningKey, type SigningKey } from "../../demo/tokens.ts";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { createCheck } from "../../src/extauthz/check.ts";
import { MemoryLimiter } from "../../src/limiter/memory.ts";
import { checkRequest } from "../support/check-requests.ts";
import { domain, issuer, policy, segment, snapshotOf } from "../support/policy-set.ts";
import { proofMemory } from "../support/tokens.ts";
import type { Answer } from "./client.ts";
import { Harness } from "./harness.ts";

const ISSUER = "https://id.example.org";
const AUDIENCE = "https://payments.example.org";
const FLOOD = 1_500;

let harness: Harness;
beforeEach(() => {
	harness = new Harness();
});
afterEach(() => harness.end());

test("a flood of forgeries spends its source's budget and leaves the other source alone", async () => {
	const key = makeSigningKey("ES256", "k");
	const snapshot = snapshotOf({
		domains: [domain({ name: "internal" })],
		issuers: [issuer({ url: ISSUER, domain: "internal", audiences: [AUDIENCE], jwks: jwksOf(key) })],
		segments: [segment({ name: "orders" }), segment({ name: "reports" }), segment({ name: "payments" })],
		policies: [policy({ name: "read", source: "*", destination: "payments" })],
	});
	const now = Date.now();
	const keys = new KeyRing({ clock: () => now });
	const authenticator = createAuthenticator({ clock: () => now, keys, replay: proofMemory() });
	const reasons: Record<string, Record<string, number>> = { orders: {}, reports: {} };
	const server = await harness.start(
		createCheck({
			view: () => ({ snapshot, lane: new Lane(), policyConfirmedAt: now, laneConfirmedAt: now }),
			authenticator,
			// Time stands still: nothing of a budget flows back, however long the machine takes.
			limiter: new MemoryLimiter({ stopwatch: () => 0, liveServers: () => 1 }),
			ages: { maxPolicyAge: 1e9, maxRevocationAge: 1e9 },
			enforcerIdentity: "none",
			clock: () => now,
			stopwatch: () => 0,
			newId: () => "id",
			observe: ({ decision }) => {
				const seen = reasons[decision.source?.segment ?? ""]!;
				seen[decision.reason] = (seen[decision.reason] ?? 0) + 1;
			},
			onError: (error) => harness.errors.push(error),
		}),
	);
	const [attacker, honest] = [harness.client(server), harness.client(server)];
	const tokenOf = (signer: SigningKey, subject: string) =>
		accessToken(signer, { issuer: ISSUER, audience: AUDIENCE, subject, now: now / 1000, scope: "x" });
	const ask = (client: typeof honest, from: string, token: string): Promise<Answer> =>
		client.check(checkRequest({ from, headers: { authorization: `Bearer ${token}` } }));

	const stranger = makeSigningKey("ES256", "k");
	const flood = Array.from({ length: FLOOD }, (_, index) =>
		ask(attacker, "orders", tokenOf(stranger, `forged-${index}`)),
	);
	const good = await Promise.all(
		Array.from({ length: 200 }, (_, index) => ask(honest, "reports", tokenOf(key, `reports-${index}`))),
	);
	const answers = await Promise.all(flood);

	expect(good.filter(({ okResponse }) => okResponse)).toHaveLength(200);
	expect(reasons).toEqual({
		orders: { token_invalid: LIMITS.forgeriesBurst, source_throttled: FLOOD - LIMITS.forgeriesBurst },
		reports: { allowed: 200 },
	});
	expect(answers.filter(({ deniedResponse }) => deniedResponse?.status?.code === 429)).toHaveLength(
		FLOOD - LIMITS.forgeriesBurst,
	);
	// Only what was paid for was verified.
	expect(authenticator.counts.miss).toBe(LIMITS.forgeriesBurst + 200);
	expect(harness.errors).toEqual([]);

	// Its own good tokens wait with it, before anything is spent on them.
	expect(await ask(attacker, "orders", tokenOf(key, "late"))).toMatchObject({
		deniedResponse: { status: { code: 429 } },
	});
	keys.stop();
});
