import { LRUCache } from "lru-cache";
import type { DomainKeys } from "../core/lane/domain-keys.ts";
import { LIMITS } from "../core/limits.ts";
import type { Issuer } from "./issuers.ts";
import { algorithmOf, type KeySet, type VerificationKey } from "./keys/keyset.ts";
import type { KeySource } from "./keys/source.ts";
import type { Shown } from "./shown.ts";
import type { Times } from "./times.ts";

/** What came of verifying one token: all that does not change while its issuer's row and its key stay. */
export type Sighting = Genuine | Forged;

interface Seen {
	readonly issuer: Issuer;
	readonly source: KeySource;
	readonly key: VerificationKey;
	readonly times: Times;
	/** Of a token that names no key: among those the key was beyond doubt, and among others it may not be. Null: it names one. */
	readonly among: KeySet | null;
	/** Milliseconds since the epoch from which the signature is to be verified again. */
	readonly until: number;
}

export interface Genuine extends Seen, Shown {
	readonly genuine: true;
}

/** Nothing that it says is kept: nobody said it, and a flood would keep much. */
export interface Forged extends Seen {
	readonly genuine: false;
}

/** How often tokens were known, by kind; read for the metric firebreak_token_cache_total. */
export interface CacheCounts {
	/** Verified before. */
	hit: number;
	/** Found forged before. */
	hit_bad: number;
	/** Being verified for another request at this moment. */
	joined: number;
	miss: number;
}

/**
 * Sightings by the SHA-256 of the token; the tokens themselves are not kept. Forged ones have a cache of their own, so
 * that a flood of them pushes out nothing that is worth keeping. Revocation goes by (issuer, jti), never by this hash:
 * an ECDSA signature has a second spelling.
 */
export class SightingCache {
	readonly #genuine: LRUCache<string, Genuine>;
	readonly #forged: LRUCache<string, Forged>;

	/** @param entries of either kind at most, 1 or more. */
	constructor(entries: number) {
		this.#genuine = new LRUCache({ max: entries, maxSize: LIMITS.tokenCacheBytes });
		this.#forged = new LRUCache({ max: Math.min(entries, LIMITS.badTokenEntries), maxSize: LIMITS.tokenCacheBytes });
	}

	/** Entries of either kind at this moment. */
	get size(): { readonly genuine: number; readonly forged: number } {
		return { genuine: this.#genuine.size, forged: this.#forged.size };
	}

	/**
	 * A sighting that still stands: its key is published, and still beyond doubt, its keys are fresh, its time is not over.
	 * @param domainKeys what the request's own view of the lane says of keys.
	 */
	get(digest: string, now: number, domainKeys: DomainKeys): Sighting | undefined {
		const genuine = this.#genuine.get(digest);
		if (genuine !== undefined) {
			if (stands(genuine, now, domainKeys)) return genuine;
			// What it says now is found anew, and may be another thing: then this one would only take room.
			this.#genuine.delete(digest);
		}
		const forged = this.#forged.get(digest);
		return forged !== undefined && stands(forged, now, domainKeys) ? forged : undefined;
	}

	/** @param size of the token in bytes. */
	set(digest: string, sighting: Sighting, size: number, now: number): void {
		if (sighting.genuine) this.#genuine.set(digest, sighting, { size });
		else this.#forged.set(digest, sighting, { size });
		dropOver(this.#genuine, now);
		dropOver(this.#forged, now);
	}
}

/** Of the longest unused two that are over: twice what comes, so that what is kept follows what is in use. */
function dropOver(cache: LRUCache<string, Genuine> | LRUCache<string, Forged>, now: number): void {
	for (let turn = 0; turn < 2; turn++) {
		const { value: oldest } = cache.rkeys().next();
		if (oldest === undefined || cache.peek(oldest)!.until > now) return;
		cache.delete(oldest);
	}
}

function stands({ until, key, source, among }: Sighting, now: number, domainKeys: DomainKeys): boolean {
	source.update(domainKeys, now);
	return now < until && !key.withdrawn && now < source.usableUntil && (among === null || among === source.keys);
}

/** Whether a token names no key, and may by now have been signed by another one than it was verified with. */
export function isInDoubt({ among, source: { keys }, key, issuer: { algorithms } }: Sighting): boolean {
	if (among === null || among === keys) return false;
	return keys?.find(null, algorithmOf(key, algorithms) ?? "", algorithms) !== key;
}

/**
 * How long a signature's result may be kept, from `now` in milliseconds since the epoch: until the token expires, for
 * at most a minute; a bad one for ten seconds.
 */
export function keepUntil(genuine: boolean, times: Times, now: number): number {
	const seconds = genuine ? LIMITS.tokenCacheSeconds : LIMITS.badTokenSeconds;
	return Math.min(now + seconds * 1000, times.expiresAt * 1000);
}
