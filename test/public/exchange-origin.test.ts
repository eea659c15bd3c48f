/**
 * What an exchanged token owes the one that it was exchanged for, end to end: real Postgres, the real server, mutual TLS, the
 * command line and the gRPC service.
 */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { calculateJwkThumbprint, decodeJwt, importJWK, SignJWT } from "jose";
import { jwksOf, makeSigningKey, signToken } from "../../demo/tokens.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { type Checked, type OwnServer, openOwnServer } from "../support/own-server.ts";
import { API_ISSUER, FOREIGN, ISSUER, ORDERS, PARTNER_ISSUER } from "../support/own-tokens.ts";
import { until } from "../support/wait.ts";

// A whole server starts, on a machine that may have other things to do.
jest.setTimeout(120_000);

const ALLOWED: Checked = { status: 200, reason: "allowed", detail: null };
const DEAD: Checked = { status: 401, reason: "token_revoked", detail: "origin" };
const GATEWAY = { to: "spiffe://prod.example.org/gateway", method: "POST" };
const BILLING = "spiffe://prod.example.org/billing";
const foreignKey = makeSigningKey("ES256", "foreign-1");

let own: OwnServer;
beforeAll(async () => {
	own = await openOwnServer();
	await own.query(`select firebreak.issuer($1, 'internal', audiences => array['internal-apis'], jwks => $2::jsonb)`, [
		FOREIGN,
		JSON.stringify(jwksOf(foreignKey)),
	]);
	await own.query("select firebreak.segment('billing', 'partner', 'prod', 'platform', array[$1])", [BILLING]);
	for (const domain of ["internal", "partner"]) {
		const { code } = await own.json(["keys", "rotate", "--domain", domain, "--reason", "first"]);
		if (code !== 0) throw new Error(`no key for ${domain}`);
	}
	await own.settled();
});
afterAll(() => own?.close());

/** Of another issuer, with a user in it. */
function foreign(claims: object = {}): string {
	const now = Math.floor(Date.now() / 1_000);
	const [id, life] = [`f-${Math.random()}`, 600];
	const good = {
		iss: FOREIGN,
		aud: "internal-apis",
		sub: "alice",
		client_id: "web",
		jti: id,
		iat: now,
		exp: now + life,
	};
	return signToken(foreignKey, { ...good, scope: "payments:read gateway:call", ...claims }, { typ: "at+jwt" });
}

async function issue(...more: string[]): Promise<string> {
	const grant = ["--domain", "internal", "--subject", "batch", "--purpose", "all", "--scope", "payments:read"];
	const { code, out, err } = await own.firebreak(["token", "issue", ...grant, ...more]);
	if (code !== 0) throw new Error(err);
	return out.trimEnd();
}

async function exchanged(subject: string, audience = "payments"): Promise<string> {
	const { status, json, text } = await own.exchange({ subject_token: subject, audience });
	if (status !== 200) throw new Error(text);
	return json.access_token;
}

const revoke = async (...argv: string[]) => {
	const told = await own.json(["token", "revoke", ...argv, "--reason", "test"]);
	expect(told).toMatchObject({ code: 0, waited: { reached: true } });
};
const idOf = (token: string) => String(decodeJwt(token).jti);

describe("an exchanged token dies with the one that it was exchanged for", () => {
	test("and says which that is", async () => {
		const subject = foreign();
		const { jti, iat } = decodeJwt(subject);
		const key = await calculateJwkThumbprint(jwksOf(foreignKey).keys[0]!);
		expect(decodeJwt(await exchanged(subject)).firebreak).toMatchObject({
			origin: { iss: FOREIGN, jti, sub: "alice", iat, key },
		});
	});

	test("revoked by its id, within a domain and over its border; others live on", async () => {
		const [subject, other] = [foreign(), await exchanged(foreign())];
		const [near, far] = [await exchanged(subject), await exchanged(subject, "gateway")];
		const twice = await exchanged(near);
		for (const token of [near, twice]) expect(await own.check(token)).toEqual(ALLOWED);
		expect(await own.check(far, GATEWAY)).toEqual(ALLOWED);
		await revoke(FOREIGN, idOf(subject));
		for (const token of [near, twice]) expect(await own.check(token)).toEqual(DEAD);
		expect(await own.check(far, GATEWAY)).toEqual(DEAD);
		expect(await own.check(other)).toEqual(ALLOWED);
	});

	test("and with the one between", async () => {
		const near = await exchanged(foreign());
		const twice = await exchanged(near);
		await revoke(ISSUER, idOf(near));
		expect(await own.check(twice)).toEqual(DEAD);
	});

	test("rotated, when the old one is over; and as an API key", async () => {
		const subject = await issue("--owner", "orders-team", "--lifetime", "30m");
		const key = await issue("--owner", "orders-team", "--api-key", "--lifetime", "1d", "--json");
		const { token, token_id: id } = JSON.parse(key);
		await own.settled();
		const tokens = [await exchanged(subject), await exchanged(token)];
		for (const each of tokens) expect(await own.check(each)).toEqual(ALLOWED);
		await own.firebreak(["token", "rotate", ISSUER, idOf(subject), "--overlap", "0s"]);
		await revoke(API_ISSUER, id);
		await own.settled();
		for (const each of tokens) expect(await own.check(each)).toEqual(DEAD);
	});

	test("by the key that signed it in quarantine, and its issuer", async () => {
		const token = await exchanged(foreign(), "gateway");
		const key = await calculateJwkThumbprint(jwksOf(foreignKey).keys[0]!);
		for (const [kind, name] of [
			["key", key],
			["issuer", FOREIGN],
		] as const) {
			expect(await own.check(token, GATEWAY)).toEqual(ALLOWED);
			await own.query("select firebreak.quarantine($1, $2, 'stolen')", [kind, name]);
			await own.settled();
			expect(await own.check(token, GATEWAY)).toEqual(DEAD);
			await own.query("select firebreak.lift($1, $2, 'tried')", [kind, name]);
			await own.settled();
		}
	});
});

describe("an exchange that is under way while its token is revoked gives nothing that counts", () => {
	/** Whatever holds it back last: its record waits for a lock, while the revocation commits and is enforced. */
	async function during(subject: string, audience: string, revocation: () => Promise<void>): Promise<string> {
		const blocker = await own.database.connect();
		await blocker.query("begin");
		try {
			await blocker.query("lock table firebreak.passport in share mode");
			const pending = exchanged(subject, audience);
			await until("the record waits", async () => {
				const [row] = await own.query<{ waiting: string }>(
					"select count(*) as waiting from pg_locks where not granted and relation = 'firebreak.passport'::regclass",
				);
				return Number(row!.waiting) > 0;
			});
			await revocation();
			await blocker.query("commit");
			return await pending;
		} finally {
			await blocker.end();
		}
	}

	test.each<[string, () => Promise<string>, (subject: string) => string[]]>([
		["by its id", async () => foreign(), (subject) => [FOREIGN, idOf(subject)]],
		["by its subject", async () => foreign({ sub: "dora" }), () => ["--subject", "dora", "--issuer", FOREIGN]],
		["by its owner", () => issue("--owner", "platform"), () => ["--owner", "platform"]],
		[
			"by a segment that it is for",
			() => issue("--owner", "orders-team", "--destination", "payments"),
			() => ["--segment", "payments"],
		],
	])("%s", async (_name, subject, argv) => {
		const token = await subject();
		expect(await own.check(await during(token, "payments", () => revoke(...argv(token))))).toEqual(DEAD);
	});

	test("by its subject, over a border, where nobody ever had its name before", async () => {
		const token = foreign({ sub: "emil" });
		const far = await during(token, "gateway", () => revoke("--subject", "emil", "--issuer", FOREIGN));
		expect(decodeJwt(far).sub).toBe(`${FOREIGN}|emil`);
		expect(await own.check(far, GATEWAY)).toEqual(DEAD);
	});
});

test("a key that was stolen from one domain names no workload of another by way of exchange", async () => {
	await own.query(
		`select firebreak.allow(name => 'for-billing', source => 'orders', destination => 'gateway', owner => 'platform',
			methods => array['DELETE'], paths => array['/**'], scopes => array['gateway:call'],
			condition => 'token.sub == "${BILLING}"')`,
	);
	await own.query(
		`select firebreak.allow(name => 'for-orders', source => 'orders', destination => 'gateway', owner => 'platform',
			methods => array['PUT'], paths => array['/**'], scopes => array['gateway:call'],
			condition => 'token.sub == "${ORDERS}"')`,
	);
	await own.settled();
	const folder = `${own.keysDirectory}/internal`;
	const jwk = JSON.parse(readFileSync(`${folder}/${readdirSync(folder)[0]}`, "utf8"));
	const now = Math.floor(Date.now() / 1_000);
	const forge = async (sub: string) =>
		new SignJWT({
			iss: ISSUER,
			aud: "internal-apis",
			sub,
			client_id: sub,
			jti: `forged-${sub}`,
			iat: now,
			exp: now + 300,
			scope: "gateway:call",
			firebreak: { owner: "orders-team", purpose: "x", kind: "workload" },
		})
			.setProtectedHeader({ typ: "at+jwt", alg: jwk.alg, kid: jwk.kid })
			.sign(await importJWK(jwk));
	const issued = await issue("--owner", "orders-team", "--scope", "gateway:call", "--unused", "--subject", BILLING);
	for (const subject of [await forge(BILLING), issued]) {
		const token = await exchanged(subject, "gateway");
		expect(decodeJwt(token)).toMatchObject({ iss: PARTNER_ISSUER, sub: `${ISSUER}|${BILLING}` });
		expect(await own.check(token, { ...GATEWAY, method: "DELETE" })).toMatchObject({
			status: 403,
			reason: "no_policy",
		});
		expect(await own.check(token, GATEWAY)).toEqual(ALLOWED);
	}
	// The workload itself is the same everywhere.
	const itself = await exchanged(await forge(ORDERS), "gateway");
	expect(decodeJwt(itself).sub).toBe(ORDERS);
	expect(await own.check(itself, { ...GATEWAY, method: "PUT" })).toEqual(ALLOWED);
});

test("an exchange makes no budget of a token anew", async () => {
	await own.query("select firebreak.rate_limit('token', $1, 0.001, 3)", [FOREIGN]);
	await own.settled();
	const subject = foreign({ sub: "carl" });
	const [near, far] = [await exchanged(subject), await exchanged(subject, "gateway")];
	expect(await own.check(near)).toEqual(ALLOWED);
	expect(await own.check(far, GATEWAY)).toEqual(ALLOWED);
	expect(await own.check(subject)).toEqual(ALLOWED);
	const spent = { status: 429, reason: "rate_limited", detail: "token" };
	for (const token of [near, subject, await exchanged(subject)]) expect(await own.check(token)).toEqual(spent);
	expect(await own.check(far, GATEWAY)).toEqual(spent);
	expect(await own.check(foreign({ sub: "carl" }))).toEqual(ALLOWED);
	await own.query("select firebreak.remove('rate_limit', $1)", [`token:${FOREIGN}`]);
	await own.settled();
});

test("what no server would read for its length is not given, and leaves no record", async () => {
	await own.query(
		`select firebreak.allow(name => 'groups', source => 'orders', destination => 'payments', owner => 'platform',
			methods => array['PUT'], paths => array['/**'], scopes => array['payments:read'],
			condition => '"g1" in token.groups')`,
	);
	await own.settled();
	const groups = (count: number) => foreign({ groups: Array.from({ length: count }, (_, index) => `group-${index}`) });
	const [fits, fat] = [await exchanged(groups(400)), groups(470)];
	expect(fat.length).toBeLessThanOrEqual(LIMITS.tokenBytes);
	expect(await own.check(fat)).toEqual(ALLOWED);
	expect(await own.check(fits)).toEqual(ALLOWED);
	const count = async () => (await own.query("select from firebreak.passport")).length;
	const before = await count();
	const refused = await own.exchange({ subject_token: fat, audience: "payments" });
	expect(refused).toMatchObject({ status: 400, json: { error: "invalid_target" } });
	await until("the log tells why", () => own.log().includes('"cause":"size"'));
	expect(await count()).toBe(before);
});

test("signs for the issuer that takes certificates, whatever its URL", async () => {
	await own.query(
		`select firebreak.issuer('https://a.example.org', 'internal', audiences => array['internal-apis'], binding => 'dpop',
			options => '{"signer": "firebreak"}')`,
	);
	await own.settled();
	const token = await exchanged(foreign());
	expect(decodeJwt(token).iss).toBe(ISSUER);
	expect(await own.check(token)).toEqual(ALLOWED);
});
