/** Secrets of the control plane: keys, tokens and API keys that Firebreak makes, exchanges, and is asked about. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@jest/globals";
import { ISSUER, Kit } from "../../../demo/chapter/kit.ts";
import { query } from "../../../demo/database.ts";
import { migrateUp } from "../../../demo/firebreak.ts";
import { until } from "../../support/wait.ts";
import { type Hunt, PAYMENT } from "./hunt.ts";

const KEYS = "https://keys.internal.example.org";
const API_KEYS = `select firebreak.issuer(
	url => '${KEYS}', domain => 'internal', profile => 'api_key', max_lifetime => '90 days'
);`;

/** Signing keys, tokens and API keys of our own: made, shown once, used, rotated, listed and revoked. */
export async function controlPlane(hunt: Hunt, operatorToken: string): Promise<void> {
	const kit = new Kit(hunt.stage);
	await kit.addIssuer();
	hunt.stage.policies.add("platform", "api_keys", API_KEYS);
	await migrateUp(hunt.stage.world.databaseUrl, hunt.stage.policies.path);
	const keysFolder = hunt.stage.keysFolder ?? "";
	const keysOption = ["--keys-dir", keysFolder];
	const takeKeys = () => {
		for (const file of readdirSync(join(keysFolder, "internal"), { recursive: true, encoding: "utf8" })) {
			const [, d] = /"d":\s*"([\w-]+)"/.exec(readFileSync(join(keysFolder, "internal", file), "utf8")) ?? [];
			if (d !== undefined) hunt.secrets.add(`private key ${file}`, d);
		}
	};
	await hunt.command(["keys", "rotate", "--domain", "internal", "--reason", "first", ...keysOption], "signs with");
	takeKeys();
	const issue = ["token", "issue", "--subject", "orders", "--owner", "orders", "--purpose", "tests", ...keysOption];
	const scope = ["--scope", "payments:read"];
	const own = await hunt.maker("own token", [...issue, "--domain", "internal", ...scope]);
	const apiKey = await hunt.maker("API key of ours", [
		...issue,
		"--api-key",
		"--issuer",
		KEYS,
		"--lifetime",
		"1d",
		...scope,
	]);
	const rotated = await hunt.maker("rotated token", ["token", "rotate", ISSUER, own.id, ...keysOption]);
	await hunt.maker("rotated API key", ["token", "rotate", KEYS, apiKey.id, ...keysOption]);
	for (const credential of [own.token, apiKey.token, rotated.token]) {
		const headers = { authorization: `Bearer ${credential}` };
		await until("it passes", async () => (await hunt.stage.world.send({ ...PAYMENT, headers })).status === 200);
	}
	await exchange(hunt, kit);
	await present(hunt, kit);
	await operate(hunt, kit, own.id, operatorToken);
	const mistyped = `${apiKey.token.slice(0, -1)}${apiKey.token.endsWith("0") ? "1" : "0"}`;
	const refused = await hunt.stage.world.send({ ...PAYMENT, headers: { authorization: `Bearer ${mistyped}` } });
	expect(refused.status).toBe(401);
	await hunt.command([...issue, "--domain", "internal", "--scope", "nobody:uses"], "nobody:uses");
	for (const args of [
		["token", "show", ISSUER, rotated.id],
		["token", "list", "--all"],
		["keys", "list"],
		["token", "revoke", "--owner", "orders", "--reason", "test"],
	]) {
		await hunt.command(args, /internal|orders/);
		await hunt.command([...args, "--json"], /internal|orders|seq/);
	}
	await hunt.command(
		["keys", "rotate", "--domain", "internal", "--reason", "next", "--announce", "0s", ...keysOption],
		"signs with",
	);
	takeKeys();
}

/** A bound token with its proof, which passes, and comes again. */
async function present(hunt: Hunt, kit: Kit): Promise<void> {
	const bound = hunt.secrets.jws("key-bound token", kit.keyBound);
	const proof = hunt.secrets.jws("good proof", kit.proof(kit.ordersKey, bound, PAYMENT.path));
	for (const status of [200, 401]) {
		const response = await hunt.stage.world.send({ ...PAYMENT, headers: kit.bound(bound, proof) });
		expect(response.status).toBe(status);
		if (status === 401) hunt.take("replay", response, "urn:fire");
	}
	const bearer = hunt.secrets.jws("certificate-bound token", kit.certificateBound);
	expect((await hunt.stage.world.send({ ...PAYMENT, headers: kit.bearer(bearer) })).status).toBe(200);
}

/** The admin side's writes, and its views of tokens. */
async function operate(hunt: Hunt, kit: Kit, id: string, operatorToken: string): Promise<void> {
	const order = { issuer: ISSUER, token_id: "nobody-knows-it", reason: "test" };
	expect(await hunt.admin("/v1/revocations", order)).toMatch(/^403 /);
	// Once for want of rights in the database, once with them.
	expect(await hunt.admin("/v1/revocations", order, operatorToken)).toMatch(/^403 /);
	const login = new URL(hunt.stage.serverUrl).username;
	await query(hunt.stage.world.databaseUrl, `grant firebreak_operator to ${login}`);
	expect(await hunt.admin("/v1/revocations", order, operatorToken)).toMatch(/^201 /);
	const wrong = { ...order, token_id: kit.foreignToken() };
	hunt.secrets.jws("token in place of its id", wrong.token_id);
	expect(await hunt.admin("/v1/revocations", wrong, operatorToken)).toMatch(/^400 /);
	for (const [path, body] of [
		["/v1/revocations", { ...order, reason: `leaked: ${wrong.token_id}` }],
		["/v1/revocations", { subject: wrong.token_id, reason: "test" }],
		["/v1/quarantines", { kind: "segment", name: wrong.token_id, reason: "test" }],
		["/v1/quarantines", { kind: "segment", name: "orders", reason: "test", [wrong.token_id]: "x" }],
	] as const) {
		expect(await hunt.admin(path, body, operatorToken)).toMatch(/^400 /);
	}
	await hunt.admin("/v1/revocations", wrong, hunt.secrets.plant("wrong operator token"));
	for (const path of [
		`/v1/tokens/${id}?issuer=${encodeURIComponent(ISSUER)}`,
		"/v1/tokens?all=true",
		"/v1/revocations",
	]) {
		expect(await hunt.admin(path)).toMatch(/^200 /);
	}
	expect(await hunt.admin("/v1/quarantines")).toMatch(/^200 /);
}

/** Tokens in exchange for others, good and bad. The one that is given is a secret from everybody but who asked. */
async function exchange(hunt: Hunt, kit: Kit): Promise<void> {
	const form = (subjectToken: string) => ({
		grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
		subject_token: subjectToken,
		subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
		audience: "payments",
	});
	const { status, body } = await kit.exchange("orders", form(hunt.token("subject token")));
	expect(status).toBe(200);
	hunt.secrets.jws("exchanged token", (body as { access_token: string }).access_token);
	for (const subject of [
		hunt.token("forged subject token", { forged: true }),
		hunt.secrets.plant("subject token that is no JWT"),
		`fbk_${hunt.secrets.plant("subject token that is no API key").replaceAll("-", "")}`,
	]) {
		const refused = await kit.exchange("orders", form(subject));
		expect(refused.status).toBe(400);
		hunt.take("/oauth/token", refused, "invalid_request");
	}
	const secret = { ...form(hunt.token("token beside a secret")), client_secret: hunt.secrets.plant("client secret") };
	const refused = await kit.exchange("orders", secret);
	hunt.take("/oauth/token", refused, "invalid_request");
}
