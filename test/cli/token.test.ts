/** `firebreak token`, against a real database. */
import { createHash, createPublicKey, verify } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { createAuthority } from "../../demo/pki.ts";
import { isApiKey } from "../../src/core/api-key.ts";
import { type FollowingServer, startServer } from "../store/support/server.ts";
import {
	API_ISSUER,
	FOREIGN,
	ISSUER,
	ORDERS,
	type OwnTokens,
	openOwnTokens,
	PARTNER_ISSUER,
} from "../support/own-tokens.ts";
import { until } from "../support/wait.ts";

let own: OwnTokens;
let kid: string;
beforeAll(async () => {
	own = await openOwnTokens();
	kid = String((await own.json(["keys", "rotate", "--domain", "internal", "--reason", "first", "--no-wait"])).kid);
});
afterAll(() => own?.close());
const servers: FollowingServer[] = [];
afterEach(async () => {
	for (const server of servers.splice(0)) await server.stop();
});

const ORDER = ["--subject", "settlement", "--owner", "orders-team", "--purpose", "nightly settlement"];
const issue = (...more: string[]) => ["token", "issue", "--domain", "internal", ...ORDER, ...more];

async function issued(...more: string[]): Promise<{ token: string; id: string; claims: Record<string, unknown> }> {
	const { code, out, err } = await own.firebreak(issue(...more));
	if (code !== 0) throw new Error(err);
	const token = out.trimEnd();
	const claims = decodeJwt(token) as Record<string, unknown>;
	return { token, id: String(claims.jti), claims };
}

const rowOf = async (id: string) =>
	(await own.query<Record<string, unknown>>("select * from firebreak.passport where token_id = $1", [id]))[0];

describe("token issue", () => {
	test("writes the token alone to stdout, and its record before that", async () => {
		const { code, out, err } = await own.firebreak(
			issue("--scope", "payments:read", "--destination", "payments", "--source", "orders", "--environment", "prod"),
		);
		expect(code).toBe(0);
		const token = out.trimEnd();
		expect(out).toBe(`${token}\n`);
		expect(decodeProtectedHeader(token)).toEqual({ alg: "ES256", typ: "at+jwt", kid });
		const claims = decodeJwt(token);
		expect(claims).toEqual({
			iss: ISSUER,
			aud: "internal-apis",
			sub: "settlement",
			client_id: "settlement",
			jti: expect.stringMatching(/^t-[A-Za-z0-9_-]{22}$/),
			iat: expect.any(Number),
			exp: Number(claims.iat) + 300,
			scope: "payments:read",
			firebreak: {
				owner: "orders-team",
				purpose: "nightly settlement",
				sources: ["orders"],
				destinations: ["payments"],
				environment: "prod",
				kind: "client",
			},
		});
		expect(err).toContain(`${claims.jti} of ${ISSUER}, for orders-team: nightly settlement; until `);
		expect(err).not.toContain(token);
		expect(await rowOf(String(claims.jti))).toMatchObject({
			issuer: ISSUER,
			kind: "issued",
			owner: "orders-team",
			subject: "settlement",
			scopes: ["payments:read"],
			expires: new Date(Number(claims.exp) * 1_000),
		});
	});

	test("is signed with the key that is published", async () => {
		const { token } = await issued();
		const [row] = await own.query<{ jwk: object }>("select jwk from firebreak.domain_key where kid = $1", [kid]);
		const [head, body, signature] = token.split(".");
		const key = { key: createPublicKey({ key: row!.jwk as never, format: "jwk" }), dsaEncoding: "ieee-p1363" as const };
		expect(verify("sha256", Buffer.from(`${head}.${body}`), key, Buffer.from(signature!, "base64url"))).toBe(true);
	});

	test("takes restrictions as people write them", async () => {
		const { claims, id } = await issued(
			"--network",
			"10.0.0.0/8",
			"--network",
			"fd00::/8",
			"--window",
			"fri-sun,tue 08:00-18:00 Europe/Berlin",
			"--window",
			"00:00-24:00 UTC",
			"--device",
			"A".repeat(43),
			"--bind",
			`jkt:${"E".repeat(43)}`,
			"--lifetime",
			"1h",
		);
		expect(claims).toMatchObject({
			cnf: { jkt: "E".repeat(43) },
			firebreak: {
				networks: ["10.0.0.0/8", "fd00::/8"],
				device: "A".repeat(43),
				windows: [
					{ days: ["tue", "fri", "sat", "sun"], from: "08:00", until: "18:00", zone: "Europe/Berlin" },
					{ from: "00:00", until: "24:00", zone: "UTC" },
				],
			},
		});
		expect(Number(claims.exp) - Number(claims.iat)).toBe(3_600);
		expect(await rowOf(id)).toMatchObject({ binding: `jkt:${"E".repeat(43)}`, device: "A".repeat(43) });
	});

	test("binds to the certificate in a file", async () => {
		const leaf = await (await createAuthority()).issue({ uris: [ORDERS] });
		const file = join(own.keysDirectory, "client.pem");
		writeFileSync(file, leaf.certificate);
		const { claims } = await issued("--bind", `x5t:${file}`);
		expect(claims.cnf).toEqual({ "x5t#S256": leaf.thumbprint });
		expect((await own.json(issue("--bind", "x5t:/nonexistent"))).code).toBe(2);
		expect((await own.json(issue("--bind", "key"))).code).toBe(2);
	});

	test("makes API keys, shown once, kept as a digest, known to servers by the lane", async () => {
		expect(await own.json(issue("--api-key"))).toMatchObject({
			code: 2,
			error: { message: expect.stringContaining("--lifetime") },
		});
		const made = await own.json(issue("--api-key", "--lifetime", "30d", "--scope", "payments:read"));
		const token = String(made.token);
		expect(isApiKey(token)).toBe(true);
		expect(made).toMatchObject({ issuer: API_ISSUER, seq: expect.any(Number) });
		const digest = createHash("sha256").update(token).digest("base64url");
		expect(await rowOf(String(made.token_id))).toMatchObject({ kind: "api_key", digest });
		const everything = await own.query(
			`select to_jsonb(p)::text as row from firebreak.passport p
			union all select to_jsonb(r)::text from firebreak.revocation r`,
		);
		expect(JSON.stringify(everything)).not.toContain(token);
		const server = await startServer(own.database.url, "one");
		servers.push(server);
		expect(server.follower.current().lane.registry.apiKey(digest, Date.now())).toMatchObject({
			id: made.token_id,
			subject: "settlement",
		});
	});

	const refused: readonly (readonly [string, readonly string[], string])[] = [
		["without an owner that is there", ["--owner", "nobody"], "owner"],
		["for a scope that no policy of the domain uses", ["--scope", "gateway:call"], "scopes"],
		["for longer than the issuer lets tokens live", ["--lifetime", "61m"], "expires"],
		["that is over", ["--expires", "2020-01-01T00:00:00Z"], "expires"],
		["for another domain's segment", ["--destination", "gateway"], "destinations"],
		["for nobody's workload", ["--source", "spiffe://prod.example.org/nobody"], "sources"],
	];
	test.each(refused)("refuses a token %s", async (_name, more, field) => {
		const before = await own.query("select from firebreak.passport");
		expect(await own.json(issue(...more))).toMatchObject({ code: 2, error: { problems: [{ field }] } });
		expect(await own.query("select from firebreak.passport")).toHaveLength(before.length);
	});

	test("grants a scope that no policy uses when that is said", async () => {
		expect((await issued("--scope", "soon:read", "--unused")).claims.scope).toBe("soon:read");
		expect((await issued("--source", "spiffe://prod.example.org/ledger/a/b")).claims.firebreak).toMatchObject({
			sources: ["spiffe://prod.example.org/ledger/a/b"],
		});
	});

	test.each([
		["without an owner", ["--subject", "a", "--purpose", "b", "--domain", "internal"]],
		["without a purpose", ["--subject", "a", "--owner", "platform", "--domain", "internal"]],
		["without a subject", ["--owner", "platform", "--purpose", "b", "--domain", "internal"]],
		["without an issuer", ORDER],
		["with two", [...ORDER, "--domain", "internal", "--issuer", ISSUER]],
		["with two ends", [...ORDER, "--domain", "internal", "--lifetime", "1m", "--expires", "2100-01-01T00:00:00Z"]],
		["with a window that is none", [...ORDER, "--domain", "internal", "--window", "always"]],
	])("is wrong usage %s", async (_name, argv) => {
		const { code, out } = await own.firebreak(["token", "issue", ...argv]);
		expect({ code, out }).toEqual({ code: 2, out: "" });
	});

	test("signs nothing with a key in quarantine, nor for a domain whose key is not here", async () => {
		const argv = ["token", "issue", "--issuer", PARTNER_ISSUER, ...ORDER];
		expect(await own.json(argv)).toMatchObject({ code: 1, error: { code: "not_found" } });
		const { kid: partner } = await own.json(["keys", "rotate", "--domain", "partner", "--reason", "x", "--no-wait"]);
		expect((await own.firebreak(argv)).code).toBe(0);
		await own.query("select firebreak.quarantine('key', $1, 'stolen')", [partner]);
		expect(await own.json(argv)).toMatchObject({ code: 1, error: { code: "not_found" } });
		expect(await own.json([...argv, "--keys-dir", "/nonexistent"])).toMatchObject({
			code: 1,
			error: { code: "config_invalid" },
		});
		expect(await own.json(["token", "issue", "--issuer", FOREIGN, ...ORDER])).toMatchObject({
			code: 1,
			error: { code: "not_found" },
		});
	});
});

describe("token show and list", () => {
	test("show tells everything but the token, by its id or its file", async () => {
		const { token, id } = await issued("--scope", "payments:read", "--window", "mon 08:00-18:00 UTC");
		const shown = await own.firebreak(["token", "show", ISSUER, id]);
		expect(shown.code).toBe(0);
		expect(shown.out).toMatch(/^owner +orders-team$/m);
		expect(shown.out).toMatch(/^state +live$/m);
		expect(shown.out).toMatch(/^windows +mon 08:00-18:00 UTC$/m);
		expect(shown.out).toMatch(/^last seen +never$/m);
		const file = join(own.keysDirectory, "token.txt");
		writeFileSync(file, `${token}\n`);
		const byFile = await own.firebreak(["token", "show", "--token-file", file]);
		expect(byFile.out).toBe(shown.out);
		expect(byFile.out + byFile.err).not.toContain(token.split(".")[2]);
		const key = String((await own.json(issue("--api-key", "--lifetime", "1d"))).token);
		writeFileSync(file, key);
		const byKey = await own.firebreak(["token", "show", "--token-file", file]);
		expect(byKey.out).toMatch(/^kind +api_key$/m);
		expect(byKey.out + byKey.err).not.toContain(key);
		writeFileSync(file, "planted-secret");
		const bad = await own.firebreak(["token", "show", "--token-file", file]);
		expect(bad.code).toBe(2);
		expect(bad.out + bad.err).not.toContain("planted-secret");
		expect(await own.json(["token", "show", ISSUER, "t-unknown"])).toMatchObject({
			code: 1,
			error: { code: "not_found" },
		});
		expect((await own.firebreak(["token", "show", ISSUER])).code).toBe(2);
	});

	test("list finds tokens by owner, segment, end and last use", async () => {
		const ids = async (...argv: string[]) => {
			const { tokens } = await own.json(["token", "list", ...argv]);
			return (tokens as unknown as { token_id: string }[]).map(({ token_id: id }) => id);
		};
		const soon = await issued("--destination", "payments", "--subject", "list-a");
		const later = await issued("--source", "ledger", "--owner", "platform", "--lifetime", "1h", "--subject", "list-b");
		expect(await ids("--segment", "ledger")).toContain(later.id);
		expect(await ids("--segment", "payments")).toContain(soon.id);
		const byWorkload = await issued("--source", "spiffe://prod.example.org/ledger/a", "--subject", "list-c");
		expect(await ids("--segment", "ledger")).toEqual(expect.arrayContaining([later.id, byWorkload.id]));
		expect(await ids("--segment", "reports")).toEqual([]);
		expect(await ids("--owner", "platform")).toEqual([later.id]);
		expect(await ids("--subject", "list-a")).toEqual([soon.id]);
		expect(await ids("--issuer", FOREIGN)).toEqual([]);
		const near = await ids("--expires-within", "10m");
		expect(near).toContain(soon.id);
		expect(near).not.toContain(later.id);
		expect(await ids("--unused-since", "1h")).toEqual([]);
		await own.query("update firebreak.passport set last_seen = now() where token_id = $1", [soon.id]);
		const { tokens } = await own.json(["token", "list", "--unused-since", "1m"], Date.now() + 120_000);
		expect(JSON.stringify(tokens)).toContain(later.id);
		expect((await own.firebreak(["token", "list", "--owner", "nobody"])).out).toBe("no such token is known\n");
		expect((await own.firebreak(["token", "list", "--owner", "platform"])).out).toContain("nightly settlement");
	});
});

describe("token rotate", () => {
	test("makes a new one with the same grant; the old one dies at the end of the overlap", async () => {
		const server = await startServer(own.database.url, "one");
		servers.push(server);
		const old = await issued(
			"--scope",
			"payments:read",
			"--destination",
			"payments",
			"--network",
			"10.0.0.0/8",
			"--lifetime",
			"30m",
		);
		const now = Date.now();
		const rotated = await own.firebreak(["token", "rotate", ISSUER, old.id, "--overlap", "60s"], now);
		expect(rotated.code).toBe(0);
		const claims = decodeJwt(rotated.out.trimEnd()) as Record<string, unknown>;
		const same = ["iss", "aud", "sub", "client_id", "scope", "firebreak", "cnf"];
		for (const name of same) expect(claims[name]).toEqual(old.claims[name]);
		// As long as the old one's, but for the moments until that was recorded.
		expect(Number(claims.exp) - Number(claims.iat)).toBeLessThanOrEqual(1_800);
		expect(Number(claims.exp) - Number(claims.iat)).toBeGreaterThan(1_700);
		expect(await rowOf(old.id)).toMatchObject({ replaced_by: claims.jti });
		const { state } = await own.json(["token", "show", ISSUER, old.id], now + 61_000);
		expect(state).toBe("replaced");
		await waitForSeq(server);
		const revocation = (id: string, at: number) =>
			server.follower
				.current()
				.lane.revocationOf(
					{ issuer: ISSUER, id, subject: "settlement", issuedAt: now / 1_000, keyThumbprint: kid },
					at,
				);
		expect([revocation(old.id, now + 59_000), revocation(old.id, now + 61_000)]).toEqual([null, "token"]);
		expect(revocation(String(claims.jti), now + 61_000)).toBeNull();
		expect(await own.json(["token", "rotate", ISSUER, old.id])).toMatchObject({
			code: 2,
			error: { problems: [{ message: expect.stringContaining(String(claims.jti)) }] },
		});
	});

	test("makes a new API key, and both are known", async () => {
		const old = await own.json(issue("--api-key", "--lifetime", "30d"));
		const fresh = await own.json(["token", "rotate", API_ISSUER, String(old.token_id)]);
		expect(isApiKey(String(fresh.token))).toBe(true);
		expect(fresh.token).not.toBe(old.token);
	});

	test("refuses what is revoked, over, another issuer's or not known", async () => {
		const { id } = await issued();
		await own.firebreak(["token", "revoke", ISSUER, id, "--reason", "x", "--no-wait"]);
		expect(await own.json(["token", "rotate", ISSUER, id])).toMatchObject({ code: 2 });
		await own.query(
			`select firebreak.register_token('${ISSUER}', 't-over', 'platform', 'x', now(), kind => 'issued', subject => 'settlement')`,
		);
		expect(await own.json(["token", "rotate", ISSUER, "t-over"])).toMatchObject({
			code: 2,
			error: { problems: [{ message: "it is expired" }] },
		});
		expect(await own.json(["token", "rotate", ISSUER, "t-unknown"])).toMatchObject({ code: 1 });
		await own.query(`select firebreak.register_token('${FOREIGN}', 'f-1', 'platform', 'x', now() + interval '1 hour')`);
		expect(await own.json(["token", "rotate", FOREIGN, "f-1"])).toMatchObject({ code: 2 });
		await own.query(
			`select firebreak.register_token('${ISSUER}', 'x-1', 'platform', 'x', now() + interval '1 hour', kind => 'issued')`,
		);
		expect(await own.json(["token", "rotate", ISSUER, "x-1"])).toMatchObject({ code: 2 });
	});

	test("refuses one whose time is still to come, since the new one would count at once", async () => {
		const begins = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 1_800_000);
		await own.query(
			`select firebreak.register_token('${ISSUER}', 't-later', 'platform', 'x', now() + interval '1 hour', kind => 'issued',
				subject => 'settlement', not_before => $1)`,
			[begins],
		);
		const state = `pending (not yet valid until ${begins.toISOString()})`;
		const before = await own.query("select from firebreak.passport");
		expect(await own.json(["token", "rotate", ISSUER, "t-later"])).toMatchObject({
			code: 2,
			error: {
				code: "usage",
				problems: [{ message: expect.stringContaining(state), cure: "rotate it once it has begun, or revoke it" }],
			},
		});
		expect(await own.query("select from firebreak.passport")).toHaveLength(before.length);
		expect(await own.json(["token", "show", ISSUER, "t-later"])).toMatchObject({ state: "pending" });
		expect((await own.firebreak(["token", "show", ISSUER, "t-later"])).out).toContain(state);
		expect((await own.firebreak(["token", "list", "--owner", "platform"])).out).toContain(state);
		expect(await own.json(["token", "show", ISSUER, "t-later"], begins.getTime())).toMatchObject({ state: "live" });
		await own.query(
			`select firebreak.register_token('${ISSUER}', 't-begun', 'platform', 'x', now() + interval '1 hour', kind => 'issued',
				subject => 'settlement', not_before => now())`,
		);
		expect(await own.json(["token", "rotate", ISSUER, "t-begun"])).toMatchObject({ code: 0 });
	});

	test("takes no token for its id, and does not repeat it", async () => {
		const { token } = await issued();
		const { token: key } = await own.json(issue("--api-key", "--lifetime", "30d"));
		for (const secret of [token, String(key)]) {
			const { code, out, err } = await own.firebreak(["token", "rotate", ISSUER, secret]);
			expect(code).toBe(2);
			expect(out + err).not.toContain(secret);
		}
	});

	test("brings nobody back of whom everything older was revoked", async () => {
		const [old, key] = [
			await issued("--subject", "gone"),
			await own.json(issue("--api-key", "--lifetime", "30d", "--subject", "gone")),
		];
		await own.json(["token", "revoke", "--subject", "gone", "--reason", "left", "--no-wait"]);
		for (const [issuer, id] of [
			[ISSUER, old.id],
			[API_ISSUER, String(key.token_id)],
		] as const) {
			expect(await own.json(["token", "rotate", issuer, id])).toMatchObject({
				code: 2,
				error: { problems: [{ message: "it is revoked" }] },
			});
			expect(await own.json(["token", "show", issuer, id])).toMatchObject({ state: "revoked" });
		}
		expect(await own.json(["token", "list", "--subject", "gone"])).toMatchObject({ tokens: [] });
		const early = await own.json(issue("--subject", "gone"));
		if (early.code !== 0) {
			const { cure } = (early.error as unknown as { problems: { cure: string }[] }).problems[0]!;
			const from = Date.parse(/^issue it from (\S+) on$/.exec(cure)![1]!);
			await until("new tokens of the subject count", () => Date.now() >= from);
		}
		const later = await issued("--subject", "gone");
		expect(await own.json(["token", "rotate", ISSUER, later.id])).toMatchObject({ code: 0 });
	});
});

describe("token revoke", () => {
	test("takes no token for its id: nothing is kept of it, and nothing told", async () => {
		const { token } = await issued();
		const { code, out, err } = await own.firebreak(["token", "revoke", ISSUER, token, "--reason", "slip", "--no-wait"]);
		expect(code).toBe(2);
		expect(out + err).toContain("<id>: it holds a credential (not repeated here)");
		expect(out + err).not.toContain(token.split(".")[2]);
		const kept = "select 1 from firebreak.revocation where payload ->> 'token_id' = $1";
		expect(await own.query(kept, [token])).toEqual([]);
	});

	test("holds on every live server when it returns, seen before or not, with a receipt", async () => {
		for (const id of ["one", "two"]) servers.push(await startServer(own.database.url, id));
		const { code, out } = await own.firebreak(["token", "revoke", FOREIGN, "never-seen", "--reason", "INC-1"]);
		expect(code).toBe(0);
		const lines = out.trimEnd().split("\n");
		expect(lines[0]).toMatch(/^token never-seen of https:\/\/id\.example\.org is revoked: seq \d+, by \S+, at \S+Z$/);
		expect(lines.slice(1, 4)).toEqual([
			expect.stringMatching(/^SERVER +STATE +CONFIRMED$/),
			expect.stringMatching(/^one +live +\d{4}-\S+Z +after \d+ ms$/),
			expect.stringMatching(/^two +live +\d{4}-\S+Z +after \d+ ms$/),
		]);
		const revoked = servers.map(({ follower }) =>
			follower
				.current()
				.lane.revocationOf(
					{ issuer: FOREIGN, id: "never-seen", subject: "a", issuedAt: 0, keyThumbprint: null },
					Date.now(),
				),
		);
		expect(revoked).toEqual(["token", "token"]);
	});

	test("takes all of an owner, of a segment, of a subject and of an issuer", async () => {
		const server = await startServer(own.database.url, "one");
		servers.push(server);
		const live = async (id: string, subject = "settlement", issuer = ISSUER) =>
			server.follower
				.current()
				.lane.revocationOf({ issuer, id, subject, issuedAt: Date.now() / 1_000 - 5, keyThumbprint: null }, Date.now());
		const [mine, other] = [
			await issued("--owner", "platform"),
			await issued("--destination", "payments", "--subject", "s-1"),
		];
		const byOwner = await own.json(["token", "revoke", "--owner", "platform", "--reason", "x"]);
		expect(byOwner).toMatchObject({ code: 0, waited: { reached: true }, issuers: [] });
		expect(JSON.stringify(byOwner.tokens)).toContain(mine.id);
		expect([await live(mine.id), await live(other.id)]).toEqual(["token", null]);
		await own.json(["token", "revoke", "--segment", "payments", "--reason", "x"]);
		expect(await live(other.id)).toBe("token");
		// Servers take it until the clocks' skew is over.
		await own.query(
			`select firebreak.register_token('${FOREIGN}', 'just-over', 'orders-team', 'x', now() - interval '5 seconds')`,
		);
		const justOver = await own.json(["token", "revoke", "--owner", "orders-team", "--reason", "x"]);
		expect(justOver.tokens).toContainEqual({ issuer: FOREIGN, token_id: "just-over" });
		expect(await own.json(["token", "revoke", "--owner", "platform", "--reason", "x"])).toMatchObject({
			code: 0,
			seq: null,
			tokens: [],
		});
		const bySubject = await own.json(["token", "revoke", "--subject", "mallory", "--reason", "x"]);
		expect(bySubject.issuers).toEqual(expect.arrayContaining([ISSUER, API_ISSUER, PARTNER_ISSUER]));
		expect([await live("any", "mallory"), await live("any", "alice")]).toEqual(["before", null]);
		await own.json(["token", "revoke", "--issuer", FOREIGN, "--all", "--reason", "x"]);
		expect([await live("any", "alice", FOREIGN), await live("any", "alice")]).toEqual(["before", null]);
		expect(
			JSON.stringify(await own.query("select distinct reason from firebreak.revocation where kind like 'revoke%'")),
		).toContain("x");
	});

	test("an owner or a segment that is stated nowhere is a slip; one that has tokens yet is none", async () => {
		for (const [option, name] of [
			["owner", "orders-taem"],
			["segment", "paymnets"],
		]) {
			const slip = await own.json(["token", "revoke", `--${option}`, name!, "--reason", "x"]);
			expect(slip).toMatchObject({
				code: 1,
				error: { code: "not_found", message: `there is no ${option} "${name}"; nothing was revoked` },
			});
		}
		expect(await own.json(["token", "revoke", "--segment", "reports", "--reason", "x"])).toMatchObject({
			code: 0,
			seq: null,
			tokens: [],
		});
		await own.query("select firebreak.owner('leaving')");
		const { id } = await issued("--owner", "leaving");
		await own.query("select firebreak.remove('owner', 'leaving')");
		const all = ["token", "revoke", "--owner", "leaving", "--reason", "x", "--no-wait"];
		expect(await own.json(all)).toMatchObject({ code: 0, tokens: [{ token_id: id }] });
		expect(await own.json(all)).toMatchObject({ code: 0, seq: null });
	});

	test("a server that does not confirm exits 6 and is named", async () => {
		servers.push(await startServer(own.database.url, "deaf", { deaf: true }));
		const { code, out, err } = await own.firebreak([
			"token",
			"revoke",
			FOREIGN,
			"t-6",
			"--reason",
			"x",
			"--timeout",
			"2s",
		]);
		expect(code).toBe(6);
		expect(out).toMatch(/^deaf +live +not confirmed/m);
		expect(err).toContain("server deaf");
	});

	test.each([
		["nothing", []],
		["an issuer without an id", [FOREIGN]],
		["two ways at once", [FOREIGN, "a", "--owner", "platform"]],
		["a whole issuer without saying so", ["--issuer", FOREIGN]],
		["all of nothing", ["--all"]],
		["a subject and all", ["--subject", "alice", "--issuer", FOREIGN, "--all"]],
		["an owner with an issuer beside it", ["--owner", "platform", "--issuer", FOREIGN]],
	])("refuses %s", async (_name, argv) => {
		const before = await own.query("select from firebreak.revocation");
		expect((await own.firebreak(["token", "revoke", ...argv, "--reason", "x"])).code).toBe(2);
		expect(await own.query("select from firebreak.revocation")).toHaveLength(before.length);
	});

	test("demands a reason", async () => {
		expect((await own.firebreak(["token", "revoke", FOREIGN, "a"])).code).toBe(2);
	});
});

async function waitForSeq({ follower }: FollowingServer): Promise<void> {
	const [head] = await own.query<{ seq: string }>("select seq from firebreak.head");
	while (follower.current().lane.seq < Number(head!.seq)) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("token suggest", () => {
	const suggest = (...argv: string[]) => ["token", "suggest", "--source", "orders", "--destination", ...argv];

	test("tells the smallest token, and the command that makes it", async () => {
		expect(await own.json(suggest("payments"))).toMatchObject({
			code: 0,
			possible: true,
			scopes: ["payments:read", "payments:write", "tier:gold"],
			restrictions: { sources: ["orders"], destinations: ["payments"], environment: "prod" },
			token: true,
			bound: false,
			issuer: ISSUER,
		});
		const one = await own.json([...suggest("payments"), "--method", "GET", "--path", "/v1/payments/42"]);
		expect(one.scopes).toEqual(["payments:read"]);
		const words = String(one.command).replace('"what it is for"', "reading").split(" ");
		const { code, out } = await own.firebreak(words.slice(1));
		expect({ code, scope: decodeJwt(out.trimEnd()).scope }).toEqual({ code: 0, scope: "payments:read" });
	});

	test("tells people, too", async () => {
		const { code, out } = await own.firebreak(suggest("payments"));
		expect(code).toBe(0);
		expect(out).toMatch(/^scopes +payments:read payments:write tier:gold$/m);
		expect(out).toMatch(
			/^orders-write-payments +payments:write and one of tier:gold \| tier:silver +payments:write tier:gold$/m,
		);
		expect(out).toMatch(/^firebreak token issue --issuer https:\/\/tokens\.example\.org --subject orders /m);
		expect((await own.firebreak(suggest("gateway"))).out).toMatch(
			/^way +orders to gateway \(partner\), by crossing orders-to-partner$/m,
		);
		expect((await own.firebreak(suggest("reports"))).out).toMatch(/^scopes +none$/m);
	});

	test("says when no token helps, with exit 4, and knows its names", async () => {
		expect(await own.json(suggest("ledger"))).toMatchObject({ code: 4, possible: false, reason: "no_policy" });
		expect(await own.json([...suggest("payments"), "--path", "/other"])).toMatchObject({ code: 4, possible: false });
		const back = ["token", "suggest", "--source", "gateway", "--destination", "orders"];
		expect(await own.json(back)).toMatchObject({ code: 4, reason: "crossing_missing" });
		expect(await own.json(suggest("nowhere"))).toMatchObject({ code: 1, error: { code: "not_found" } });
		expect(await own.json([...suggest("payments"), "--path", "/a//b"])).toMatchObject({ code: 2 });
	});
});
