/**
 * What authentication costs: a token that is known, a token that is seen for the first time beside the bare
 * verification of its signature, and forgeries. Prints medians; asserts nothing.
 */
import { createPublicKey, hash, verify } from "node:crypto";
import { accessToken, jwksOf, makeSigningKey, type SigningAlgorithm, type SigningKey } from "../../demo/tokens.ts";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { AUDIENCE, bearer, demandOf, issuerRow, proofMemory, REQUEST } from "../support/tokens.ts";
import { microseconds, printTable, quantile, time, times } from "./measure.ts";

const ISSUER = "https://id.example.org";
const ROUNDS = 600;

function tokenOf(key: SigningKey): string {
	const options = { issuer: ISSUER, audience: AUDIENCE, subject: "orders", now: Date.now() / 1000 };
	return accessToken(key, { ...options, scope: "payments:read payments:write" });
}

function setUp(key: SigningKey) {
	const row = issuerRow({ url: ISSUER, jwks: jwksOf(key), algorithms: [key.alg] });
	const ring = new KeyRing({ clock: Date.now });
	return {
		authenticator: createAuthenticator({ clock: Date.now, keys: ring, replay: proofMemory() }),
		demand: demandOf([row]),
	};
}

/** Nanoseconds that a call takes, awaited. */
async function stopwatch(call: () => unknown): Promise<number> {
	const start = process.hrtime.bigint();
	await call();
	return Number(process.hrtime.bigint() - start);
}

async function measureKnown(): Promise<void> {
	const key = makeSigningKey("ES256", "k");
	const { authenticator, demand } = setUp(key);
	const token = tokenOf(key);
	const request = bearer(token);
	await authenticator.authenticate(request, demand);
	const many = Array.from({ length: 1_000 }, () => bearer(tokenOf(key)));
	for (const one of many) await authenticator.authenticate(one, demand);
	const forged = bearer(`${token.slice(0, -8)}AAAAAAAA`);
	await authenticator.authenticate(forged, demand);
	const rows: [string, number][] = [
		["SHA-256 of the token alone", time(() => hash("sha256", token, "binary")).median],
		["one known token", time(() => authenticator.authenticate(request, demand)).median],
		["a thousand known tokens", time((index) => authenticator.authenticate(many[index % 1_000]!, demand)).median],
		["a known forgery", time(() => authenticator.authenticate(forged, demand)).median],
		["no credential", time(() => authenticator.authenticate(REQUEST, demand)).median],
	];
	printTable(
		`Known tokens (${token.length} bytes)`,
		["", "median"],
		rows.map(([name, nanoseconds]) => [name, microseconds(nanoseconds)]),
	);
}

/** One token after the other, each beside a bare verification, so that both see the same machine. */
async function measureUnknown(alg: SigningAlgorithm): Promise<readonly string[]> {
	const key = makeSigningKey(alg, "k");
	const { authenticator, demand } = setUp(key);
	const publicKey = { key: createPublicKey(key.privateKey), dsaEncoding: "ieee-p1363" } as const;
	const bare: number[] = [];
	const fresh: number[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		const token = tokenOf(key);
		const request = bearer(token);
		const end = token.lastIndexOf(".");
		const input = Buffer.from(token.slice(0, end));
		const signature = Buffer.from(token.slice(end + 1), "base64url");
		bare.push(await stopwatch(() => verify(alg === "EdDSA" ? null : "sha256", input, publicKey, signature)));
		fresh.push(await stopwatch(() => authenticator.authenticate(request, demand)));
	}
	const [floor, ours] = [quantile(bare, 0.5), quantile(fresh, 0.5)];
	return [alg, microseconds(floor), microseconds(ours), times(ours / floor)];
}

async function measureForms(): Promise<void> {
	const key = makeSigningKey("ES256", "k");
	const { authenticator, demand } = setUp(key);
	const [header, , signature] = tokenOf(key).split(".");
	const nested = Buffer.from(`{"a":${"[".repeat(3_000)}${"]".repeat(3_000)}}`).toString("base64url");
	const strings = Buffer.from(JSON.stringify({ a: Array.from({ length: 500 }, () => "\u0001") })).toString("base64url");
	const rows: [string, string][] = [
		["no token at all", "x".repeat(600)],
		["deep JSON, 8 KB", `${header}.${nested}.${signature}`],
		["escapes, 8 KB", `${header}.${strings}.${signature}`],
		["too large, 60 KB", "x".repeat(60_000)],
	];
	printTable(
		"Refused before any signature",
		["", "median"],
		rows.map(([name, token]) => {
			const request = bearer(token);
			return [name, microseconds(time(() => authenticator.authenticate(request, demand), { size: 100 }).median)];
		}),
	);
}

await measureKnown();
const unknown: (readonly string[])[] = [];
for (const alg of ["RS256", "ES256", "EdDSA"] as const) unknown.push(await measureUnknown(alg));
printTable("Tokens seen for the first time, one at a time", ["", "crypto.verify", "Firebreak", ""], unknown);
await measureForms();
