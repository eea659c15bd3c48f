/** When each token was last used, as its owner is told: real server, real Postgres, whatever the domain's audit says. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { jwksOf, makeSigningKey, signToken } from "../../demo/tokens.ts";
import { type OwnServer, openOwnServer } from "../support/own-server.ts";
import { FOREIGN, ISSUER } from "../support/own-tokens.ts";

const foreignKey = makeSigningKey("ES256", "foreign-1");
let own: OwnServer;
beforeAll(async () => {
	own = await openOwnServer();
	await own.query(`select firebreak.issuer($1, 'internal', audiences => array['internal-apis'], jwks => $2::jsonb)`, [
		FOREIGN,
		JSON.stringify(jwksOf(foreignKey)),
	]);
	await own.json(["keys", "rotate", "--domain", "internal", "--reason", "first"]);
});
afterAll(() => own?.close());

async function issue(): Promise<{ readonly token: string; readonly id: string }> {
	const argv = ["token", "issue", "--domain", "internal", "--subject", "s", "--owner", "orders-team", "--purpose", "p"];
	const made = (await own.json([...argv, "--scope", "payments:read", "--lifetime", "30m"])) as Record<string, unknown>;
	return { token: String(made.token), id: String(made.token_id) };
}

/** Of another issuer, and registered here. */
async function registered(id: string): Promise<string> {
	const now = Math.floor(Date.now() / 1_000);
	const claims = { iss: FOREIGN, aud: "internal-apis", sub: "alice", client_id: "web", jti: id, iat: now };
	await own.query(
		`select firebreak.register_token($1, $2, 'orders-team', 'p', now() + interval '1 hour', scopes => array['payments:read'])`,
		[FOREIGN, id],
	);
	return signToken(foreignKey, { ...claims, exp: now + 600, scope: "payments:read guest" }, { typ: "at+jwt" });
}

const audit = (level: string) =>
	own.query(`select firebreak.domain('internal', 'platform', flow => 'mtls+token', audit => '${level}')`);

test("what let a request pass, or was exchanged, was used; what was denied, or never shown, was not", async () => {
	const [kept, counted, exchanged, denied, idle] = [
		await issue(),
		await issue(),
		await issue(),
		await issue(),
		await issue(),
	];
	const foreign = [await registered("f-counted"), await registered("f-exchanged")] as const;
	await own.settled();
	expect(await own.check(kept.token)).toMatchObject({ reason: "allowed" });
	await audit("denials");
	await own.settled();
	const from = Date.now();
	for (const token of [counted.token, counted.token, foreign[0]]) {
		expect(await own.check(token)).toMatchObject({ reason: "allowed" });
	}
	expect(await own.check(denied.token, { method: "PURGE" })).toMatchObject({ status: 403 });
	for (const subject_token of [exchanged.token, foreign[1]]) {
		expect(await own.exchange({ subject_token, audience: "payments" })).toMatchObject({ status: 200 });
	}
	expect(await own.exchange({ subject_token: denied.token, audience: "nowhere" })).toMatchObject({ status: 400 });
	await own.stop();

	const uses = await own.query<{ token_id: string; uses: number; seen: boolean }>(
		`select token_id, uses::int, last_seen >= to_timestamp($1) as seen from firebreak.passport where not starts_with(token_id, 'x-')`,
		[from / 1_000],
	);
	expect(Object.fromEntries(uses.map(({ token_id, ...told }) => [token_id, told]))).toEqual({
		[kept.id]: { uses: 1, seen: false },
		[counted.id]: { uses: 2, seen: true },
		"f-counted": { uses: 1, seen: true },
		[exchanged.id]: { uses: 1, seen: true },
		"f-exchanged": { uses: 1, seen: true },
		[denied.id]: { uses: 0, seen: null },
		[idle.id]: { uses: 0, seen: null },
	});
	// No flow tells of what a domain that audits denials alone let pass.
	const flows = await own.query<{ token_id: string }>("select token_id from firebreak.flow");
	expect(flows.map(({ token_id }) => token_id)).toEqual([kept.id]);
	// Neither made nor used since then, as somebody is told who looks an hour later.
	const argv = ["token", "list", "--all", "--issuer", ISSUER, "--unused-since", "1h"];
	const unused = (await own.json(argv, from + 3_600_000)) as unknown as { tokens: { token_id: string }[] };
	expect(unused.tokens.map(({ token_id }) => token_id).toSorted()).toEqual([kept.id, denied.id, idle.id].toSorted());
});
