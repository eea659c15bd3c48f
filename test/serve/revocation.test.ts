/** What is committed to the revocation lane holds on every real server, whatever it has seen and remembered of a token. */
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { onFreePorts } from "../../demo/ports.ts";
import { startProcess } from "../../demo/processes.ts";
import { jwkThumbprint } from "../../demo/proofs.ts";
import { accessTokenClaims, jwksOf, makeSigningKey, type SigningKey, signToken } from "../../demo/tokens.ts";
import { newApiKey } from "../../src/issuing/api-key.ts";
import { connect, type TestClient } from "../extauthz/client.ts";
import { type Arguments, call, inTransaction } from "../store/schema/calls.ts";
import { checkRequest } from "../support/check-requests.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { until } from "../support/wait.ts";

const FOREIGN = "https://id.example.org";
const OWN = "https://own.example.org";
const KEYS = "https://keys.example.org";
const AUDIENCE = "https://api.example.org";
const ORDERS = "spiffe://prod.example.org/orders";
const foreign = makeSigningKey("ES256", "foreign");
const [old, young, stolen] = ["old", "young", "stolen"].map((kid) => makeSigningKey("ES256", kid)) as [
	SigningKey,
	SigningKey,
	SigningKey,
];

const SET: readonly (readonly [name: string, args: Arguments])[] = [
	["owner", { name: "platform" }],
	["domain", { name: "internal", owner: "platform" }],
	["issuer", { url: FOREIGN, domain: "internal", audiences: [AUDIENCE], jwks: jwksOf(foreign) }],
	["issuer", { url: OWN, domain: "internal", audiences: [AUDIENCE], options: { signer: "firebreak" } }],
	["issuer", { url: KEYS, domain: "internal", profile: "api_key" }],
	["segment", { name: "orders", domain: "internal", environment: "prod", owner: "platform", members: [ORDERS] }],
	["segment", { name: "payments", domain: "internal", environment: "prod", owner: "platform", members: [] }],
	[
		"allow",
		{ name: "p", source: "orders", destination: "payments", owner: "platform", methods: ["GET"], paths: ["/"] },
	],
];

let database: TestDatabase;
let operator: Client;
const servers: { readonly client: TestClient; readonly stop: () => Promise<unknown> }[] = [];

beforeAll(async () => {
	database = await createTestDatabase();
	operator = await database.connect();
	await inTransaction(operator, async () => {
		for (const [name, args] of SET) await call(operator, name, args);
	});
	for (const key of [old, stolen]) await publish(key);
	for (let number = 1; number <= 2; number++) servers.push(await startServer());
});
afterAll(async () => {
	for (const { client, stop } of servers) {
		client.close();
		await stop();
	}
	await database?.drop();
});

const startServer = () =>
	onFreePorts(2, async ([grpcPort = 0, adminPort = 0]) => {
		const server = await startProcess({
			name: "firebreak serve",
			command: process.execPath,
			args: [fileURLToPath(new URL("../../src/main.ts", import.meta.url)), "serve"],
			env: {
				PATH: process.env.PATH,
				DATABASE_URL: database.url,
				FIREBREAK_GRPC_ADDR: `127.0.0.1:${grpcPort}`,
				FIREBREAK_ADMIN_ADDR: `127.0.0.1:${adminPort}`,
			},
			ready: async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok,
		});
		return { client: connect({ kind: "tcp", host: "127.0.0.1", port: grpcPort }), stop: server.stop };
	});

const publish = (key: SigningKey) =>
	call(operator, "publish_key", {
		domain: "internal",
		kid: key.kid,
		jwk: key.jwk,
		signs_from: "2026-01-01Z",
		reason: "r",
	});

/** A token of an issuer, good for some minutes, with an id of its own. */
function tokenOf(
	issuer: typeof FOREIGN | typeof OWN,
	key: SigningKey,
	subject = "billing",
): { id: string; text: string } {
	const id = randomUUID();
	const firebreak = { owner: "platform", purpose: "p", kind: "client" };
	const options = { issuer, audience: AUDIENCE, subject, now: Date.now() / 1_000, claims: { jti: id, firebreak } };
	return { id, text: signToken(key, accessTokenClaims(options)) };
}

/** What every server says of it: `allowed`, or reason and detail. */
const ask = (token: string): Promise<string[]> => Promise.all(servers.map(({ client }) => askOne(client, token)));

async function askOne(client: TestClient, token: string): Promise<string> {
	const check = checkRequest({ from: ORDERS, to: "payments", headers: { authorization: `Bearer ${token}` } });
	const { dynamicMetadata } = (await client.check(check)) as {
		dynamicMetadata?: { fields: Record<string, { stringValue?: string }> };
	};
	const told = (name: string) => dynamicMetadata?.fields[name]?.stringValue;
	return [told("reason"), told("detail")].filter((word) => word !== undefined).join(" ");
}

/** Commits one call, and returns when every server says that it enforces it. */
async function commit(name: string, args: Arguments): Promise<void> {
	const seq = await call(operator, name, args);
	await until("every server enforces it", async () => {
		const { rows } = await operator.query("select seq >= $1 as enforced from firebreak.server", [seq]);
		return rows.length === servers.length && rows.every(({ enforced }) => enforced);
	});
}

const ALLOWED = ["allowed", "allowed"];
const both = (words: string) => [words, words];

describe("a token that every server knows", () => {
	test.each<[string, () => { id: string; text: string }, string]>([
		["of another issuer", () => tokenOf(FOREIGN, foreign), FOREIGN],
		["of our own", () => tokenOf(OWN, old), OWN],
	])("%s, revoked, is refused by all", async (_, make, issuer) => {
		const { id, text } = make();
		expect([await ask(text), await ask(text)]).toEqual([ALLOWED, ALLOWED]);
		await commit("revoke_token", { issuer, token_id: id, reason: "leaked" });
		expect(await ask(text)).toEqual(both("token_revoked token"));
		expect(await ask(make().text)).toEqual(ALLOWED);
	});

	test("and another that only one of them has seen", async () => {
		const { id, text } = tokenOf(FOREIGN, foreign);
		expect(await askOne(servers[0]!.client, text)).toBe("allowed");
		await commit("revoke_token", { issuer: FOREIGN, token_id: id, reason: "leaked" });
		expect(await ask(text)).toEqual(both("token_revoked token"));
	});
});

test("revoked before it was ever seen counts too", async () => {
	const { id, text } = tokenOf(FOREIGN, foreign);
	await commit("revoke_token", { issuer: FOREIGN, token_id: id, reason: "leaked" });
	expect(await ask(text)).toEqual(both("token_revoked token"));
});

test("an API key is known from its registration to its revocation", async () => {
	const { key, digest } = newApiKey();
	expect(await ask(key)).toEqual(both("token_invalid unknown_key"));
	const registered = { issuer: KEYS, token_id: "key-1", owner: "platform", purpose: "p", kind: "api_key", digest };
	const expires = new Date(Date.now() + 600_000).toISOString();
	await commit("register_token", { ...registered, subject: "billing", expires });
	expect(await ask(key)).toEqual(ALLOWED);
	await commit("register_token", { ...registered, subject: "billing", expires, sources: ["payments"] });
	expect(await ask(key)).toEqual(both("passport_context source"));
	await commit("register_token", { ...registered, subject: "billing", expires });
	await commit("revoke_token", { issuer: KEYS, token_id: "key-1", reason: "leaked" });
	expect(await ask(key)).toEqual(both("token_revoked token"));
});

test("a registered token of another issuer is held to its passport at once, also where it was seen without", async () => {
	const { id, text } = tokenOf(FOREIGN, foreign);
	expect(await ask(text)).toEqual(ALLOWED);
	const registered = { issuer: FOREIGN, token_id: id, owner: "platform", purpose: "p", expires: "2036-01-01Z" };
	await commit("register_token", { ...registered, networks: ["192.0.2.0/24"] });
	expect(await ask(text)).toEqual(both("passport_context network"));
	await commit("register_token", { ...registered, networks: ["10.0.0.0/8"] });
	expect(await ask(text)).toEqual(ALLOWED);
});

test("a token that is retired works until its instant, and its successor all along", async () => {
	const [first, second] = [tokenOf(OWN, old), tokenOf(OWN, old)];
	const at = (ms: number) => new Date(Date.now() + ms).toISOString();
	// As whoever issues it does: what takes its place is kept there.
	const issued = {
		issuer: OWN,
		token_id: first.id,
		owner: "platform",
		purpose: "p",
		kind: "issued",
		subject: "billing",
	};
	await call(operator, "register_token", { ...issued, expires: "2036-01-01Z" });
	const retire = { issuer: OWN, token_id: first.id, reason: "rotated", replaced_by: second.id };
	await commit("retire_token", { ...retire, at: at(600_000) });
	expect([await ask(first.text), await ask(second.text)]).toEqual([ALLOWED, ALLOWED]);
	await commit("retire_token", { ...retire, at: at(0) });
	await until("its instant has come", async () => (await ask(first.text)).every((words) => words !== "allowed"));
	expect([await ask(first.text), await ask(second.text)]).toEqual([both("token_revoked token"), ALLOWED]);
});

test("everything of a subject from before an instant", async () => {
	const [mine, another] = [tokenOf(FOREIGN, foreign, "alice"), tokenOf(FOREIGN, foreign, "bob")];
	expect([await ask(mine.text), await ask(another.text)]).toEqual([ALLOWED, ALLOWED]);
	// So far ahead that whatever is made here is older, however slowly.
	const issued_before = new Date(Date.now() + 600_000).toISOString();
	await commit("revoke_before", { issuer: FOREIGN, issued_before, reason: "left", subject: "alice" });
	expect([await ask(mine.text), await ask(another.text)]).toEqual([both("token_revoked before"), ALLOWED]);
	expect(await ask(tokenOf(FOREIGN, foreign, "alice").text)).toEqual(both("token_revoked before"));
});

test("our own key: the new one verifies at once, the old one until it is withdrawn", async () => {
	const text = tokenOf(OWN, young).text;
	expect(await ask(text)).toEqual(both("token_invalid key_unknown"));
	await commit("publish_key", {
		domain: "internal",
		kid: "young",
		jwk: young.jwk,
		signs_from: "2026-01-01Z",
		reason: "r",
	});
	const before = tokenOf(OWN, old).text;
	expect([await ask(text), await ask(before)]).toEqual([ALLOWED, ALLOWED]);
	await commit("withdraw_key", { domain: "internal", kid: "old", until: new Date().toISOString(), reason: "rotated" });
	await until("its instant has come", async () => (await ask(before)).every((words) => words !== "allowed"));
	expect([await ask(text), await ask(before)]).toEqual([ALLOWED, both("token_invalid key_unknown")]);
});

test.each<[string, typeof FOREIGN | typeof OWN, SigningKey]>([
	["of our own", OWN, stolen],
	["of another issuer", FOREIGN, foreign],
])("a leaked signing key %s, in quarantine: whatever it signed", async (_, issuer, key) => {
	const { text } = tokenOf(issuer, key);
	expect(await ask(text)).toEqual(ALLOWED);
	const quarantine = { kind: "key", name: jwkThumbprint(key), reason: "leaked" };
	await commit("quarantine", quarantine);
	expect([await ask(text), await ask(tokenOf(issuer, key).text)]).toEqual([
		both("token_revoked key"),
		both("token_revoked key"),
	]);
	await commit("lift", quarantine);
	expect(await ask(text)).toEqual(ALLOWED);
});

test("everything of an issuer from before an instant, and of no other", async () => {
	const [mine, another] = [tokenOf(FOREIGN, foreign), tokenOf(OWN, young)];
	expect([await ask(mine.text), await ask(another.text)]).toEqual([ALLOWED, ALLOWED]);
	const issued_before = new Date(Date.now() + 600_000).toISOString();
	await commit("revoke_before", { issuer: FOREIGN, issued_before, reason: "leaked" });
	expect([await ask(mine.text), await ask(another.text)]).toEqual([both("token_revoked before"), ALLOWED]);
});
