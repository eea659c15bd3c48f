/** Tokens that servers know beforehand: passports of registered foreign tokens, and API keys by their digest. */
import { type Passport, readPassport } from "../passport/passport.ts";
import { isLive, type LaneEffect, mapOf, textOf } from "./entries.ts";

/** An opaque key that Firebreak issued. The key itself is nowhere: `digest` is all that is stored. */
export interface ApiKey {
	readonly issuer: string;
	readonly id: string;
	readonly subject: string;
	readonly scopes: readonly string[];
	/** Seconds since the epoch. */
	readonly issuedAt: number;
	readonly expiresAt: number;
	readonly passport: Passport;
}

interface Registered<T> {
	readonly value: T;
	/** Milliseconds since the epoch. */
	readonly end: number;
	/** As it came, for {@link Registry.rows}. */
	readonly payload: LaneEffect["payload"];
}

export class Registry {
	/** By issuer, then token id. */
	readonly #passports = new Map<string, Map<string, Registered<Passport>>>();
	/** By the base64url SHA-256 of the key. */
	readonly #keys = new Map<string, Registered<ApiKey>>();

	/** @returns false when the payload cannot be understood. */
	register(payload: LaneEffect["payload"], end: number): boolean {
		const issuer = textOf(payload, "issuer");
		const id = textOf(payload, "token_id");
		const passport = readPassport(payload.passport);
		if (issuer === null || id === null || !("owner" in passport)) return false;
		mapOf(this.#passports, issuer).set(id, { value: passport, end, payload });
		return true;
	}

	/** @returns false when the payload cannot be understood. */
	registerKey(payload: LaneEffect["payload"], end: number): boolean {
		const [issuer, id, digest, subject] = ["issuer", "token_id", "digest", "subject"].map((f) => textOf(payload, f));
		const { issued_at: issuedAt, scopes } = payload;
		const passport = readPassport(payload.passport);
		if (!issuer || !id || !digest || !subject || !Number.isFinite(end) || !("owner" in passport)) return false;
		if (typeof issuedAt !== "number" || !Array.isArray(scopes)) return false;
		if (!scopes.every((scope) => typeof scope === "string")) return false;
		const value = { issuer, id, subject, scopes, issuedAt, expiresAt: end / 1_000, passport };
		this.#keys.set(digest, { value: Object.freeze(value), end, payload });
		return true;
	}

	passportOf(issuer: string, id: string | null, now: number): Passport | null {
		const found = id === null ? undefined : this.#passports.get(issuer)?.get(id);
		return found && isLive(found.end, now) ? found.value : null;
	}

	/** Expired ones too, until they are forgotten: the caller judges times, so that each refusal has its own reason. */
	apiKey(digest: string): ApiKey | null {
		return this.#keys.get(digest)?.value ?? null;
	}

	*rows(): Generator<LaneEffect, void> {
		const until = (end: number) => (Number.isFinite(end) ? end : null);
		for (const tokens of this.#passports.values()) {
			for (const { payload, end } of tokens.values()) yield { kind: "passport", payload, until: until(end) };
		}
		for (const { payload, end } of this.#keys.values()) yield { kind: "api_key", payload, until: until(end) };
	}

	/** Forgets what is over at `now`, and yields after each entry that was looked at. */
	*prune(now: number): Generator<void, void> {
		for (const entries of [...this.#passports.values(), this.#keys]) {
			for (const [key, { end }] of entries) {
				if (!isLive(end, now)) entries.delete(key);
				yield;
			}
		}
	}
}
