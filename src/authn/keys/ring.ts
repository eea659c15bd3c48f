import { isOwnIssuer, isVerifiable } from "../../core/issuer.ts";
import type { IssuerRow } from "../../core/model.ts";
import type { Clock } from "../../core/time.ts";
import { DomainKeySource } from "./domain.ts";
import { KEY_TIMINGS, type KeyTimings, RemoteKeys, type RemoteKeysOptions } from "./remote.ts";
import { InlineKeys, type KeyReport, type KeySource } from "./source.ts";

export interface KeyRingOptions {
	readonly clock: Clock;
	/** Default: the global one. */
	readonly fetch?: typeof globalThis.fetch;
	/** Default: Math.random. */
	readonly random?: () => number;
	/** Told of every change and failure; must not throw. */
	readonly report?: (report: KeyReport) => void;
	/** Default: KEY_TIMINGS. */
	readonly timings?: Partial<KeyTimings>;
}

/**
 * The keys of all issuers. Sources are told apart by everything that decides which keys count, so a changed address
 * starts from nothing, while any other change of an issuer's row keeps what was fetched.
 */
export class KeyRing {
	readonly #options: RemoteKeysOptions;
	#sources = new Map<string, KeySource>();
	#byRow = new WeakMap<IssuerRow, KeySource>();

	constructor(options: KeyRingOptions) {
		this.#options = {
			clock: options.clock,
			fetch: options.fetch ?? globalThis.fetch,
			random: options.random ?? Math.random,
			report: options.report ?? (() => {}),
			timings: { ...KEY_TIMINGS, ...options.timings },
		};
	}

	/**
	 * Fetches the keys of exactly these issuers, now and in the background. To be called with each new policy snapshot;
	 * issuers that stay are not disturbed. Never fails: an address that is down is retried.
	 */
	follow(issuers: Iterable<IssuerRow>): void {
		const followed = new Map<string, KeySource>();
		for (const row of issuers) {
			if (isVerifiable(row.profile) && row.profile !== "api_key") followed.set(contentKey(row), this.of(row));
		}
		for (const [key, source] of this.#sources) if (followed.get(key) !== source) source.stop();
		for (const source of followed.values()) source.start();
		this.#sources = followed;
		this.#byRow = new WeakMap();
	}

	/** The keys of a row, which need not be followed yet: a request may be ahead of {@link follow}. */
	of(row: IssuerRow): KeySource {
		let source = this.#byRow.get(row);
		if (!source) {
			const key = contentKey(row);
			source = this.#sources.get(key) ?? this.#create(row);
			this.#sources.set(key, source);
			this.#byRow.set(row, source);
		}
		return source;
	}

	/** Seconds since the last good fetch for each followed issuer with a `jwks_uri`; infinite when there was none. */
	ages(): (readonly [issuer: string, seconds: number])[] {
		const now = this.#options.clock();
		return [...this.#sources.values()].flatMap((source) => {
			const seconds = source.age(now);
			return seconds === null ? [] : [[source.issuer, seconds] as const];
		});
	}

	/** Ends all background work; keys that are known stay usable. */
	stop(): void {
		for (const source of this.#sources.values()) source.stop();
	}

	#create(row: IssuerRow): KeySource {
		if (isOwnIssuer(row)) return new DomainKeySource(row.url, row.domain);
		if (row.jwks_uri !== null) return new RemoteKeys(row, row.jwks_uri, this.#options);
		return new InlineKeys(row, this.#options.report);
	}
}

function contentKey(row: IssuerRow): string {
	const { url, profile, jwks_uri, jwks, domain } = row;
	return JSON.stringify([url, profile, jwks_uri, jwks, isOwnIssuer(row) ? domain : null]);
}
