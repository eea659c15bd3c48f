import type { KeyProblem } from "../../core/jwks.ts";
import type { DomainKeys } from "../../core/lane/domain-keys.ts";
import type { IssuerRow } from "../../core/model.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { importKeySet, KeySet, type VerificationKey } from "./keyset.ts";

/** Where the keys of one issuer come from. */
export interface KeySource {
	/** The issuer's url. */
	readonly issuer: string;
	/** The last good set; null while there was none. */
	readonly keys: KeySet | null;
	/** Milliseconds since the epoch from which `keys` count no more. */
	readonly usableUntil: number;
	/** Whether `keys` may be behind what the issuer publishes, because the last fetch failed or none has ended. */
	readonly failing: boolean;
	/** Seconds since the last good fetch at `now`; infinite before the first, null where nothing is fetched. */
	age(now: number): number | null;
	/** Takes over what a view of the lane says at `now`, where that is where keys come from. */
	update(domainKeys: DomainKeys, now: number): void;
	/** Looks for newer keys; never rejects. Null when it would be too soon, or there is nowhere to look. */
	refresh(now: number): Promise<void> | null;
	start(): void;
	stop(): void;
}

/** What happened to an issuer's keys; for logs. Holds no key material and no address. */
export type KeyReport =
	| { readonly kind: "changed"; readonly issuer: string; readonly added: number; readonly withdrawn: number }
	/** The set is unsound; the last good one stays. */
	| { readonly kind: "refused"; readonly issuer: string; readonly problems: readonly KeyProblem[] }
	/** No set could be fetched; the last good one stays. */
	| { readonly kind: "unreachable"; readonly issuer: string; readonly cause: string };

/** Keys that stand in the issuer's row itself. */
export class InlineKeys implements KeySource {
	readonly issuer: string;
	readonly keys: KeySet | null;
	readonly failing: boolean;
	readonly usableUntil = Number.POSITIVE_INFINITY;

	constructor(row: IssuerRow, report: (report: KeyReport) => void) {
		this.issuer = row.url;
		const set = importKeySet(row.jwks, row.profile, null);
		this.keys = set instanceof KeySet ? set : null;
		this.failing = this.keys === null;
		if (!(set instanceof KeySet)) report({ kind: "refused", issuer: row.url, problems: set });
	}

	update(): void {}

	refresh(): null {
		return null;
	}

	age(): null {
		return null;
	}

	start(): void {}

	stop(): void {}
}

/**
 * The key that a token names. Looks for newer keys when it is not among the known ones, or when those are too old.
 *
 * An unknown key is the token's fault only while the known keys are surely all there are; otherwise it is ours.
 *
 * @returns a promise only when newer keys are waited for.
 */
export function findKey(
	source: KeySource,
	kid: string | null,
	alg: string,
	allowed: readonly string[],
	now: number,
): VerificationKey | Refusal | Promise<VerificationKey | Refusal> {
	const known = source.keys?.find(kid, alg, allowed);
	if (known && now < source.usableUntil) return known;
	const again = () => findNow(source, kid, alg, allowed);
	return source.refresh(now)?.then(again) ?? again();
}

function findNow(
	source: KeySource,
	kid: string | null,
	alg: string,
	allowed: readonly string[],
): VerificationKey | Refusal {
	if (!source.keys) return refuse("keys_unavailable", "no_keys");
	const found = source.keys.find(kid, alg, allowed);
	if (found) return found;
	return source.failing ? refuse("keys_unavailable", "fetch_failing") : refuse("token_invalid", "key_unknown");
}
