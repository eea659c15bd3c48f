/**
 * Tells who waits what this server enforces: at once when that changes, and now and then to show that it is alive. It runs
 * beside everything else; when the row cannot be written, the server goes on as before and only seems silent.
 */
import { LIMITS } from "../../core/limits.ts";
import { backoff } from "../follow/backoff.ts";
import type { FollowStatus } from "../follow/events.ts";
import { Pause, type Timers } from "../follow/timers.ts";
import type { Database } from "../pool.ts";
import { reportOf } from "./report.ts";
import { forgetServers, removeServer, type ServerIdentity, writeServer } from "./row.ts";

export interface HeartbeatOptions {
	readonly self: ServerIdentity;
	readonly database: Database;
	readonly status: () => FollowStatus;
	readonly timers: Timers;
	/** In [0, 1). */
	readonly random: () => number;
	readonly events: HeartbeatEvents;
}

/** Called once for each outage, however long it is. They must not throw. */
export interface HeartbeatEvents {
	lost(error: unknown): void;
	back(): void;
}

export interface Heartbeat {
	start(): void;
	/** Servers that were live at the last heartbeat that was written, this one included; 1 until then. */
	readonly live: number;
	/** What this server enforces or refuses has changed. */
	beat(): void;
	/** Removes the row, so that nobody waits for this server, and resolves when nothing runs any more. Never rejects. */
	stop(): Promise<void>;
}

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
	return new Heart(options);
}

class Heart implements Heartbeat {
	live = 1;
	readonly #options: HeartbeatOptions;
	readonly #pause: Pause;
	readonly #settling: Pause;
	#running: Promise<void> | null = null;
	#written = false;
	#failures = 0;
	/** Something changed while the row was being written. */
	#again = false;
	#stopped = false;

	constructor(options: HeartbeatOptions) {
		this.#options = options;
		this.#pause = new Pause(options.timers);
		this.#settling = new Pause(options.timers);
	}

	start(): void {
		this.#running ??= this.#run();
	}

	beat(): void {
		this.#again = true;
		this.#pause.wake();
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		this.#pause.wake();
		this.#settling.wake();
		await this.#running;
		// During an outage nobody would hear it; the row then ages.
		if (this.#written && this.#failures === 0) await this.#try((client) => removeServer(client, this.#options.self.id));
	}

	async #run(): Promise<void> {
		const { self, status, random } = this.#options;
		while (!this.#stopped) {
			this.#again = false;
			const report = reportOf(status());
			if (report) {
				await this.#try(async (client) => {
					if (!this.#written) await forgetServers(client);
					this.live = await writeServer(client, self, report);
					this.#written = true;
				});
			}
			if (this.#stopped) return;
			if (!this.#again)
				await this.#pause.wait(this.#failures === 0 ? LIMITS.heartbeatMs : backoff(this.#failures, random));
			if (this.#again && !this.#stopped) await this.#settling.wait(LIMITS.heartbeatSettleMs);
		}
	}

	async #try(work: Parameters<Database["withClient"]>[0]): Promise<void> {
		const { database, events } = this.#options;
		try {
			await database.withClient(work);
			if (this.#failures > 0) events.back();
			this.#failures = 0;
		} catch (error) {
			if (this.#failures++ === 0) events.lost(error);
		}
	}
}
