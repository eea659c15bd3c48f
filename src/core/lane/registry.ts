/** Tokens that servers know beforehand: passports of registered foreign tokens, and API keys by their digest. */
import { type Passport, readPassport } from "../passport/passport.ts";
import { isLive, type LaneEffect, mapOf, numberOf, textOf } from "./entries.ts";

/** What holds for one token of another issuer, beside what it says itself. */
export interface Registration {
	/** Null when this version cannot read it: then the token counts nowhere. */
	readonly passport: Passport | null;
	/** Of the token's scopes only these let it pass; empty: all of them. */
	readonly scopes: readonly string[];
	/** Thumbprint of the key, or hash of the certificate, that its bearer has to show; null: none. */
	readonly boundTo: string | null;
	/** Milliseconds since the epoch, half-open; null: from ever. */
	readonly notBefore: number | null;
	/** Milliseconds since the epoch, half-open. */
	readonly expires: number;
}

/** An opaque key that Firebreak issued. The key itself is nowhere: its digest is all that is stored. */
export interface ApiKey {
	readonly issuer: string;
	readonly id: string;
	readonly subject: string;
	readonly scopes: readonly string[];
	/** Seconds since the epoch. */
	readonly issuedAt: number;
	readonly notBefore: number | null;
	readonly expiresAt: number;
	/** As the claim `cnf` of a token: what it is bound to. */
	readonly confirmation: unknown;
	readonly passport: Passport;
}

interface Entry<T> {
	readonly value: T;
	/** Milliseconds since the epoch. */
	readonly end: number;
	/** As it came, for {@link Registry.rows}. */
	readonly payload: LaneEffect["payload"];
}

/**
 * Rows that cannot be read grant nothing and stop nothing else: a newer version may know restrictions that this one does
 * not, and only the tokens that have them are refused here.
 */
export class Registry {
	/** By issuer, then token id. */
	readonly #passports = new Map<string, Map<string, Entry<Registration>>>();
	/** By the base64url SHA-256 of the key; null for one that cannot be read. */
	readonly #keys = new Map<string, Entry<ApiKey | null>>();

	/** @returns false when it cannot be known which token is meant. */
	register(payload: LaneEffect["payload"], end: number): boolean {
		const issuer = textOf(payload, "issuer");
		const id = textOf(payload, "token_id");
		if (issuer === null || id === null) return false;
		mapOf(this.#passports, issuer).set(id, { value: Object.freeze(registrationOf(payload)), end, payload });
		return true;
	}

	/** @returns false when it cannot be known which key is meant. */
	registerKey(payload: LaneEffect["payload"], end: number): boolean {
		const digest = textOf(payload, "digest");
		if (digest === null) return false;
		this.#keys.set(digest, { value: Object.freeze(apiKeyOf(payload)), end, payload });
		return true;
	}

	/** What was registered for a token, over or not, until it is forgotten: the caller judges times. */
	registrationOf(issuer: string, id: string | null, now: number): Registration | null {
		const found = id === null ? undefined : this.#passports.get(issuer)?.get(id);
		return found && isLive(found.end, now) ? found.value : null;
	}

	/** Over or not, until it is forgotten: the caller judges times, so that each refusal has its own reason. */
	apiKey(digest: string, now: number): ApiKey | null {
		const found = this.#keys.get(digest);
		return found && isLive(found.end, now) ? found.value : null;
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

function registrationOf(payload: LaneEffect["payload"]): Registration {
	const { notBefore, expires, scopes, passport } = commonOf(payload);
	const boundTo = boundToOf(payload.binding);
	if (expires === null || scopes === null || boundTo === undefined) return UNREADABLE;
	return { passport, scopes, boundTo, notBefore: notBefore && notBefore * 1_000, expires: expires * 1_000 };
}

const UNREADABLE: Registration = { passport: null, scopes: [], boundTo: null, notBefore: null, expires: 0 };

/** As in `cnf`: one member, `jkt` or `x5t#S256`. Undefined when it is something else. */
function boundToOf(binding: unknown): string | null | undefined {
	if (binding === undefined) return null;
	if (typeof binding !== "object" || binding === null) return undefined;
	const [entry, ...more] = Object.entries(binding);
	const known = entry !== undefined && more.length === 0 && (entry[0] === "jkt" || entry[0] === "x5t#S256");
	return known && typeof entry[1] === "string" ? entry[1] : undefined;
}

function apiKeyOf(payload: LaneEffect["payload"]): ApiKey | null {
	const [issuer, id, subject] = ["issuer", "token_id", "subject"].map((field) => textOf(payload, field));
	const { notBefore, expires, scopes, passport } = commonOf(payload);
	const issuedAt = numberOf(payload, "issued_at");
	if (!issuer || !id || !subject || issuedAt === null || expires === null || !scopes || !passport) return null;
	const { binding: confirmation } = payload;
	return { issuer, id, subject, scopes, issuedAt, notBefore, expiresAt: expires, confirmation, passport };
}

/** Null where it is missing or cannot be read. */
function commonOf(payload: LaneEffect["payload"]) {
	const { scopes } = payload;
	const read = readPassport(payload.passport);
	const notBefore = numberOf(payload, "not_before");
	return {
		expires: numberOf(payload, "expires"),
		notBefore,
		scopes: Array.isArray(scopes) && scopes.every((scope) => typeof scope === "string") ? (scopes as string[]) : null,
		// A beginning that is there and cannot be read is a restriction that cannot be kept.
		passport: "owner" in read && (notBefore !== null || payload.not_before === undefined) ? read : null,
	};
}
