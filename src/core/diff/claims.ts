/** Which segments take workloads over from segments of other owners: those have to give them up first. */
import type { ObjectChange, ObjectSpec } from "./objects.ts";

/**
 * Of segments that come back, the names of those with a member that a changed segment of another owner holds now, or that
 * overlaps with such a one: an owner may not claim what another holds.
 */
export function takers(changes: Iterable<ObjectChange>): ReadonlySet<string> {
	const segments = [...changes].filter(({ kind }) => kind === "segment");
	/** Owners by selector, and by the selectors that are wider than one that they hold. */
	const held = new Map<string, Set<string>>();
	const heldBelow = new Map<string, Set<string>>();
	for (const { after } of segments) {
		if (!after) continue;
		for (const selector of membersOf(after)) {
			add(held, selector, String(after.owner));
			for (const wider of widerThan(selector)) add(heldBelow, wider, String(after.owner));
		}
	}
	const isOthers = (owners: ReadonlySet<string> | undefined, owner: string) =>
		owners !== undefined && [...owners].some((other) => other !== owner);
	const takes = ({ before, after }: ObjectChange) => {
		if (!before) return false;
		const owner = String(before.owner);
		const present = new Set(after ? membersOf(after) : []);
		return membersOf(before).some(
			(selector) =>
				!present.has(selector) &&
				([selector, ...widerThan(selector)].some((wider) => isOthers(held.get(wider), owner)) ||
					isOthers(heldBelow.get(selector), owner)),
		);
	};
	return new Set(segments.filter(takes).map(({ name }) => name));
}

const membersOf = (segment: ObjectSpec): readonly string[] => segment.members as readonly string[];

/** `spiffe://a/b/*` and `spiffe://a/*` of `spiffe://a/b/c`. */
function widerThan(selector: string): readonly string[] {
	const parts = selector.replace(/\/\*$/, "").split("/");
	return parts.slice(AUTHORITY).map((_, index) => `${parts.slice(0, AUTHORITY + index).join("/")}/*`);
}

/** Parts of `spiffe://trust.domain`. */
const AUTHORITY = 3;

function add(sets: Map<string, Set<string>>, key: string, value: string): void {
	const set = sets.get(key);
	if (set) set.add(value);
	else sets.set(key, new Set([value]));
}
