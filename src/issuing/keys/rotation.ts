/** What a rotation does to a domain's keys: announce the new one, let the others overlap, then retire them. */

import { formatDuration } from "../../core/duration.ts";
import { FirebreakError } from "../../core/errors.ts";
import { issuerAlgorithms } from "../../core/issuer.ts";
import { LIMITS } from "../../core/limits.ts";
import type { IssuerRow } from "../../core/model.ts";
import { type KeyTimes, keyStates } from "./choose.ts";
import { KEY_ALGORITHMS, type KeyAlgorithm } from "./signing-key.ts";

export interface RotationOrder {
	readonly domain: string;
	/** Milliseconds; null: LIMITS.keyAnnounceMs, or none while no key may sign. */
	readonly announce: number | null;
	/** Milliseconds. */
	readonly overlap: number;
	readonly algorithm: KeyAlgorithm | null;
	/** Milliseconds: nothing is done while the newest key is younger; null: always rotate. */
	readonly ifOlderThan: number | null;
}

export interface RotationPlan {
	readonly algorithm: KeyAlgorithm;
	/** Milliseconds since the epoch. */
	readonly signsFrom: number;
	readonly withdrawn: readonly { readonly kid: string; readonly until: number }[];
	/** Keys that are over: their private halves may go. */
	readonly retired: readonly string[];
}

export interface KeyAge extends KeyTimes {
	/** Milliseconds since the epoch. */
	readonly publishedAt: number;
	/** It signs nothing more. */
	readonly quarantined: boolean;
}

/**
 * Plans at `now` (milliseconds since the epoch).
 * @param issuers of the domain that Firebreak signs for.
 * @returns null when the newest key, one in quarantine aside, is young enough.
 * @throws FirebreakError usage, not_found
 */
export function planRotation(
	order: RotationOrder,
	keys: readonly KeyAge[],
	issuers: readonly IssuerRow[],
	now: number,
): RotationPlan | null {
	const { domain, overlap } = order;
	const states = keyStates(keys, now);
	const alive = keys.filter(({ kid }) => states.get(kid) !== "retired");
	const newest = Math.max(...alive.filter((key) => !key.quarantined).map(({ publishedAt }) => publishedAt));
	if (order.ifOlderThan !== null && now - newest < order.ifOlderThan) return null;
	const algorithm = chooseAlgorithm(order, issuers);
	checkOverlap(order, issuers, alive);
	const first = !keys.some(({ kid, quarantined }) => states.get(kid) === "signing" && !quarantined);
	const announce = order.announce ?? (first ? 0 : LIMITS.keyAnnounceMs);
	const signsFrom = now + announce;
	// A key that was to end sooner does so.
	const withdrawn = alive
		.filter(({ until }) => until > signsFrom + overlap)
		.map(({ kid }) => ({ kid, until: signsFrom + overlap }));
	if (alive.length + 1 > LIMITS.jwksKeys) {
		throw new FirebreakError("usage", `the domain ${domain} has ${alive.length} keys that are not retired`, {
			problems: [
				{ object: `domain ${domain}`, message: "no more fit into one key set", cure: "wait until some retire" },
			],
		});
	}
	const retired = keys.filter(({ kid }) => states.get(kid) === "retired").map(({ kid }) => kid);
	return { algorithm, signsFrom, withdrawn, retired };
}

/** What every issuer of the domain takes; ES256 before the others. */
function chooseAlgorithm({ domain, algorithm }: RotationOrder, issuers: readonly IssuerRow[]): KeyAlgorithm {
	if (issuers.length === 0) {
		throw new FirebreakError("not_found", `Firebreak signs for no issuer of the domain ${domain}`, {
			problems: [
				{
					object: `domain ${domain}`,
					message: "it has no issuer that Firebreak signs for",
					cure: `state one in a migration: firebreak.issuer(..., options => '{"signer": "firebreak"}')`,
				},
			],
		});
	}
	const taken = KEY_ALGORITHMS.filter((alg) => issuers.every((row) => issuerAlgorithms(row).includes(alg)));
	const chosen = algorithm === null ? taken[0] : taken.find((alg) => alg === algorithm);
	if (chosen !== undefined) return chosen;
	throw new FirebreakError("usage", "the issuers of the domain do not take tokens signed so", {
		problems: [
			{
				object: `domain ${domain}`,
				field: "algorithm",
				message: `${algorithm ?? KEY_ALGORITHMS.join(", ")} is not allowed by every issuer that it would sign for`,
				cure: taken.length > 0 ? `choose ${taken.join(" or ")}` : "let the issuers' algorithms have one in common",
			},
		],
	});
}

/** A key must outlive every token that it signed up to its last moment. */
function checkOverlap(
	{ domain, overlap }: RotationOrder,
	issuers: readonly IssuerRow[],
	alive: readonly KeyTimes[],
): void {
	const longest =
		Math.max(...issuers.map(({ max_lifetime }) => max_lifetime * 1_000)) + LIMITS.clockSkewSeconds * 1_000;
	if (alive.length === 0 || overlap >= longest) return;
	throw new FirebreakError("usage", "tokens in flight would break", {
		problems: [
			{
				object: `domain ${domain}`,
				field: "overlap",
				message: `its tokens may live ${formatDuration(longest)}, clock skew included, and the old key only ${formatDuration(overlap)}`,
				cure: `let keys overlap for ${formatDuration(longest)} or longer; a leaked key is stopped by: firebreak quarantine add key`,
			},
		],
	});
}
