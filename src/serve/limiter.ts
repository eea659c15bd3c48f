/** Where budgets are counted: in this server's memory, or by all servers together in Redis. */
import { LIMITS } from "../core/limits.ts";
import { MemoryLimiter } from "../limiter/memory.ts";
import { SharedLimiter } from "../limiter/shared.ts";
import { TAKE_SCRIPT } from "../limiter/take-script.ts";
import { luaScript, Redis } from "../redis.ts";
import type { Logger } from "../telemetry/logging.ts";

export interface LimiterOptions {
	/** Null: memory. May hold a password: never log it. */
	readonly redisUrl: string | null;
	/** Servers that share the budgets as long as each counts in its memory, this one included. */
	readonly liveServers: () => number;
	readonly stopwatch: () => number;
	/** In [0, 1). */
	readonly random: () => number;
	readonly logger: Logger;
	/** Longest wait for Redis; default LIMITS.redisDeadlineMs. */
	readonly deadlineMs?: number;
}

export interface StartedLimiter {
	readonly limiter: MemoryLimiter | SharedLimiter;
	/** Times that this server counted a shared budget alone, by what was wrong with Redis. */
	fallbacks(): Readonly<Record<string, number>>;
	stop(): void;
}

export function startLimiter(options: LimiterOptions): StartedLimiter {
	const { redisUrl, liveServers, stopwatch, random, logger, deadlineMs = LIMITS.redisDeadlineMs } = options;
	const alone = new MemoryLimiter({ stopwatch, liveServers });
	if (redisUrl === null) return { limiter: alone, fallbacks: () => ({}), stop() {} };
	const redis = new Redis({
		url: redisUrl,
		random,
		deadlineMs,
		events: {
			down: (trouble, code) =>
				logger.warn("Redis is of no use; this server spends its share of the budgets", {
					kind: trouble,
					cause: code ?? "",
				}),
			up: () => logger.info("Redis answers again; all servers spend the budgets together"),
		},
	});
	const script = luaScript(TAKE_SCRIPT);
	const limiter = new SharedLimiter({
		script: {
			get trouble() {
				return redis.trouble;
			},
			run: (keys, args) => redis.run(script, keys, args),
		},
		alone,
		stopwatch,
	});
	return { limiter, fallbacks: () => limiter.fallbacks, stop: () => redis.stop() };
}
