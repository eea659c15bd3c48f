import { readPublicJwk } from "../../core/jwks.ts";
import type { DomainKey, DomainKeys } from "../../core/lane/domain-keys.ts";
import { importKey, KeySet, type VerificationKey, withdrawAbsent } from "./keyset.ts";
import type { KeySource } from "./source.ts";

/**
 * The keys that a domain signs its own tokens with: the lane tells of them, so nothing is fetched, and the request's own view
 * of the lane decides. Announced keys verify already; one that is over counts no more, nor does what it signed.
 */
export class DomainKeySource implements KeySource {
	readonly issuer: string;
	readonly failing = false;
	readonly usableUntil = Number.POSITIVE_INFINITY;
	readonly #domain: string;
	#set = new KeySet([]);
	/** What the set was made of, and when it is made anew though nothing changed: milliseconds since the epoch. */
	#madeOf: { readonly keys: DomainKeys; readonly version: number; readonly until: number } | null = null;

	constructor(issuer: string, domain: string) {
		this.issuer = issuer;
		this.#domain = domain;
	}

	get keys(): KeySet {
		return this.#set;
	}

	update(keys: DomainKeys, now: number): void {
		const { version } = keys;
		if (this.#madeOf?.keys === keys && this.#madeOf.version === version && now < this.#madeOf.until) return;
		const live = keys.of(this.#domain, now);
		const next = new KeySet(live.map((key) => this.#import(key)).filter((key) => key !== null));
		withdrawAbsent(this.#set, next);
		this.#set = next;
		this.#madeOf = { keys, version, until: Math.min(...live.map(({ until }) => until), Number.POSITIVE_INFINITY) };
	}

	#import({ jwk }: DomainKey): VerificationKey | null {
		const source = readPublicJwk(jwk);
		return source === null || typeof source === "string" ? null : importKey(source, this.#set);
	}

	refresh(): null {
		return null;
	}

	age(): null {
		return null;
	}

	start(): void {}

	stop(): void {}
}
