/** Whether the source answers, and what is wrong with it at present. */
import { describeCause } from "../store-error.ts";
import type { FollowEvent } from "./events.ts";

/** What can fail by itself: reading the head and revocations, hearing hints, loading policy. */
export type Effort = "poll" | "listen" | "load";

export class Contact {
	/** Polls that failed in a row. */
	failures = 0;
	/** Null until it is known. */
	#listening: boolean | null = null;
	readonly #errors = new Map<Effort, string>();
	readonly #report: (event: FollowEvent) => void;

	constructor(report: (event: FollowEvent) => void) {
		this.#report = report;
	}

	/** The source does not answer polls. */
	get lost(): boolean {
		return this.failures > 0;
	}

	get listening(): boolean {
		return this.#listening === true;
	}

	/** One line about what is failing now, without credentials; null when nothing is. */
	get lastError(): string | null {
		return this.#errors.get("poll") ?? this.#errors.get("load") ?? this.#errors.get("listen") ?? null;
	}

	succeed(effort: Effort): void {
		this.#errors.delete(effort);
		if (effort !== "poll") return;
		const wasLost = this.lost;
		this.failures = 0;
		if (wasLost) this.#report({ kind: "found" });
	}

	fail(effort: Effort, error: unknown): void {
		this.#errors.set(effort, describeCause(error));
		if (effort !== "poll") return;
		this.failures++;
		if (this.failures === 1) this.#report({ kind: "lost", error });
	}

	/** Said once for each turn of fortune. */
	hear(listening: boolean, error: unknown): void {
		if (listening) this.succeed("listen");
		else this.fail("listen", error);
		if (this.#listening === listening) return;
		this.#listening = listening;
		this.#report(listening ? { kind: "listening" } : { kind: "deaf", error });
	}
}
