import { UsedProofs, type UsedProofsOptions } from "./used-proofs.ts";

/** A proof that was found genuine, to be remembered. */
export interface UsedProof {
	/** SHA-256 of key and `jti`. */
	readonly id: string;
	/** RFC 7638 thumbprint of the key that made it. */
	readonly key: string;
	/** Milliseconds since the epoch. */
	readonly issuedAt: number;
	/** Milliseconds since the epoch from which it is too old anyway. */
	readonly until: number;
}

/** `new`: it was not used before, and is remembered. `forgotten`: nobody can tell. The rest: it cannot be remembered. */
export type Remembered = "new" | "used" | "forgotten" | "full" | "full_of_key" | "unreachable" | "slow" | "error";

/** Remembers which proofs were used, so that none is accepted twice. */
export interface ReplayMemory {
	/** What nonces are made from, shared by whoever shares the memory; null while it is not known. */
	readonly secret: Uint8Array | null;
	/** Whether it was surely used; for turning replays away before their signature is verified. */
	has(id: string): boolean;
	/** Remembers a proof. Never rejects. */
	add(proof: UsedProof, now: number): Remembered | Promise<Remembered>;
}

export interface MemoryReplayOptions extends UsedProofsOptions {
	readonly secret: Uint8Array;
}

/** This server's own memory: what it was shown is not known to another, nor to itself after a restart. */
export class MemoryReplay extends UsedProofs implements ReplayMemory {
	readonly secret: Uint8Array;

	constructor({ secret, ...options }: MemoryReplayOptions) {
		super(options);
		this.secret = secret;
	}
}
