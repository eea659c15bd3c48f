/**
 * A Redis or Valkey that nobody waits for: a command is answered within its deadline or fails, and after one
 * that was not, none is sent until a look from time to time finds that it answers again. One server, no cluster.
 */
import { hash } from "node:crypto";
import { createClient, ErrorReply } from "@redis/client";
import { LIMITS } from "./core/limits.ts";

/** Why Redis is of no use: no connection, no answer in time, or an answer that is an error. */
export type RedisTrouble = "unreachable" | "slow" | "error";

export class RedisUnavailable extends Error {
	override readonly name = "RedisUnavailable";
	readonly trouble: RedisTrouble;

	constructor(trouble: RedisTrouble) {
		super(`Redis is of no use: ${trouble}`);
		this.trouble = trouble;
	}
}

/** A script in Lua, and the name under which Redis keeps it. */
export interface Script {
	readonly text: string;
	readonly sha1: string;
}

export function luaScript(text: string): Script {
	return { text, sha1: hash("sha1", text) };
}

export interface RedisOptions {
	/** `redis://` or `rediss://`. May hold a password: never log it. */
	readonly url: string;
	/** In [0, 1). */
	readonly random: () => number;
	readonly events: RedisEvents;
	/** Longest wait for an answer; default LIMITS.redisDeadlineMs. */
	readonly deadlineMs?: number;
}

/** Called once for each outage, however long it is. They must not throw. */
export interface RedisEvents {
	/** `code` is the system's or Redis' own word, ECONNREFUSED or NOAUTH say, when there is one. */
	down(trouble: RedisTrouble, code: string | null): void;
	up(): void;
}

type Client = ReturnType<typeof connectionTo>;

export class Redis {
	readonly #options: RedisOptions;
	readonly #deadlineMs: number;
	readonly #looking: NodeJS.Timeout;
	#client: Client;
	/** What was told of last; null when all is well. */
	#trouble: RedisTrouble | null = null;
	/** Nothing is sent: the last command had no answer in time. */
	#resting = false;
	/** Looks without an answer, one after the other. */
	#silentLooks = 0;

	/** Connects on its own, again and again. Until then it is unreachable. */
	constructor(options: RedisOptions) {
		this.#options = options;
		this.#deadlineMs = options.deadlineMs ?? LIMITS.redisDeadlineMs;
		this.#client = this.#connect();
		this.#looking = setInterval(() => this.#look(), LIMITS.redisRetryMs).unref();
	}

	/** Null when a command would be sent now, else why not. */
	get trouble(): RedisTrouble | null {
		if (!this.#client.isReady) return "unreachable";
		return this.#resting ? "slow" : null;
	}

	/**
	 * Runs a script, which Redis does as a whole or not at all.
	 * @throws RedisUnavailable within the deadline; the script may still have run, or may run later.
	 */
	async run({ text, sha1 }: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
		const trouble = this.trouble;
		if (trouble !== null) throw new RedisUnavailable(trouble);
		const rest = [String(keys.length), ...keys, ...args];
		const client = this.#client;
		const reply = client.sendCommand(["EVALSHA", sha1, ...rest]).catch((error: unknown) => {
			if (codeOf(error) !== "NOSCRIPT") throw error;
			return client.sendCommand(["EVAL", text, ...rest]);
		});
		return this.#bounded(reply);
	}

	stop(): void {
		clearInterval(this.#looking);
		this.#client.destroy();
	}

	#connect(): Client {
		const client = connectionTo(this.#options);
		client.on("error", (error: unknown) => this.#tell(client, "unreachable", codeOf(error)));
		client.on("ready", () => this.#answered(client));
		// It goes on trying by itself, and tells of each failure as an error.
		client.connect().catch(() => {});
		return client;
	}

	async #bounded(reply: Promise<unknown>): Promise<unknown> {
		const client = this.#client;
		try {
			const answer = await this.#withinDeadline(reply);
			this.#answered(client);
			return answer;
		} catch (error) {
			const trouble =
				error instanceof RedisUnavailable ? "slow" : error instanceof ErrorReply ? "error" : "unreachable";
			if (trouble === "slow") this.#resting = true;
			this.#tell(client, trouble, codeOf(error));
			throw new RedisUnavailable(trouble);
		}
	}

	/** Rejects with RedisUnavailable when the reply is late. One that came in while this process was busy counts. */
	#withinDeadline(reply: Promise<unknown>): Promise<unknown> {
		return new Promise((resolve, reject) => {
			const late = () => reject(new RedisUnavailable("slow"));
			const timer = setTimeout(() => setImmediate(late), this.#deadlineMs);
			reply.finally(() => clearTimeout(timer)).then(resolve, reject);
		});
	}

	/** Asks whether Redis answers again. A connection that stays silent is made anew: it may lead nowhere. */
	#look(): void {
		const client = this.#client;
		if (!this.#resting || !client.isReady) return;
		this.#withinDeadline(client.sendCommand(["PING"])).then(
			() => this.#answered(client),
			() => {
				if (client !== this.#client || ++this.#silentLooks * LIMITS.redisRetryMs < LIMITS.redisSilenceMs) return;
				this.#silentLooks = 0;
				client.destroy();
				this.#client = this.#connect();
			},
		);
	}

	#answered(client: Client): void {
		if (client !== this.#client) return;
		this.#resting = false;
		this.#silentLooks = 0;
		if (this.#trouble === null) return;
		this.#trouble = null;
		this.#options.events.up();
	}

	#tell(client: Client, trouble: RedisTrouble, code: string | null): void {
		if (client !== this.#client || this.#trouble !== null) return;
		this.#trouble = trouble;
		this.#options.events.down(trouble, code);
	}
}

/** Commands are refused while there is no connection, and beyond LIMITS.redisCommands. */
function connectionTo({ url, random }: RedisOptions) {
	return createClient({
		url,
		// What every Redis and Valkey speaks, without a greeting that older ones refuse.
		RESP: 2,
		disableOfflineQueue: true,
		commandsQueueMaxLength: LIMITS.redisCommands,
		socket: {
			connectTimeout: LIMITS.redisConnectMs,
			reconnectStrategy: () => LIMITS.redisRetryMs * (0.5 + random() / 2),
		},
	});
}

/** The first word of Redis' answer, or the system's code. Nothing else of an error is kept. */
function codeOf(error: unknown): string | null {
	if (error instanceof ErrorReply) return /^[A-Z]+/.exec(error.message)?.[0] ?? null;
	const code = (error as { code?: unknown } | null)?.code;
	return typeof code === "string" ? code : null;
}
