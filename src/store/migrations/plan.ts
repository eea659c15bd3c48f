/** What a run would change: for `migrate up --dry-run`. */
import type { ClientBase } from "pg";
import { diffEdges, type EdgeDiff, type EdgeSet } from "../../core/diff/edges.ts";
import { diffObjects, type ObjectChange, type ObjectDiff } from "../../core/diff/objects.ts";
import type { PolicyRow, PolicySet } from "../../core/model.ts";
import { readObjectChanges } from "../object-changes.ts";
import { addObject, emptyLists, type ObjectLists } from "../rows.ts";

export interface Plan {
	readonly objects: readonly ObjectDiff[];
	readonly edges: EdgeDiff;
}

/**
 * From a revision to what the transaction holds now.
 * @param after what it holds now
 * @param at milliseconds since the epoch, the time at which edges are judged
 */
export async function readPlan(client: ClientBase, since: number, after: PolicySet, at: number): Promise<Plan> {
	const changes = await readObjectChanges(client, since);
	return { objects: diffObjects(changes), edges: diffEdges(undo(after, changes), after, at) };
}

/** The set as it was before the changes, without reading it a second time. */
function undo(after: PolicySet, changes: readonly ObjectChange[]): EdgeSet {
	const before = emptyLists();
	const changed = new Map<string, Set<string>>();
	for (const { kind, name, before: spec } of changes) {
		const names = changed.get(kind);
		if (names) names.add(name);
		else changed.set(kind, new Set([name]));
		if (spec !== null) addObject(before, kind, JSON.stringify(spec));
	}
	const undone = <Row extends { readonly name: string }>(kind: keyof ObjectLists, rows: readonly Row[], old: Row[]) => [
		...rows.filter(({ name }) => !changed.get(kind)?.has(name)),
		...old,
	];
	return {
		domains: undone("domain", after.domains, before.domain),
		segments: undone("segment", after.segments, before.segment),
		crossings: undone("crossing", after.crossings, before.crossing),
		policies: { [Symbol.iterator]: () => policiesOf(after.policies, changed.get("policy"), before.policy) },
	};
}

/** A million of them are not copied. */
function* policiesOf(
	after: Iterable<PolicyRow>,
	changed: ReadonlySet<string> | undefined,
	before: readonly PolicyRow[],
): Generator<PolicyRow, void> {
	for (const row of after) if (!changed?.has(row.name)) yield row;
	yield* before;
}
