/** Two whole servers on one database and one Redis: a proof of possession is good at one of them, once. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { dpopProof, jwkThumbprint } from "../../demo/proofs.ts";
import { accessToken, makeSigningKey } from "../../demo/tokens.ts";
import { checkRequest } from "../support/check-requests.ts";
import type { TestDatabase } from "../support/postgres.ts";
import { hasRedis, startRedis, type TestRedis } from "../support/redis.ts";
import { until } from "../support/wait.ts";
import { createCompanyDatabase, ISSUER, key, type RealServer, startRealServer } from "./real-server.ts";

const holder = makeSigningKey("ES256", "holder");
const URI = "https://payments.example.org/v1/7";

let database: TestDatabase;
const running: (() => unknown)[] = [];
beforeAll(async () => {
	database = await createCompanyDatabase("http://127.0.0.1:1/jwks");
});
afterEach(async () => {
	for (const stop of running.splice(0).reverse()) await stop();
});
afterAll(() => database?.drop());

async function start(settings: Readonly<Record<string, string>> = {}): Promise<RealServer> {
	const server = await startRealServer(database.url, settings);
	running.push(server.stop);
	return server;
}

/** One request with a bound token; `after` seconds are added to the proof's date. */
function request(after = 0) {
	const now = Date.now() / 1_000;
	const token = accessToken(key, {
		issuer: ISSUER,
		audience: "api",
		subject: "orders",
		scope: "read",
		now,
		claims: { cnf: { jkt: jwkThumbprint(holder) } },
	});
	const dpop = dpopProof(holder, { method: "GET", uri: URI, token, now, claims: { iat: now + after } });
	return checkRequest({ path: "/v1/7", headers: { authorization: `DPoP ${token}`, dpop } });
}

interface Told {
	readonly dynamicMetadata?: { readonly fields: Readonly<Record<string, { readonly stringValue?: string }>> };
}

async function ask({ client }: RealServer, message: ReturnType<typeof request>): Promise<string> {
	const answer = await client.check(message);
	const { reason, detail } = (answer as Told).dynamicMetadata?.fields ?? {};
	const status = answer.deniedResponse?.status?.code ?? 200;
	return [status, reason?.stringValue, detail?.stringValue].filter((word) => word !== undefined).join(" ");
}

test("with a memory of its own each server accepts a proof once, and none from before its start", async () => {
	const [one, other] = await Promise.all([start(), start()]);
	const { uptime_seconds } = (await (await fetch(`${one.adminUrl}/v1/status`)).json()) as { uptime_seconds: number };
	// Not so old that it would be refused for its age, however long a start takes.
	expect(await ask(one, request(-5 - uptime_seconds))).toBe("401 proof_invalid forgotten");
	const message = request();
	expect([await ask(one, message), await ask(one, message)]).toEqual(["200 allowed", "401 proof_replayed used"]);
	expect(await ask(other, message)).toBe("200 allowed");
});

(hasRedis("test/serve/replay.test.ts") ? describe : describe.skip)("with a memory in Redis", () => {
	const shared = async (redis: TestRedis) => {
		const settings = { FIREBREAK_REPLAY_STORE: "redis", FIREBREAK_REDIS_URL: redis.url };
		const servers = await Promise.all([start(settings), start(settings)]);
		for (const server of servers) {
			await until("it asks Redis", async () => (await ask(server, request(1))) === "200 allowed");
		}
		return servers as [RealServer, RealServer];
	};

	test("a proof is accepted once by both, and by none while Redis is away", async () => {
		const redis = await startRedis();
		running.push(redis.stop);
		const [one, other] = await shared(redis);
		const message = request();
		expect(await ask(one, message)).toBe("200 allowed");
		expect(await ask(other, message)).toBe("401 proof_replayed used");
		await redis.stop();
		for (const server of [one, other]) {
			await until("Redis is away", async () => (await ask(server, request())).startsWith("503 replay_store_down"));
		}
	});
});
