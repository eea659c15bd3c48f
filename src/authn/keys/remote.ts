import { LIMITS } from "../../core/limits.ts";
import type { IssuerRow, Profile } from "../../core/model.ts";
import type { Clock } from "../../core/time.ts";
import { FetchFault, fetchKeySet } from "./fetch.ts";
import { importKeySet, KeySet, withdrawAbsent } from "./keyset.ts";
import type { KeyReport, KeySource } from "./source.ts";

/** Milliseconds each; see LIMITS.jwks*. */
export interface KeyTimings {
	readonly timeout: number;
	readonly refresh: number;
	readonly retry: number;
	readonly cooldown: number;
	readonly stale: number;
}

export const KEY_TIMINGS: KeyTimings = Object.freeze({
	timeout: LIMITS.jwksTimeoutMs,
	refresh: LIMITS.jwksRefreshMs,
	retry: LIMITS.jwksRetryMs,
	cooldown: LIMITS.jwksCooldownMs,
	stale: LIMITS.jwksStaleMs,
});

export interface RemoteKeysOptions {
	readonly clock: Clock;
	readonly fetch: typeof globalThis.fetch;
	/** From 0 to below 1. */
	readonly random: () => number;
	readonly report: (report: KeyReport) => void;
	readonly timings: KeyTimings;
}

/**
 * Keys from an issuer's `jwks_uri`: fetched in the background at jittered times, one fetch at a time, the last good
 * set kept for a bounded time while the address fails. Requests wait only for keys that are not known.
 */
export class RemoteKeys implements KeySource {
	readonly issuer: string;
	keys: KeySet | null = null;
	failing = true;
	readonly #profile: Profile;
	readonly #uri: string;
	readonly #options: RemoteKeysOptions;
	#fetchedAt: number | null = null;
	#attemptedAt = Number.NEGATIVE_INFINITY;
	#failures = 0;
	#fetching: Promise<void> | null = null;
	#timer: NodeJS.Timeout | undefined;
	/** Null while not started; aborted by stop. */
	#running: AbortController | null = null;

	constructor(issuer: Pick<IssuerRow, "url" | "profile">, uri: string, options: RemoteKeysOptions) {
		this.issuer = issuer.url;
		this.#profile = issuer.profile;
		this.#uri = uri;
		this.#options = options;
	}

	get usableUntil(): number {
		return this.#fetchedAt === null ? Number.NEGATIVE_INFINITY : this.#fetchedAt + this.#options.timings.stale;
	}

	age(now: number): number {
		return this.#fetchedAt === null ? Number.POSITIVE_INFINITY : Math.max(0, now - this.#fetchedAt) / 1000;
	}

	/** Fetches now and from then on in the background. */
	start(): void {
		if (this.#running) return;
		this.#running = new AbortController();
		void this.#fetch();
	}

	/** Ends the background work. What is known stays known. */
	stop(): void {
		clearTimeout(this.#timer);
		this.#running?.abort();
		this.#running = null;
	}

	update(): void {}

	/** Joins a fetch that is under way; otherwise starts one, at most once in a cooldown, whoever asks how often. */
	refresh(now: number): Promise<void> | null {
		if (this.#fetching) return this.#fetching;
		const elapsed = now - this.#attemptedAt;
		return elapsed >= 0 && elapsed < this.#options.timings.cooldown ? null : this.#fetch();
	}

	#fetch(): Promise<void> {
		this.#fetching ??= this.#attempt().finally(() => {
			this.#fetching = null;
			this.#schedule();
		});
		return this.#fetching;
	}

	async #attempt(): Promise<void> {
		const { clock, fetch, report, timings } = this.#options;
		this.#attemptedAt = clock();
		clearTimeout(this.#timer);
		const cancel = this.#running?.signal ?? new AbortController().signal;
		try {
			const json = await fetchKeySet(this.#uri, fetch, timings.timeout, cancel);
			const set = importKeySet(json, this.#profile, this.keys);
			if (set instanceof KeySet) return this.#adopt(set);
			report({ kind: "refused", issuer: this.issuer, problems: set });
		} catch (error) {
			if (cancel.aborted) return;
			const cause = error instanceof FetchFault ? error.message : "it cannot be read";
			report({ kind: "unreachable", issuer: this.issuer, cause });
		}
		this.failing = true;
		this.#failures++;
	}

	#adopt(set: KeySet): void {
		const before = this.keys;
		const added = set.keys.filter((key) => !before?.keys.includes(key)).length;
		const withdrawn = before?.keys.filter((key) => !set.keys.includes(key)).length ?? 0;
		withdrawAbsent(before, set);
		this.keys = set;
		this.failing = false;
		this.#failures = 0;
		this.#fetchedAt = this.#options.clock();
		const { report } = this.#options;
		if (added + withdrawn > 0) report({ kind: "changed", issuer: this.issuer, added, withdrawn });
	}

	#schedule(): void {
		if (!this.#running) return;
		const { random, timings } = this.#options;
		const backedOff = timings.retry * 2 ** Math.min(this.#failures - 1, 20);
		const wait = this.#failures === 0 ? timings.refresh : Math.min(backedOff, timings.refresh);
		this.#timer = setTimeout(() => void this.#fetch(), wait * (1 - random() / 4));
		this.#timer.unref();
	}
}
