/**
 * Nonces of proofs (RFC 9449, 8 and 9): stateless, a MAC over the slot of time in which they are given out. Servers with one
 * secret accept each other's.
 */
import { createHmac } from "node:crypto";
import { LIMITS } from "../../core/limits.ts";

const SLOT_MS = LIMITS.nonceSeconds * 1000;

/** The nonce to give out at `now`, milliseconds since the epoch. */
export function nonceAt(secret: Uint8Array, now: number): string {
	return nonceOf(secret, Math.floor(now / SLOT_MS));
}

/**
 * What a nonce is worth at `now`: `fresh` in its own slot, and in the next, which a server whose clock is ahead gives out;
 * `aging` in the slot after its own, so that a new one should go with the answer; null when it is worth nothing.
 */
export function judgeNonce(nonce: string, secret: Uint8Array, now: number): "fresh" | "aging" | null {
	const slot = Math.floor(now / SLOT_MS);
	if (nonce === nonceOf(secret, slot)) return "fresh";
	if (nonce === nonceOf(secret, slot - 1)) return "aging";
	return nonce === nonceOf(secret, slot + 1) ? "fresh" : null;
}

function nonceOf(secret: Uint8Array, slot: number): string {
	return createHmac("sha256", secret)
		.update(`firebreak dpop nonce ${slot}`)
		.digest()
		.subarray(0, 16)
		.toString("base64url");
}
