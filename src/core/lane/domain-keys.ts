/** Public halves of the keys that domains sign their own tokens with. */
import { lintJwks } from "../jwks.ts";
import { isLive, type LaneEffect, mapOf, numberOf, textOf } from "./entries.ts";

export interface DomainKey {
	readonly kid: string;
	/** A public JWK with `kid`, `alg` and `use: "sig"`. */
	readonly jwk: Readonly<Record<string, unknown>>;
	/** Milliseconds since the epoch from which it signs; it verifies, and is published, from when it is known. */
	readonly from: number;
	/** Milliseconds since the epoch from which it counts no more; infinite while none is set. */
	readonly until: number;
}

export class DomainKeys {
	/** Grows with every change of any key, so that whoever keeps something made of them knows when it is old. */
	version = 0;
	/** By domain, then kid. */
	readonly #keys = new Map<string, Map<string, DomainKey>>();

	/**
	 * A key that is unsound, or that this version cannot verify with, is none: what it signed counts nowhere.
	 * @returns false when it cannot be known which key is meant.
	 */
	publish(payload: LaneEffect["payload"], end: number): boolean {
		const domain = textOf(payload, "domain");
		const kid = textOf(payload, "kid");
		if (domain === null || kid === null) return false;
		const keys = mapOf(this.#keys, domain);
		this.version++;
		const from = numberOf(payload, "from");
		const { jwk } = payload;
		const sound = lintJwks({ keys: [jwk] }).length === 0 && (jwk as { kid?: unknown }).kid === kid;
		if (sound && from !== null) keys.set(kid, { kid, jwk: jwk as DomainKey["jwk"], from: from * 1_000, until: end });
		else keys.delete(kid);
		return true;
	}

	/** Every key of a domain that verifies at `now`, announced ones too. */
	of(domain: string, now: number): readonly DomainKey[] {
		return [...(this.#keys.get(domain)?.values() ?? [])].filter(({ until }) => isLive(until, now));
	}

	domains(): IterableIterator<string> {
		return this.#keys.keys();
	}

	*rows(): Generator<LaneEffect, void> {
		for (const [domain, keys] of this.#keys) {
			for (const { kid, jwk, from, until } of keys.values()) {
				const payload = { domain, kid, jwk, from: from / 1_000 };
				yield { kind: "domain_key", payload, until: Number.isFinite(until) ? until : null };
			}
		}
	}

	/** Forgets what is over at `now`, and yields after each entry that was looked at. */
	*prune(now: number): Generator<void, void> {
		for (const keys of this.#keys.values()) {
			for (const [kid, { until }] of keys) {
				if (!isLive(until, now) && keys.delete(kid)) this.version++;
				yield;
			}
		}
	}
}
