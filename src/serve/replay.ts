/** Where used proofs of possession are remembered: in this server's memory, or by all servers together in Redis. */
import { randomBytes } from "node:crypto";
import { MemoryReplay, type ReplayMemory } from "../authn/proof/memory.ts";
import { REMEMBER_SCRIPT } from "../authn/proof/remember-script.ts";
import { SharedReplay } from "../authn/proof/shared.ts";
import { LIMITS } from "../core/limits.ts";
import { luaScript, Redis } from "../redis.ts";
import type { Logger } from "../telemetry/logging.ts";

export interface ReplayOptions {
	/** Null: memory. May hold a password: never log it. */
	readonly redisUrl: string | null;
	/** Milliseconds since the epoch: when this server began. */
	readonly started: number;
	/** In [0, 1). */
	readonly random: () => number;
	readonly logger: Logger;
	/** Longest wait for Redis; default LIMITS.redisDeadlineMs. */
	readonly deadlineMs?: number;
}

export interface StartedReplay {
	readonly memory: ReplayMemory;
	/** Milliseconds since the epoch from which on new proofs are good: serving begins no earlier. */
	readonly since: number;
	stop(): void;
}

export function startReplay({ redisUrl, started, random, logger, deadlineMs }: ReplayOptions): StartedReplay {
	const secret = randomBytes(32);
	if (redisUrl === null) {
		// Most proofs name their whole second: of the one in which this server began, none is surely new.
		const since = Math.ceil(started / 1_000) * 1_000;
		return { memory: new MemoryReplay({ since, secret }), since, stop() {} };
	}
	const redis = new Redis({
		url: redisUrl,
		random,
		deadlineMs: deadlineMs ?? LIMITS.redisDeadlineMs,
		events: {
			down: (trouble, code) =>
				logger.error("Redis is of no use; requests with a proof of possession are refused", {
					kind: trouble,
					cause: code ?? "",
				}),
			up: () => logger.info("Redis answers again; proofs of possession are accepted"),
		},
	});
	const script = luaScript(REMEMBER_SCRIPT);
	const memory = new SharedReplay({ script: { run: (keys, args) => redis.run(script, keys, args) }, secret });
	const opening = setInterval(open, LIMITS.redisRetryMs).unref();
	async function open(): Promise<void> {
		if ((await memory.open()) === null) clearInterval(opening);
	}
	return {
		memory,
		since: started,
		stop() {
			clearInterval(opening);
			redis.stop();
		},
	};
}
