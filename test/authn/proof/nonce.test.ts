import { expect, test } from "@jest/globals";
import { judgeNonce, nonceAt } from "../../../src/authn/proof/nonce.ts";
import { LIMITS } from "../../../src/core/limits.ts";

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
