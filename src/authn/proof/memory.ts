import { type Remembered, type UsedProof, UsedProofs, type UsedProofsOptions } from "./used-proofs.ts";

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
