/**
 * COMMIT to refused: from sending COMMIT of one revocation to the answer of each server that refuses the token by it. Every
 * server has verified the token just before, so that it is remembered; it is of an issuer that is not ours.
 */
import { accessToken, jwksOf, makeSigningKey } from "../../../demo/tokens.ts";
import { printTable, quantile, TINY } from "../measure.ts";
import { reach } from "../reach.ts";
import { type Server, Site, say, withClient } from "./site.ts";

const SERVERS = TINY ? 2 : 5;
const TURNS = TINY ? 3 : 100;
const WARMUP = TINY ? 1 : 20;
const ISSUER = "https://id.example.org";
const AUDIENCE = "https://api.example.org";
const key = makeSigningKey("ES256", "k1");

await using site = await Site.open();
const url = await site.database("revoke", 0);
const samples = { one: [] as number[], all: [] as number[] };

await withClient(url, async (client) => {
	await client.query("begin");
	await client.query("select firebreak.owner('platform'), firebreak.domain('internal', 'platform')");
	await client.query("select firebreak.issuer($1, 'internal', audiences => array[$2], jwks => $3)", [
		ISSUER,
		AUDIENCE,
		jwksOf(key),
	]);
	for (const name of ["service-00000", "service-00001"]) {
		await client.query("select firebreak.segment($1, 'internal', 'prod', 'platform', array[$2])", [
			name,
			`spiffe://prod.example.org/ns/${name}/sa/${name}`,
		]);
	}
	await client.query("select firebreak.allow('p', '*', 'service-00001', 'platform', '{GET}', '{/}')");
	await client.query("commit");
	say(`${SERVERS} servers, ${TURNS} revocations`);
	const servers = await Promise.all(Array.from({ length: SERVERS }, () => site.serve(url)));
	for (let turn = -WARMUP; turn < TURNS; turn++) {
		const id = `token-${turn}`;
		const options = { issuer: ISSUER, audience: AUDIENCE, subject: "s", now: Date.now() / 1_000, claims: { jti: id } };
		const token = accessToken(key, options);
		for (const server of servers) {
			const reason = await server.reasonFor(token);
			if (reason !== "allowed") throw new Error(`a good token was refused: ${reason}`);
		}
		await client.query("begin");
		const revoked = await client.query<{ seq: string }>("select firebreak.revoke_token($1, $2, 'bench') as seq", [
			ISSUER,
			id,
		]);
		await client.query("set constraints all immediate");
		const committed = process.hrtime.bigint();
		await client.query("commit");
		const refused = await Promise.all(servers.map((server) => refusal(server, token, Number(revoked.rows[0]?.seq))));
		if (turn < 0) continue;
		const milliseconds = refused.map((at) => Number(at - committed) / 1e6);
		samples.one.push(...milliseconds);
		samples.all.push(Math.max(...milliseconds));
	}
	await Promise.all(servers.map((server) => server.stop()));
});

/**
 * Nobody asks before it is enforced: polling checks would take the processor that the servers need. When a server's log says
 * that it is, one check is sent; its answer ends the time.
 */
async function refusal(server: Server, token: string, seq: number): Promise<bigint> {
	await server.enforcesRevocation(seq);
	const reason = await server.reasonFor(token);
	if (reason !== "token_revoked") throw new Error(`the revocation is said to be enforced, and the answer is ${reason}`);
	return process.hrtime.bigint();
}

const ms = (values: readonly number[], q: number) => `${quantile(values, q).toFixed(1)} ms`;
printTable(
	`from sending COMMIT of a revocation to the refusal of a token that was just accepted, ${SERVERS} servers, ${TURNS} times`,
	["", "one server", "the last server", "reach"],
	[
		["p50", ms(samples.one, 0.5), ms(samples.all, 0.5), ""],
		["p99", ms(samples.one, 0.99), ms(samples.all, 0.99), "100 ms"],
		["worst", ms(samples.one, 1), ms(samples.all, 1), "1000 ms"],
	],
);
reach({
	what: `COMMIT of a revocation to refused, ${SERVERS} servers`,
	measured: [quantile(samples.one, 0.99), quantile(samples.all, 1)],
	most: [100, 1_000],
	unit: "ms",
	beside: `p99 of one server, and the worst of all; p50 ${ms(samples.one, 0.5)}`,
});
