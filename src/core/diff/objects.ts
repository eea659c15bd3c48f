/** What becomes of objects between two states of a policy set. */

/** In an order in which nothing stands before what it refers to. */
export const OBJECT_KINDS = ["owner", "domain", "segment", "issuer", "crossing", "policy", "rate_limit"] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

/** One whole object as the store writes it in JSON: the view firebreak.object, firebreak.history, policy_at(). */
export type ObjectSpec = Readonly<Record<string, unknown>>;

/** An object that is not the same in both states. */
export interface ObjectChange {
	readonly kind: ObjectKind;
	/** As `remove` takes it: the URL of an issuer, `kind:name` of a rate limit. */
	readonly name: string;
	/** Null: it was not there. */
	readonly before: ObjectSpec | null;
	/** Null: it is not there any more. */
	readonly after: ObjectSpec | null;
}

export interface FieldDiff {
	readonly field: string;
	readonly before: unknown;
	readonly after: unknown;
}

export interface ObjectDiff extends ObjectChange {
	readonly change: "added" | "removed" | "altered";
	/** What differs of an altered object; empty for the others. */
	readonly fields: readonly FieldDiff[];
}

/** By kind, then by name. What is the same in both states is left out. */
export function diffObjects(changes: Iterable<ObjectChange>): readonly ObjectDiff[] {
	const diffs: ObjectDiff[] = [];
	for (const change of changes) {
		const { before, after } = change;
		if (before === null && after === null) continue;
		const fields = before !== null && after !== null ? fieldsThatDiffer(before, after) : [];
		if (before === null) diffs.push({ ...change, change: "added", fields });
		else if (after === null) diffs.push({ ...change, change: "removed", fields });
		else if (fields.length > 0) diffs.push({ ...change, change: "altered", fields });
	}
	return diffs.sort(byKindAndName);
}

function byKindAndName(a: ObjectDiff, b: ObjectDiff): number {
	if (a.kind !== b.kind) return OBJECT_KINDS.indexOf(a.kind) - OBJECT_KINDS.indexOf(b.kind);
	return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function fieldsThatDiffer(before: ObjectSpec, after: ObjectSpec): readonly FieldDiff[] {
	const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
	return [...fields]
		.filter((field) => !isSame(before[field], after[field]))
		.map((field) => ({ field, before: before[field] ?? null, after: after[field] ?? null }));
}

/** JSON values. The order of an object's keys does not count, and an absent field is null. */
export function isSame(a: unknown, b: unknown): boolean {
	const [left, right] = [a ?? null, b ?? null];
	if (left === right) return true;
	if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
	if (Array.isArray(left) !== Array.isArray(right)) return false;
	const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
	for (const key of keys) {
		if (!isSame((left as ObjectSpec)[key], (right as ObjectSpec)[key])) return false;
	}
	return true;
}
