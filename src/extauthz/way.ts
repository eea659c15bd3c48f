/**
 * Headers that tell of a request's way here. The upstream sees what is vouched for ({@link Vouched}) and no word of the
 * caller's own.
 */
import { lastElements } from "../core/canonical/forwarded-for.ts";
import { lastHops } from "../core/canonical/xfcc.ts";
import type { Vouched } from "../core/decision.ts";

type Reveal = (value: string, vouched: Vouched) => string;

/** Lists that proxies append to are cut; what a proxy would have to overwrite is believed whole or not at all. */
const WHOLE: Reveal = (value, { proxied }) => (proxied ? value : "");

const HEADERS: ReadonlyMap<string, Reveal> = new Map([
	["x-forwarded-client-cert", (value, { identities }) => (identities === 0 ? "" : lastHops(value, identities))],
	["x-forwarded-for", (value, { addresses }) => lastElements(value, addresses)],
	["x-real-ip", WHOLE],
	["forwarded", WHOLE],
]);

const LENGTHS = new Set([...HEADERS.keys()].map((name) => name.length));
const LONGEST = Math.max(...LENGTHS);
/** Whether a name of such a length can be one of these: most are told apart by that. */
const MAY_BE = Uint8Array.from({ length: LONGEST + 1 }, (_, length) => Number(LENGTHS.has(length)));

/** Whether {@link revealed} has anything to say about a header of this name. */
export function tellsOfTheWay(name: string): boolean {
	return MAY_BE[name.length] === 1;
}

/**
 * What the upstream may see of a header: null when the header is not one of these, "" for nothing. Names with `_` for `-`
 * are never a proxy's, but CGI and what follows it would take them for one.
 */
export function revealed(name: string, value: string, vouched: Vouched): string | null {
	const reveal = HEADERS.get(name);
	if (reveal !== undefined) return reveal(value, vouched);
	return name.includes("_") && HEADERS.has(name.replaceAll("_", "-")) ? "" : null;
}
