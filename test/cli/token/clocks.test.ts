/** Tokens are dated by the clock that dates revocations, whatever the clock of the machine says that makes them. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";
import { LIMITS } from "../../../src/core/limits.ts";
import { type FollowingServer, startServer } from "../../store/support/server.ts";
import { API_ISSUER, FOREIGN, ISSUER, type OwnTokens, openOwnTokens } from "../../support/own-tokens.ts";
import { until } from "../../support/wait.ts";

const SKEW = LIMITS.clockSkewSeconds;
const DAY = 86_400;

let own: OwnTokens;
let server: FollowingServer;
beforeAll(async () => {
	own = await openOwnTokens();
	await own.json(["keys", "rotate", "--domain", "internal", "--reason", "first", "--no-wait"]);
	await own.query(
		`select firebreak.issuer($1, 'internal', audiences => array['internal-apis'], jwks_uri => 'https://id.example.org/jwks')`,
		[FOREIGN],
	);
	server = await startServer(own.database.url, "one");
});
afterAll(async () => {
	await server?.stop();
	await own?.close();
});

const issue = (subject: string, ahead: number, ...more: string[]) =>
	own.json(
		["token", "issue", "--domain", "internal", "--subject", subject, "--owner", "platform", "--purpose", "p", ...more],
		Date.now() + ahead * 1_000,
	);
const revoke = (...of: string[]) => own.json(["token", "revoke", ...of, "--reason", "leaked", "--no-wait"]);
const now = async () =>
	(await own.query<{ now: number }>("select extract(epoch from clock_timestamp())::float8 as now"))[0]!.now;

/** What the server says of a token, once it enforces everything that was committed. */
async function revocationOf(token: { issuer: string; id: string; subject: string; issuedAt: number }) {
	await until("the server knows", async () => {
		const [head] = await own.query<{ seq: string }>("select seq from firebreak.head");
		return server.follower.current().lane.seq >= Number(head!.seq);
	});
	return server.follower.current().lane.revocationOf({ ...token, keyThumbprint: null }, Date.now());
}

describe.each([
	["ahead", 20],
	["behind", -3_600],
])("on a machine whose clock is %s", (name, ahead) => {
	test("a token says the database's instants", async () => {
		const before = await now();
		const made = await issue(`dated-${name}`, ahead, "--lifetime", "10m");
		const { iat, exp } = decodeJwt(String(made.token)) as { iat: number; exp: number };
		expect(iat).toBeGreaterThanOrEqual(Math.floor(before));
		expect(iat).toBeLessThanOrEqual(await now());
		expect(exp - iat).toBe(600);
		expect(await own.json(["token", "show", ISSUER, String(made.token_id)])).toMatchObject({
			issued_at: new Date(iat * 1_000).toISOString(),
			expires: new Date(exp * 1_000).toISOString(),
		});
		const rotated = await own.json(["token", "rotate", ISSUER, String(made.token_id)], Date.now() + ahead * 1_000);
		const next = decodeJwt(String(rotated.token)) as { iat: number; exp: number };
		expect(next.iat).toBeGreaterThanOrEqual(iat);
		expect(next.iat).toBeLessThanOrEqual(await now());
		expect(next.exp - next.iat).toBe(600);
	});

	test("it falls under a revocation of its subject, and so does what is rotated from it", async () => {
		const subject = `falls-${name}`;
		const made = await issue(subject, ahead);
		const rotated = await own.json(["token", "rotate", ISSUER, String(made.token_id)], Date.now() + ahead * 1_000);
		const { code, issued_before: before } = await revoke("--subject", subject, "--issuer", ISSUER);
		expect(code).toBe(0);
		// Exactly now: the database dates these tokens.
		expect(Date.parse((before as unknown as { issued_before: string }[])[0]!.issued_before)).toBeLessThanOrEqual(
			(await now()) * 1_000 + 1,
		);
		for (const { token } of [made, rotated]) {
			const { jti, iat } = decodeJwt(String(token)) as { jti: string; iat: number };
			expect(await revocationOf({ issuer: ISSUER, id: jti, subject, issuedAt: iat })).toBe("before");
			expect(await own.json(["token", "list", "--subject", subject])).toMatchObject({ tokens: [] });
		}
	});

	test("an API key may live for as long as its issuer lets it", async () => {
		const made = await issue(`key-${name}`, ahead, "--api-key", "--lifetime", "90d");
		expect(made).toMatchObject({ code: 0, issuer: API_ISSUER });
		const digest = createHash("sha256").update(String(made.token)).digest("base64url");
		await until("the server knows the key", () => server.follower.current().lane.registry.apiKey(digest, Date.now()));
		const key = server.follower.current().lane.registry.apiKey(digest, Date.now())!;
		expect(key.expiresAt - key.issuedAt).toBe(90 * DAY);
		expect(key.issuedAt).toBeLessThanOrEqual(await now());
		const rotated = await own.json(["token", "rotate", API_ISSUER, String(made.token_id)], Date.now() + ahead * 1_000);
		expect(rotated.code).toBe(0);
		const [row] = await own.query<{ life: string }>(
			"select extract(epoch from expires - issued_at) as life from firebreak.passport where token_id = $1",
			[rotated.token_id],
		);
		expect(Number(row!.life)).toBe(90 * DAY);
	});
});

test("of another issuer falls what servers take of it: until so much later as its clock may be ahead", async () => {
	const asked = await now();
	const { out, err } = await own.firebreak(
		["token", "revoke", "--subject", "bob", "--reason", "left", "--no-wait"],
		Date.now() - 3_600_000,
	);
	const answered = await now();
	expect(out).toContain(FOREIGN);
	const [row] = await own.query<{ at: number }>(
		"select (payload ->> 'issued_before')::float8 as at from firebreak.revocation where key = $1",
		[`${FOREIGN} bob`],
	);
	expect(row!.at).toBeGreaterThan(asked + SKEW);
	expect(row!.at).toBeLessThanOrEqual(answered + SKEW + 0.001);
	const counts = new Date(Math.ceil(row!.at) * 1_000).toISOString();
	expect(err).toContain(
		`what ${FOREIGN} issues anew counts from ${counts} on, since servers let its clock be ${SKEW} s ahead`,
	);
	expect(err).toMatch(new RegExp(`what ${API_ISSUER}, .*${ISSUER} issues anew counts from \\S+ on$`, "m"));
	const token = { issuer: FOREIGN, id: "f", subject: "bob" };
	expect(await revocationOf({ ...token, issuedAt: Math.floor(asked) + 20 })).toBe("before");
	expect(await revocationOf({ ...token, issuedAt: Math.ceil(row!.at) })).toBeNull();
	const all = await revoke("--issuer", FOREIGN, "--all");
	const [before] = all.issued_before as unknown as { issuer: string; subject: null; issued_before: string }[];
	expect(before).toMatchObject({ issuer: FOREIGN, subject: null });
	expect(Date.parse(before!.issued_before) / 1_000).toBeGreaterThan(answered + SKEW);
});

test("what a server gave in exchange, by its own clock, is shown as servers judge it", async () => {
	await revoke("--subject", "traded", "--issuer", ISSUER);
	await own.query(
		`select firebreak.register_token('${ISSUER}', 'x-traded', 'platform', 'p', now() + interval '5 minutes', kind => 'issued',
			subject => 'traded')`,
	);
	expect(await own.json(["token", "show", ISSUER, "x-traded"])).toMatchObject({ state: "revoked" });
});

describe("what a revocation of everything older covers", () => {
	test.each([
		["of its subject", "future-1", "future-1"],
		["of its whole issuer", "future-2", null],
	])("is not issued: %s", async (_name, subject, revoked) => {
		const issuer = revoked === null ? API_ISSUER : ISSUER;
		const more = revoked === null ? ["--api-key", "--lifetime", "1d"] : [];
		const instant = Math.floor(await now()) + 3_600.25;
		await own.query("select firebreak.revoke_before($1, to_timestamp($2), 'leaked', $3)", [issuer, instant, revoked]);
		const before = await own.query("select from firebreak.passport");
		const { code, error } = await issue(subject, 0, ...more);
		expect({ code, error }).toMatchObject({
			code: 2,
			error: {
				message: "the order was refused; nothing was changed",
				problems: [
					{
						field: "issued_at",
						cure: `issue it from ${new Date(Math.ceil(instant) * 1_000).toISOString().replace(".000", "")} on`,
					},
				],
			},
		});
		expect(await own.query("select from firebreak.passport")).toHaveLength(before.length);
	});

	test("at the whole second of the revocation, not a token that would be dead comes out", async () => {
		const outcomes = new Set<number>();
		// Within one second the token says the second's beginning, which lies before the revocation.
		await until("both outcomes were seen", async () => {
			await revoke("--subject", "second", "--issuer", ISSUER);
			const { code, token } = await issue("second", 0);
			outcomes.add(code);
			if (code === 0) {
				const { jti, iat } = decodeJwt(String(token)) as { jti: string; iat: number };
				expect(await revocationOf({ issuer: ISSUER, id: jti, subject: "second", issuedAt: iat })).toBeNull();
			} else {
				const refused = await now();
				await until("the next second", async () => Math.floor(await now()) > Math.floor(refused));
				expect(await issue("second", 0)).toMatchObject({ code: 0 });
			}
			return outcomes.has(2);
		});
	});

	test("by hand neither, nor an instant that is still to come", async () => {
		const register = (more: string) =>
			own.query(
				`select firebreak.register_token('${ISSUER}', 't-hand', 'platform', 'p', now() + interval '1 hour', kind => 'issued',
					subject => 'hand', issued_at => ${more})`,
			);
		await own.query("select firebreak.revoke_before($1, now(), 'leaked', 'hand')", [ISSUER]);
		await expect(register("now() - interval '1 minute'")).rejects.toMatchObject({ code: "55000", column: "issued_at" });
		await expect(register("now() + interval '1 minute'")).rejects.toMatchObject({ code: "23514", column: "issued_at" });
		await register("now()");
		// What is signed into it stays.
		await expect(register("now() - interval '1 second'")).rejects.toMatchObject({ code: "23505" });
	});
});
