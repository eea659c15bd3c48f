/** Where each key of a domain stands in its life, and which one signs. */
import { FirebreakError } from "../../core/errors.ts";
import type { DomainKey } from "../../core/lane/domain-keys.ts";

/**
 * `announced`: published, and signs later, so that every verifier knows it by then. `signing`: signs now. `overlap`: a newer
 * one signs; what it signed is still good. `retired`: what it signed counts no more.
 */
export type KeyState = "announced" | "signing" | "overlap" | "retired";

/** When a key signs and until when it verifies; milliseconds since the epoch. */
export type KeyTimes = Pick<DomainKey, "kid" | "from" | "until">;

/** Of each key of one domain, by kid, at `now`. Of the keys that could sign, the one that began last is `signing`. */
export function keyStates(keys: readonly KeyTimes[], now: number): ReadonlyMap<string, KeyState> {
	const signing = newest(keys.filter((key) => signs(key, now)));
	return new Map(
		keys.map((key) => {
			if (now >= key.until) return [key.kid, "retired"];
			if (now < key.from) return [key.kid, "announced"];
			return [key.kid, key === signing ? "signing" : "overlap"];
		}),
	);
}

/**
 * The key that signs for a domain at `now`: of those that are published, have begun and are not over, the newest that is at
 * hand. An older one takes its place where the newest is not on this disk yet: it is published as well.
 * @param isAtHand whether its private half is here, and it may be used.
 * @throws FirebreakError not_found when there is none.
 */
export function chooseSigningKey<K extends KeyTimes>(
	domain: string,
	keys: readonly K[],
	isAtHand: (key: K) => boolean,
	now: number,
): K {
	const able = keys.filter((key) => signs(key, now));
	const chosen = newest(able.filter((key) => isAtHand(key)));
	if (chosen) return chosen;
	const announced = keys.some((key) => now < key.from);
	const [message, cure] =
		able.length > 0
			? [
					"the private half of no key that signs is in FIREBREAK_KEYS_DIR",
					"run this where the keys are, or bring the file there",
				]
			: announced
				? ["its first key is announced, and signs later", "wait until it signs: firebreak keys list"]
				: ["it has no key", `run: firebreak keys rotate --domain ${domain} --reason "first key"`];
	throw new FirebreakError("not_found", `no key signs for the domain ${domain}`, {
		problems: [{ object: `domain ${domain}`, message, cure }],
	});
}

const signs = ({ from, until }: KeyTimes, now: number): boolean => from <= now && now < until;

/** Two that begin together are told apart by their kid, so that every server chooses alike. */
function newest<K extends KeyTimes>(keys: readonly K[]): K | undefined {
	return keys.toSorted((a, b) => b.from - a.from || (a.kid < b.kid ? -1 : 1))[0];
}
