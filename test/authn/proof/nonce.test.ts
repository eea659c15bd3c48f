import { expect, test } from "@jest/globals";
import { dpopProof, jwkThumbprint } from "../../../demo/proofs.ts";
import { makeSigningKey } from "../../../demo/tokens.ts";
import { createAuthenticator } from "../../../src/authn/authenticator.ts";
import { KeyRing } from "../../../src/authn/keys/ring.ts";
import { judgeNonce, nonceAt } from "../../../src/authn/proof/nonce.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { demandOf, endlessTurn, issuerRow, proofMemory, REQUEST, TokenWorld } from "../../support/tokens.ts";

const SLOT = LIMITS.nonceSeconds * 1000;
const secret = Buffer.alloc(32, 1);
const start = SLOT * 5_000_000;

test("a nonce is fresh in its slot, aging in the next, and over after that", () => {
	const nonce = nonceAt(secret, start);
	expect(nonce).toMatch(/^[\w-]{22}$/);
	const worth = (later: number) => judgeNonce(nonce, secret, start + later);
	expect([0, SLOT - 1, SLOT, 2 * SLOT - 1, 2 * SLOT].map(worth)).toEqual(["fresh", "fresh", "aging", "aging", null]);
});

test("one of a server whose clock is ahead counts, of one that is far ahead not", () => {
	expect(judgeNonce(nonceAt(secret, start + SLOT), secret, start)).toBe("fresh");
	expect(judgeNonce(nonceAt(secret, start + 2 * SLOT), secret, start)).toBeNull();
});

test("only with the secret that made it", () => {
	expect(judgeNonce(nonceAt(secret, start), Buffer.alloc(32, 2), start)).toBeNull();
	expect(judgeNonce("", secret, start)).toBeNull();
});

test("a token's request: told a nonce, good with it, told the next one before it is over, and refused after that", async () => {
	let now = start;
	const world = new TokenWorld(start / 1000);
	const ring = new KeyRing({ clock: () => now });
	const authenticator = createAuthenticator({
		clock: () => now,
		keys: ring,
		replay: proofMemory({ secret }),
		turns: endlessTurn(),
	});
	const demand = demandOf([issuerRow({ ...world.issuers.main, options: { dpop_nonce: true } })]);
	const holder = makeSigningKey("ES256", "holder");
	const token = world.token({ exp: start / 1000 + 3_000, cnf: { jkt: jwkThumbprint(holder) } });
	const ask = (nonce?: string) => {
		const uri = `${REQUEST.scheme}://${REQUEST.authority}${REQUEST.rawPath}`;
		const made = { method: REQUEST.method, uri, token, now: now / 1000, ...(nonce && { nonce }) };
		return authenticator.authenticate(
			{ ...REQUEST, authorization: [`DPoP ${token}`], dpop: [dpopProof(holder, made)] },
			demand,
		);
	};
	const first = nonceAt(secret, start);
	expect(ask()).toMatchObject({ reason: "proof_nonce", detail: "absent", nonce: first, token: { id: "token-1" } });
	const good = await ask(first);
	expect(good).toMatchObject({ kind: "token" });
	expect(good).not.toHaveProperty("nonce");
	now += SLOT;
	const second = nonceAt(secret, now);
	expect(ask(first)).toMatchObject({ kind: "token", nonce: second });
	now += SLOT;
	expect(ask(first)).toMatchObject({ reason: "proof_nonce", detail: "stale", nonce: nonceAt(secret, now) });
	expect(ask(second)).toMatchObject({ kind: "token", nonce: nonceAt(secret, now) });
	ring.stop();
});
