/** Secrets in requests, in what the admin side is asked, and in commands. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { expect } from "@jest/globals";
import { dpopProof } from "../../../demo/proofs.ts";
import { makeSigningKey } from "../../../demo/tokens.ts";
import { formatApiKey } from "../../../src/core/api-key.ts";
import { until } from "../../support/wait.ts";
import { type Hunt, PAYMENT } from "./hunt.ts";

/** Every way of bringing a credential along, good and bad, and its answer's status. */
function requests(
	hunt: Hunt,
): readonly (readonly [status: number, headers: Record<string, string | string[]>, path?: string])[] {
	const { secrets } = hunt;
	const good = hunt.token("good token");
	const proof = dpopProof(makeSigningKey("ES256", "k"), {
		method: "GET",
		uri: "https://payments.example.org/v1/payments/7",
		token: good,
		now: Date.now() / 1000,
	});
	const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
	return [
		[200, { ...bearer(good), cookie: `session=${secrets.plant("cookie")}`, "x-api-key": secrets.plant("x-api-key") }],
		[200, bearer(good), `/v1/payments/${hunt.token("token in the path")}`],
		[403, bearer(good), `/nowhere/${hunt.token("token in a path that no policy names")}`],
		[200, bearer(good), `/v1/payments/7?access_token=${secrets.plant("token in the query")}`],
		[401, bearer(hunt.token("expired token", { lifetime: -60 }))],
		[401, bearer(hunt.token("forged token", { forged: true }))],
		[401, bearer(hunt.token("token for others", { audience: "https://elsewhere.example.org" }))],
		[403, bearer(hunt.token("token without the scope", { scope: "orders:read" }))],
		[401, bearer(secrets.plant("token that is no JWT"))],
		[401, bearer(`${secrets.plant("a header").replaceAll("-", "")}.e30.AAAA`)],
		[401, bearer(`fbk_${secrets.plant("API key").replaceAll("-", "")}`)],
		[401, { authorization: `Basic ${Buffer.from(`user:${secrets.plant("password")}`).toString("base64")}` }],
		[401, { authorization: secrets.plant("scheme alone") }],
		[400, { authorization: [`Bearer ${good}`, `Bearer ${secrets.plant("second token")}`] }],
		[400, { ...bearer(good), dpop: secrets.jws("proof beside a bearer token", proof) }],
		[401, { authorization: `DPoP ${good}`, dpop: secrets.plant("proof that is no JWT") }],
		[401, { authorization: `DPoP ${hunt.token("another token")}`, dpop: proof }],
		[400, bearer(good), "/v1/payments/../7"],
		[400, { authorization: `Bearer \u00e9${secrets.plant("token outside ASCII")}` }],
		[400, { ...bearer(good), "x-http-method-override": secrets.plant("method override") }],
	];
}

/** Sends every request; the answers that are ours to give, and the ids of their decisions. */
export async function sendAll(hunt: Hunt): Promise<string[]> {
	const ids: string[] = [];
	for (const [status, headers, path = PAYMENT.path] of requests(hunt)) {
		const response = await hunt.stage.world.send({ ...PAYMENT, path, headers });
		expect([response.status, Object.keys(headers), path]).toEqual([status, Object.keys(headers), path]);
		if (status === 200) continue;
		ids.push(response.headers["x-firebreak-decision"] ?? "");
		hunt.take(`answer ${status}`, response, "urn:fire");
	}
	return ids;
}

export async function askAdmin(hunt: Hunt, ids: readonly string[]): Promise<void> {
	const explained = { source: "orders", destination: "payments", method: "GET", path: "/v1/payments/7" };
	const cookie = { cookie: hunt.secrets.plant("cookie that is explained") };
	expect(
		await hunt.admin("/v1/explain", { ...explained, token: hunt.token("token explained"), headers: cookie }),
	).toMatch(/^200 /);
	await hunt.admin("/v1/explain", { ...explained, token: hunt.secrets.plant("bad token explained") });
	await hunt.admin("/v1/explain", { ...explained, token: { secret: hunt.secrets.plant("token of the wrong kind") } });
	await hunt.admin("/v1/explain", `{"token":"${hunt.secrets.plant("token in broken JSON")}"`);
	expect(await hunt.admin("/v1/status", undefined, hunt.secrets.plant("wrong admin token"))).toMatch(/^401 /);
	for (const path of ["/v1/status", "/v1/servers", "/v1/flows", "/metrics", "/readyz"]) {
		expect(await hunt.admin(path)).toMatch(/^200 /);
	}
	for (const id of ids) {
		await until("the decision is stored", async () => (await hunt.admin(`/v1/decisions/${id}`)).startsWith("200 "));
	}
}

export async function runCommands(hunt: Hunt): Promise<void> {
	const explain = ["explain", "--source", "orders", "--destination", "payments", "--path", "/v1/payments/7"];
	const good = hunt.file("good", hunt.token("token of a command"));
	await hunt.command([...explain, "--token-file", good], "allowed");
	await hunt.command([...explain, "--token-file", good, "--json"], "allowed");
	await hunt.command(
		[...explain, "--token-file", hunt.file("bad", hunt.secrets.plant("bad token of a command"))],
		"token_invalid",
	);
	const header = `cookie: ${hunt.secrets.plant("cookie of a command")}`;
	await hunt.command([...explain, "--token-file", good, "--header", header], "allowed");
	const url = (name: string, rest: string) => ({ DATABASE_URL: `postgres://user:${hunt.secrets.plant(name)}@${rest}` });
	await hunt.command(["servers"], /reach/, url("password of a database that is down", "127.0.0.1:1/x"));
	await hunt.command(["servers"], /DATABASE_URL/, url("password in a broken URL", "host:port/x"));
	const wrong = new URL(hunt.stage.world.databaseUrl);
	wrong.password = hunt.secrets.plant("wrong password");
	await hunt.command(["migrate", "status", "--json"], /error/, { DATABASE_URL: wrong.href });
	await hunt.command(["serve", "--check-config"], /FIREBREAK_/, {
		...url("password in the configuration", "host:port/x"),
		FIREBREAK_REDIS_URL: `redis://:${hunt.secrets.plant("password in a broken Redis URL")}@host:port`,
		FIREBREAK_RATE_STORE: "redis",
		FIREBREAK_ADMIN_TOKEN_FILE: join(hunt.folder, "admin-token"),
		FIREBREAK_GRPC_TLS_KEY: hunt.file("key.pem", hunt.secrets.plant("no PEM of a key")),
		FIREBREAK_GRPC_TLS_CERT: hunt.file("cert.pem", "no PEM"),
	});
	await hunt.command(["servers"], /firebreak|server|ago/i);
	await pasteEverywhere(hunt);
}

/** What somebody in a hurry pastes, where an id, a name or a reason is meant. */
async function pasteEverywhere(hunt: Hunt): Promise<void> {
	const apiKey = hunt.secrets.add("pasted API key", formatApiKey(randomBytes(32)));
	const { key } = hunt.stage.world.pki.firebreak;
	for (const pasted of [hunt.token("pasted token"), apiKey, key]) {
		for (const args of [
			[pasted],
			["token", pasted],
			["token", "rotate", pasted, "x"],
			["token", "revoke", "https://id.internal.example.org", "t-1", "--reason", `leaked: ${pasted}`],
			["token", "revoke", "--subject", pasted, "--reason", "leaked"],
			["token", "issue", "--domain", "internal", "--subject", "s", "--owner", "orders", "--purpose", pasted],
			["quarantine", "add", "segment", pasted, "--reason", "leaked"],
			["quarantine", "add", pasted, "orders", "--reason", "leaked"],
			["servers", "--database-url", pasted],
		]) {
			await hunt.command(args, /credential|unknown option|DATABASE_URL/);
			await hunt.command([...args, "--json"], /credential|unknown option|DATABASE_URL/);
		}
	}
}
