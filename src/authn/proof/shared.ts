/**
 * Used proofs that all servers remember together, in Redis or Valkey, so that a proof used at one is refused by the others.
 * While it cannot be asked, nobody knows whether a proof was used, and none is accepted.
 */
import { LIMITS } from "../../core/limits.ts";
import type { ReplayMemory } from "./memory.ts";
import type { Remembered, UsedProof } from "./used-proofs.ts";
import { UsedProofs } from "./used-proofs.ts";

/** Runs the script of proof/remember-script.ts, and rejects with an error that has a `trouble` when it cannot. */
export interface RememberScript {
	run(keys: readonly string[], args: readonly string[]): Promise<unknown>;
}

export interface SharedReplayOptions {
	readonly script: RememberScript;
	/** For nonces, if this server is the first of all; 32 random bytes. */
	readonly secret: Uint8Array;
	/** This server's part of it; default: of LIMITS' size. */
	readonly alone?: UsedProofs;
}

type Trouble = Extract<Remembered, "unreachable" | "slow" | "error">;

const STATE = "firebreak:proofs";
const TROUBLES: readonly string[] = ["unreachable", "slow", "error"] satisfies Trouble[];

export class SharedReplay implements ReplayMemory {
	/** What the servers have agreed on; null before Redis was asked for the first time. */
	secret: Uint8Array | null = null;
	readonly #script: RememberScript;
	readonly #proposal: Uint8Array;
	/** Bounds what one key can spend, and turns replays to this very server away without asking. Redis says since when. */
	readonly #alone: UsedProofs;

	constructor({ script, secret, alone = new UsedProofs({ since: Number.NEGATIVE_INFINITY }) }: SharedReplayOptions) {
		this.#script = script;
		this.#proposal = secret;
		this.#alone = alone;
	}

	/** Learns the secret, or gives it to whoever comes next. @returns what was in the way, or null. Never rejects. */
	async open(): Promise<Trouble | null> {
		const state = await this.#run([STATE], []);
		return typeof state === "string" ? state : null;
	}

	has(id: string): boolean {
		return this.#alone.has(id);
	}

	add(proof: UsedProof, now: number): Remembered | Promise<Remembered> {
		const alone = this.#alone.add(proof, now);
		return alone === "new" ? this.#share(proof, now) : alone;
	}

	/** Longer than it is good by this server's clock: another's may be behind. */
	async #share({ id, issuedAt, until }: UsedProof, now: number): Promise<Remembered> {
		const keep = Math.ceil(until - now) + LIMITS.clockSkewSeconds * 1000;
		const state = await this.#run([STATE, `${STATE}:${id}`], [String(keep)]);
		if (typeof state === "string") return state;
		if (!state.added) return "used";
		return issuedAt < state.since ? "forgotten" : "new";
	}

	async #run(keys: readonly string[], args: readonly string[]): Promise<{ added: boolean; since: number } | Trouble> {
		try {
			const proposal = Buffer.from(this.secret ?? this.#proposal).toString("base64url");
			const [added, since, secret] = (await this.#script.run(keys, [proposal, ...args])) as unknown[];
			const known = typeof secret === "string" ? Buffer.from(secret, "base64url") : null;
			if (known?.length !== this.#proposal.length || !(Number(since) > 0)) return "error";
			this.secret = known;
			return { added: added === 1, since: Number(since) };
		} catch (error) {
			const { trouble } = error as { trouble?: Trouble };
			return trouble !== undefined && TROUBLES.includes(trouble) ? trouble : "error";
		}
	}
}
