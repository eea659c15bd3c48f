/** Used proofs in a real Redis: two servers' authenticators that share it, and what happens when it is not there. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createClient } from "@redis/client";
import { dpopProof, jwkThumbprint } from "../../../demo/proofs.ts";
import { makeSigningKey } from "../../../demo/tokens.ts";
import { createAuthenticator } from "../../../src/authn/authenticator.ts";
import { KeyRing } from "../../../src/authn/keys/ring.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { CredentialVerdict } from "../../../src/core/request.ts";
import { startReplay } from "../../../src/serve/replay.ts";
import { memoryLogger } from "../../support/memory-logger.ts";
import { hasRedis, startRedis, type TestRedis } from "../../support/redis.ts";
import { Relay } from "../../support/relay.ts";
import { demandOf, issuerRow, REQUEST, TokenWorld } from "../../support/tokens.ts";
import { until } from "../../support/wait.ts";

(hasRedis("test/authn/proof/redis.test.ts") ? describe : describe.skip)("used proofs in Redis", () => {
	let redis: TestRedis;
	let client: ReturnType<typeof createClient>;
	const world = new TokenWorld(Date.now() / 1000);
	const holder = makeSigningKey("ES256", "holder");
	const ring = new KeyRing({ clock: Date.now });
	const log = memoryLogger();
	const stops: (() => void)[] = [];
	const demand = demandOf(world.internal);
	const nonced = demandOf([issuerRow({ ...world.issuers.main, options: { dpop_nonce: true } })]);

	/** One server's part in it. */
	const startServer = (redisUrl = redis.url, deadlineMs = 60_000) => {
		const options = { redisUrl, started: 0, random: () => 0, logger: log.logger, deadlineMs };
		const { memory, stop } = startReplay(options);
		stops.push(stop);
		const authenticator = createAuthenticator({ clock: Date.now, keys: ring, replay: memory });
		return { authenticator, memory };
	};
	type Server = ReturnType<typeof startServer>;
	const joined = (...servers: Server[]) =>
		until("the servers agreed on a secret", () => servers.every(({ memory }) => memory.secret !== null));

	const token = world.token({ cnf: { jkt: jwkThumbprint(holder) } });
	const present = (claims: Record<string, unknown> = {}) => ({
		...REQUEST,
		authorization: [`DPoP ${token}`],
		dpop: [
			dpopProof(holder, {
				method: REQUEST.method,
				uri: "https://payments.example.org/v1/payments",
				token,
				now: Date.now() / 1000,
				claims: { iat: Date.now() / 1000, ...claims },
			}),
		],
	});
	const word = (verdict: CredentialVerdict) =>
		verdict.kind === "refused" ? `${verdict.reason} ${verdict.detail}` : verdict.kind;
	const ask = async ({ authenticator }: Server, request: ReturnType<typeof present>, asked = demand) =>
		word(await authenticator.authenticate(request, asked));

	beforeAll(async () => {
		redis = await startRedis();
		client = createClient({ url: redis.url });
		await client.connect();
	});
	afterAll(async () => {
		for (const stop of stops) stop();
		ring.stop();
		client?.destroy();
		await redis?.stop();
	});

	test("a proof is accepted once, by whichever server it is shown to first", async () => {
		const [one, other] = [startServer(), startServer()];
		await joined(one, other);
		const request = present();
		expect(await ask(one, request)).toBe("token");
		expect(await ask(one, request)).toBe("proof_replayed used");
		expect(await ask(other, request)).toBe("proof_replayed used");
		expect(await ask(other, present())).toBe("token");
	});

	test("shown to all servers at once, one of them accepts it", async () => {
		const servers = [startServer(), startServer(), startServer()];
		await joined(...servers);
		const request = present();
		const words = await Promise.all([...servers, ...servers].map((server) => ask(server, request)));
		expect(words.filter((word) => word === "token")).toHaveLength(1);
		expect(new Set(words)).toEqual(new Set(["token", "proof_replayed used"]));
	});

	test("each is gone by itself when it is over by every server's clock", async () => {
		const server = startServer();
		await joined(server);
		await ask(server, present());
		const keys = (await client.keys("*")).filter((key) => key !== "firebreak:proofs");
		expect(keys.length).toBeGreaterThan(0);
		const longest = (LIMITS.proofSeconds + 2 * LIMITS.clockSkewSeconds) * 1000;
		for (const key of keys) {
			expect(key).toMatch(/^firebreak:proofs:[\w-]{43}$/);
			const left = await client.pTTL(key);
			expect(left).toBeGreaterThan(0);
			expect(left).toBeLessThanOrEqual(longest);
		}
	});

	test("servers accept each other's nonces, and tell one to whoever has none", async () => {
		const [one, other] = [startServer(), startServer()];
		await joined(one, other);
		const verdict = await one.authenticator.authenticate(present(), nonced);
		expect(verdict).toMatchObject({ reason: "proof_nonce", detail: "absent", nonce: expect.any(String) });
		const { nonce } = verdict as { nonce: string };
		expect(await ask(other, present({ nonce }), nonced)).toBe("token");
		expect(await ask(other, present({ nonce: "made-up" }), nonced)).toBe("proof_nonce stale");
	});

	test("explaining takes nothing: the proof is still good afterwards", async () => {
		const server = startServer();
		await joined(server);
		const request = present();
		expect(word(await server.authenticator.examine(request, demand))).toBe("token");
		expect(word(await server.authenticator.examine(request, demand))).toBe("token");
		expect(await ask(server, request)).toBe("token");
		expect(word(await server.authenticator.examine(request, demand))).toBe("token");
	});

	test("a Redis that lost its data: proofs from before count for nothing, new ones do", async () => {
		const [one, other] = [startServer(), startServer()];
		await joined(one, other);
		const before = present();
		expect(await ask(one, before)).toBe("token");
		await client.flushAll();
		expect(await ask(other, before)).toBe("proof_invalid forgotten");
		expect(await ask(other, present({ iat: Date.now() / 1000 + 1 }))).toBe("token");
	});

	test("while it is down every proof is refused, and bearer tokens pass; afterwards all is well", async () => {
		const own = await startRedis();
		const relay = await Relay.start(own.port);
		const server = startServer(`redis://127.0.0.1:${relay.port}`);
		await joined(server);
		await own.stop();
		await until(
			"it is known to be down",
			async () => (await ask(server, present())) === "replay_store_down unreachable",
		);
		const bearer = { ...REQUEST, authorization: [`Bearer ${world.token()}`] };
		expect(word(await server.authenticator.authenticate(bearer, demand))).toBe("token");
		expect(log.text()).toContain("requests with a proof of possession are refused");
		const again = await startRedis();
		relay.lead(again.port);
		await until("it is back", async () => (await ask(server, present({ iat: Date.now() / 1000 + 1 }))) === "token");
		await relay.stop();
		await again.stop();
	});

	test("one that does not answer in time is as good as none", async () => {
		const own = await startRedis();
		const server = startServer(own.url, 500);
		await joined(server);
		own.sleep();
		expect(await ask(server, present())).toBe("replay_store_down slow");
		own.wake();
		await until("it answers again", async () => (await ask(server, present())) === "token");
		await own.stop();
	});

	test("without it from the start, nonces cannot be told", async () => {
		const server = startServer("redis://127.0.0.1:1");
		expect(await ask(server, present(), nonced)).toBe("replay_store_down unreachable");
	});
});
