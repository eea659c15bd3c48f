/** The token endpoint, end to end: real Postgres, the real server, real mutual TLS; what it gives is tried through gRPC. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeJwt, decodeProtectedHeader, importJWK, SignJWT } from "jose";
import { createAuthority, type Leaf } from "../../demo/pki.ts";
import { jwksOf, makeSigningKey, signToken } from "../../demo/tokens.ts";
import { type Checked, type OwnServer, openOwnServer } from "../support/own-server.ts";
import { FOREIGN, ISSUER, ORDERS, PARTNER_ISSUER } from "../support/own-tokens.ts";
import { until } from "../support/wait.ts";

const foreignKey = makeSigningKey("ES256", "foreign-1");
let own: OwnServer;
beforeAll(async () => {
	own = await openOwnServer();
	await own.query(`select firebreak.issuer($1, 'internal', audiences => array['internal-apis'], jwks => $2::jsonb)`, [
		FOREIGN,
		JSON.stringify(jwksOf(foreignKey)),
	]);
	await own.query(
		`select firebreak.allow(name => 'payments-read-reports', source => 'payments', destination => 'reports',
			owner => 'platform', methods => array['GET'], paths => array['/**'])`,
	);
	for (const domain of ["internal", "partner"]) {
		const { code } = await own.json(["keys", "rotate", "--domain", domain, "--reason", "first"]);
		if (code !== 0) throw new Error(`no key for ${domain}`);
	}
	await own.settled();
});
afterAll(() => own?.close());

const ALLOWED: Checked = { status: 200, reason: "allowed", detail: null };

/** A broad token of orders, cut by what is given. */
async function issue(...more: string[]): Promise<string> {
	const argv = [
		"token",
		"issue",
		"--domain",
		"internal",
		"--subject",
		ORDERS,
		"--owner",
		"orders-team",
		"--purpose",
		"all",
	];
	const scopes = ["--scope", "payments:read", "--scope", "payments:write", "--scope", "tier:gold"];
	const { code, out, err } = await own.firebreak([...argv, ...scopes, ...more]);
	if (code !== 0) throw new Error(err);
	return out.trimEnd();
}

/** Of another issuer, with a user in it. */
function foreign(claims: object = {}): string {
	const now = Math.floor(Date.now() / 1_000);
	const good = {
		iss: FOREIGN,
		aud: "internal-apis",
		sub: "alice",
		client_id: "web",
		jti: `f-${Math.random()}`,
		iat: now,
		exp: now + 600,
		scope: "payments:read gateway:call profile",
	};
	return signToken(foreignKey, { ...good, ...claims }, { typ: "at+jwt" });
}

describe("an exchange", () => {
	test("gives a token for one destination and certificate, which the check takes from nobody else, and nowhere else", async () => {
		const subject = await issue("--lifetime", "1h");
		const { status, headers, json } = await own.exchange({
			subject_token: subject,
			audience: "payments",
			scope: "payments:read",
		});
		expect({ status, json }).toEqual({
			status: 200,
			json: {
				access_token: expect.any(String),
				issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
				token_type: "Bearer",
				expires_in: 300,
				scope: "payments:read",
			},
		});
		expect(headers["cache-control"]).toBe("no-store");
		const token = json.access_token as string;
		expect(decodeProtectedHeader(token).typ).toBe("at+jwt");
		const claims = decodeJwt(token);
		expect(claims).toMatchObject({
			iss: ISSUER,
			sub: ORDERS,
			client_id: ORDERS,
			act: { sub: ORDERS },
			cnf: { "x5t#S256": own.orders.thumbprint },
			firebreak: {
				owner: "orders-team",
				purpose: "all",
				sources: [ORDERS],
				destinations: ["payments"],
				kind: "workload",
			},
		});
		expect(await own.check(token)).toEqual(ALLOWED);
		expect(await own.check(token, { path: "/v1/payments", method: "POST" })).toMatchObject({ reason: "scope_missing" });
		expect(await own.check(token, { to: "spiffe://prod.example.org/reports" })).toMatchObject({
			reason: "passport_context",
			detail: "destination",
		});
		const other = await own.authority.issue({ uris: [ORDERS] });
		expect(await own.check(token, { leaf: other })).toMatchObject({ reason: "binding_mismatch" });
		expect(await own.check(token, { leaf: null })).toMatchObject({ reason: "binding_mismatch" });
		const [row] = await own.query("select * from firebreak.passport where token_id = $1", [claims.jti]);
		expect(row).toMatchObject({
			kind: "issued",
			subject: ORDERS,
			binding: `x5t#S256:${own.orders.thumbprint}`,
			destinations: ["payments"],
		});
		await until("the log tells of it", () => own.log().includes(`"token_id":"${claims.jti}"`));
		for (const secret of [token, subject]) {
			expect(own.log()).not.toContain(secret);
			expect(own.log()).not.toContain(secret.split(".")[2]);
		}
	});

	test("gives a token that is refused once it, or its subject, is revoked", async () => {
		const subject = await issue();
		const { json } = await own.exchange({ subject_token: subject, audience: "payments", scope: "payments:read" });
		const token = json.access_token as string;
		expect(await own.check(token)).toEqual(ALLOWED);
		const revoked = await own.firebreak(["token", "revoke", ISSUER, String(decodeJwt(token).jti), "--reason", "test"]);
		expect(revoked.code).toBe(0);
		expect(revoked.out).toMatch(/^\S+ +live +\S+Z +after \d+ ms$/m);
		expect(await own.check(token)).toMatchObject({ status: 401, reason: "token_revoked", detail: "token" });
		await own.firebreak(["token", "revoke", ISSUER, String(decodeJwt(subject).jti), "--reason", "test"]);
		const again = await own.exchange({ subject_token: subject, audience: "payments" });
		expect(again).toMatchObject({ status: 400, json: { error: "invalid_request" } });
	});

	test("carries a user of another issuer into another domain, with that domain's key, and who acts for it", async () => {
		const chain = await own.exchange({
			subject_token: foreign({ sub: "dora", act: { sub: "web" } }),
			audience: "gateway",
		});
		expect(chain.status).toBe(200);
		const claims = decodeJwt(chain.json.access_token);
		expect(claims).toMatchObject({
			iss: PARTNER_ISSUER,
			aud: "partner-apis",
			sub: `${FOREIGN}|dora`,
			client_id: ORDERS,
			act: { sub: ORDERS, act: { sub: "web" } },
			scope: "gateway:call",
			firebreak: { kind: "user", owner: "orders-team" },
		});
		const to = "spiffe://prod.example.org/gateway";
		expect(await own.check(chain.json.access_token, { to, method: "POST" })).toEqual(ALLOWED);
		expect(await own.check(chain.json.access_token)).toMatchObject({ reason: "token_invalid", detail: "issuer" });
		const revoked = await own.json(["token", "revoke", "--subject", "dora", "--issuer", FOREIGN, "--reason", "left"]);
		expect(revoked).toMatchObject({ code: 0, waited: { reached: true } });
		expect(await own.check(chain.json.access_token, { to, method: "POST" })).toMatchObject({ reason: "token_revoked" });
	});

	test("goes on from an exchanged token, with a longer chain and no wider", async () => {
		const first = await own.exchange({
			subject_token: await issue(),
			resource: "spiffe://prod.example.org/payments",
			scope: "payments:read",
		});
		const second = await own.exchange({ subject_token: first.json.access_token, audience: "payments" });
		expect(decodeJwt(second.json.access_token)).toMatchObject({
			scope: "payments:read",
			act: { sub: ORDERS, act: { sub: ORDERS } },
		});
		const wider = await own.exchange({
			subject_token: first.json.access_token,
			audience: "payments",
			scope: "payments:read payments:write",
		});
		expect(wider).toMatchObject({ status: 400, json: { error: "invalid_scope" } });
		const elsewhere = await own.exchange({ subject_token: first.json.access_token, audience: "reports" });
		expect(elsewhere).toMatchObject({ status: 400, json: { error: "invalid_request" } });
	});

	test("is for one hop, and ends with every other token of its subject", async () => {
		const { json } = await own.exchange({ subject_token: foreign({ sub: "carol" }), audience: "payments" });
		const token = json.access_token as string;
		expect(await own.check(token)).toEqual(ALLOWED);
		const certificate = await own.authority.issue({ uris: ["spiffe://prod.example.org/payments"] });
		const onward = (subject: string) => own.exchange({ subject_token: subject, audience: "reports" }, { certificate });
		expect(await onward(token)).toMatchObject({ status: 400, json: { error: "invalid_request" } });
		expect((await onward(foreign({ sub: "carol" }))).status).toBe(200);
		const revoked = await own.json(["token", "revoke", "--subject", "carol", "--reason", "left"]);
		expect(revoked).toMatchObject({ code: 0, waited: { reached: true } });
		expect(await own.check(token)).toMatchObject({ status: 401, reason: "token_revoked", detail: "before" });
	});

	test("takes an API key, and what it is restricted to", async () => {
		const argv = [
			"token",
			"issue",
			"--api-key",
			"--domain",
			"internal",
			"--lifetime",
			"1d",
			"--subject",
			"batch",
			"--owner",
			"orders-team",
		];
		const made = await own.json([
			...argv,
			"--purpose",
			"nightly",
			"--scope",
			"payments:read",
			"--network",
			"127.0.0.0/8",
		]);
		await own.settled();
		const { status, json } = await own.exchange({ subject_token: String(made.token), audience: "payments" });
		expect(status).toBe(200);
		expect(decodeJwt(json.access_token)).toMatchObject({
			sub: "batch",
			firebreak: { kind: "client", purpose: "nightly", networks: ["127.0.0.0/8"] },
		});
		// The check's caller is at 10.0.0.7.
		expect(await own.check(json.access_token)).toMatchObject({ reason: "passport_context", detail: "network" });
	});
});

describe("an exchange is refused", () => {
	const cases: readonly {
		readonly name: string;
		readonly fields: () => Promise<Record<string, string>>;
		readonly error: string;
	}[] = [
		{
			name: "for a scope that the subject token lacks",
			fields: async () => ({ subject_token: foreign(), audience: "payments", scope: "payments:write" }),
			error: "invalid_scope",
		},
		{
			name: "for a scope that no policy asks for",
			fields: async () => ({ subject_token: foreign(), audience: "payments", scope: "profile" }),
			error: "invalid_scope",
		},
		{
			name: "for a target that no policy leads to",
			fields: async () => ({ subject_token: foreign(), audience: "ledger" }),
			error: "invalid_target",
		},
		{
			name: "for a target that is not there",
			fields: async () => ({ subject_token: foreign(), audience: "nowhere" }),
			error: "invalid_target",
		},
		{
			name: "for another's token restricted to it",
			fields: async () => ({ subject_token: await issue("--source", "ledger"), audience: "payments" }),
			error: "invalid_request",
		},
		{
			name: "for a token bound to another certificate",
			fields: async () => ({ subject_token: await issue("--bind", `x5t:${"A".repeat(43)}`), audience: "payments" }),
			error: "invalid_request",
		},
		{
			name: "for a token bound to a DPoP key",
			fields: async () => ({ subject_token: await issue("--bind", `jkt:${"A".repeat(43)}`), audience: "payments" }),
			error: "invalid_request",
		},
		{
			name: "for a forged token",
			fields: async () => ({ subject_token: `${(await issue()).slice(0, -8)}AAAAAAAA`, audience: "payments" }),
			error: "invalid_request",
		},
		{
			name: "for an expired token",
			fields: async () => ({ subject_token: foreign({ iat: 1_000, exp: 2_000 }), audience: "payments" }),
			error: "invalid_request",
		},
		{
			name: "for a token of another domain",
			fields: async () => ({
				subject_token: foreign({ iss: PARTNER_ISSUER, aud: "partner-apis" }),
				audience: "payments",
			}),
			error: "invalid_request",
		},
		{ name: "without a subject token", fields: async () => ({ audience: "payments" }), error: "invalid_request" },
		{ name: "without a target", fields: async () => ({ subject_token: foreign() }), error: "invalid_request" },
		{
			name: "with two",
			fields: async () => ({
				subject_token: foreign(),
				audience: "payments",
				resource: "spiffe://prod.example.org/payments",
			}),
			error: "invalid_request",
		},
		{
			name: "with an actor token",
			fields: async () => ({ subject_token: foreign(), audience: "payments", actor_token: "x" }),
			error: "invalid_request",
		},
		{
			name: "with a client secret",
			fields: async () => ({ subject_token: foreign(), audience: "payments", client_secret: "x" }),
			error: "invalid_request",
		},
		{
			name: "for another client's id",
			fields: async () => ({ subject_token: foreign(), audience: "payments", client_id: "web" }),
			error: "invalid_client",
		},
		{
			name: "for another grant",
			fields: async () => ({ subject_token: foreign(), audience: "payments", grant_type: "client_credentials" }),
			error: "unsupported_grant_type",
		},
		{
			name: "for a type of token that is not ours",
			fields: async () => ({
				subject_token: foreign(),
				audience: "payments",
				subject_token_type: "urn:ietf:params:oauth:token-type:saml2",
			}),
			error: "invalid_request",
		},
		{
			name: "for a type that is not given",
			fields: async () => ({
				subject_token: foreign(),
				audience: "payments",
				requested_token_type: "urn:ietf:params:oauth:token-type:refresh_token",
			}),
			error: "invalid_request",
		},
		{
			name: "for scopes that are none",
			fields: async () => ({ subject_token: foreign(), audience: "payments", scope: "a  b" }),
			error: "invalid_scope",
		},
	];
	test.each(cases)("$name", async ({ fields, error }) => {
		const before = await own.query("select from firebreak.passport where token_id like 'x-%'");
		const { status, json, text } = await own.exchange(await fields());
		expect({ status, error: json.error }).toEqual({ status: error === "invalid_client" ? 401 : 400, error });
		expect(Object.keys(json)).toEqual(["error", "error_description"]);
		expect(text).not.toMatch(/orders|payments|policy|spiffe/i);
		expect(await own.query("select from firebreak.passport where token_id like 'x-%'")).toHaveLength(before.length);
	});

	test("for a form that has two readings", async () => {
		const form = { "content-type": "application/x-www-form-urlencoded" };
		const post = (body: string, headers: Record<string, string> = form) =>
			own.ask("/oauth/token", { method: "POST", headers, body });
		for (const body of [
			"grant_type=a&grant_type=a",
			"grant_type",
			"=a",
			"grant_type=%zz",
			"grant_type=%ff",
			"grant_type=%00",
			"a b=c",
			`a=${"x".repeat(40_000)}`,
		]) {
			expect(await post(body)).toMatchObject({ status: 400, json: { error: "invalid_request" } });
		}
		expect(await post("{}", { "content-type": "application/json" })).toMatchObject({ status: 400 });
		expect(await post("a=b", { ...form, authorization: "Basic eDp5" })).toMatchObject({
			status: 400,
			json: { error: "invalid_request" },
		});
		expect(await own.ask("/oauth/token")).toMatchObject({ status: 405, headers: { allow: "POST" } });
		expect(await own.ask("/oauth/token/")).toMatchObject({ status: 404 });
	});

	describe("from whom it cannot be for", () => {
		const ask = async (certificate: Pick<Leaf, "certificate" | "key"> | null) =>
			own.exchange({ subject_token: foreign(), audience: "payments" }, { certificate });
		const refused = { status: 401, json: { error: "invalid_client" } };

		test("without a certificate, or with one of another authority", async () => {
			expect(await ask(null)).toMatchObject(refused);
			expect(await ask(await (await createAuthority("other")).issue({ uris: [ORDERS] }))).toMatchObject(refused);
		});

		test("with a certificate that names no workload, or one of no segment", async () => {
			expect(await ask(await own.authority.issue({ dns: ["orders"] }))).toMatchObject(refused);
			expect(await ask(await own.authority.issue({ uris: [ORDERS, "spiffe://prod.example.org/x"] }))).toMatchObject(
				refused,
			);
			expect(await ask(await own.authority.issue({ uris: ["spiffe://prod.example.org/nobody"] }))).toMatchObject(
				refused,
			);
			expect(
				await ask(await own.authority.issue({ uris: [ORDERS], notAfter: new Date(Date.now() - 1_000) })),
			).toMatchObject(refused);
		});

		test("in quarantine", async () => {
			await own.query("select firebreak.quarantine('workload', $1, 'test')", [ORDERS]);
			await own.settled();
			expect(await ask(own.orders)).toMatchObject({ status: 400, json: { error: "invalid_target" } });
			await own.query("select firebreak.lift('workload', $1, 'over')", [ORDERS]);
			await own.settled();
			expect((await ask(own.orders)).status).toBe(200);
		});
	});
});

test("what came of exchanges is counted", async () => {
	const metrics = await (await fetch(`${own.adminUrl}/metrics`)).text();
	for (const result of ["issued", "invalid_request", "invalid_client", "invalid_scope", "invalid_target"]) {
		expect(metrics).toMatch(new RegExp(`^firebreak_exchanges_total\\{result="${result}"\\} [1-9]`, "m"));
	}
});

describe("keys that rotate", () => {
	interface Jwks {
		readonly keys: readonly { readonly kid: string }[];
	}
	const kids = async () =>
		((await own.ask("/.well-known/jwks.json", { certificate: null })).json as Jwks).keys.map(({ kid }) => kid);

	test("are published to everybody, with what caches need", async () => {
		const { status, headers, json, text } = await own.ask("/.well-known/jwks.json", { certificate: null });
		expect(status).toBe(200);
		expect(headers).toMatchObject({ "content-type": "application/json", "cache-control": "public, max-age=60" });
		expect(headers.etag).toBe(`"${createHash("sha256").update(text).digest("base64url")}"`);
		expect((json as Jwks).keys.length).toBeGreaterThanOrEqual(2);
		expect(text).not.toMatch(/"d"/);
		const again = await own.ask("/.well-known/jwks.json", { headers: { "if-none-match": String(headers.etag) } });
		expect([again.status, again.text]).toEqual([304, ""]);
		expect(await own.ask("/.well-known/jwks.json", { method: "POST" })).toMatchObject({ status: 405 });
		const head = await own.ask("/.well-known/jwks.json", { method: "HEAD" });
		expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", String(text.length)]);
	});

	test("break nothing in flight: tokens from before, during and after stay good, and both keys are published meanwhile", async () => {
		const rotate = async (announce: number) => {
			const before = await issue();
			const old = String(decodeProtectedHeader(before).kid);
			const argv = ["keys", "rotate", "--domain", "internal", "--announce", `${announce}s`, "--reason", "test"];
			const rotated = await own.json(argv);
			expect(rotated).toMatchObject({ code: 0, waited: { reached: true } });
			const fresh = String(rotated.kid);
			expect(await kids()).toEqual(expect.arrayContaining([old, fresh]));
			const during = await issue();
			const signsFrom = Date.parse(String(rotated.signs_from));
			return { before, old, fresh, during, signsFrom, inTime: Date.now() < signsFrom };
		};
		// A machine that is too slow for an announcement gets a longer one.
		let rotation = await rotate(2);
		for (let announce = 6; !rotation.inTime; announce *= 3) rotation = await rotate(announce);
		const { before, old, fresh, during, signsFrom } = rotation;
		expect(decodeProtectedHeader(during).kid).toBe(old);
		while (Date.now() < signsFrom) await new Promise((resolve) => setTimeout(resolve, 50));
		const after = await issue();
		expect(decodeProtectedHeader(after).kid).toBe(fresh);
		for (const token of [before, during, after]) expect(await own.check(token)).toEqual(ALLOWED);
		const exchanged = await own.exchange({ subject_token: before, audience: "payments", scope: "payments:read" });
		expect(decodeProtectedHeader(exchanged.json.access_token).kid).toBe(fresh);
		for (const token of [before, during, after, exchanged.json.access_token])
			expect(await own.check(token)).toEqual(ALLOWED);
		expect(await kids()).toEqual(expect.arrayContaining([old, fresh]));
	});

	test("a stolen one of one domain opens nothing in another, and its quarantine stops all that it signed", async () => {
		const partner = await own.firebreak([
			"token",
			"issue",
			"--domain",
			"partner",
			"--subject",
			ORDERS,
			"--owner",
			"platform",
			"--purpose",
			"x",
			"--scope",
			"gateway:call",
		]);
		const token = partner.out.trimEnd();
		const to = "spiffe://prod.example.org/gateway";
		expect(await own.check(token, { to, method: "POST" })).toEqual(ALLOWED);
		expect(await own.check(token)).toMatchObject({ reason: "token_invalid", detail: "issuer" });
		// The thief signs for the other domain's issuer.
		const { kid } = decodeProtectedHeader(token);
		const jwk = JSON.parse(readFileSync(`${own.keysDirectory}/partner/${kid}.json`, "utf8"));
		const claims = { ...decodeJwt(await issue()), jti: "stolen" };
		const forged = await new SignJWT(claims)
			.setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: String(kid) })
			.sign(await importJWK(jwk));
		expect(await own.check(forged)).toMatchObject({ reason: "token_invalid", detail: "key_unknown" });
		await own.query("select firebreak.quarantine('key', $1, 'stolen')", [kid]);
		await own.settled();
		expect(await own.check(token, { to, method: "POST" })).toMatchObject({ reason: "token_revoked", detail: "key" });
		expect(await kids()).not.toContain(kid);
		const stopped = await own.exchange({ subject_token: foreign(), audience: "gateway" });
		expect(stopped).toMatchObject({ status: 503, json: { error: "temporarily_unavailable" } });
	});
});
