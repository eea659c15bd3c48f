/** What of the policy set is not as it was at a revision. */
import type { ClientBase } from "pg";
import type { ObjectChange, ObjectKind, ObjectSpec } from "../core/diff/objects.ts";
import { streamRows } from "./stream.ts";

/**
 * Every object that differs between the revision and now, the transaction's own changes included once its constraints are
 * settled. The work follows the size of the change.
 */
export async function readObjectChanges(client: ClientBase, since: number): Promise<readonly ObjectChange[]> {
	const changes: ObjectChange[] = [];
	await streamRows(client, CHANGED, [since], ([kind, name, before, after]) => {
		// JSON that Postgres wrote is spelled alike when it is alike.
		if (before === after) return;
		changes.push({
			kind: kind as ObjectKind,
			name: name!,
			before: specOf(before ?? null),
			after: specOf(after ?? null),
		});
	});
	return changes;
}

function specOf(json: string | null): ObjectSpec | null {
	return json === null ? null : JSON.parse(json, exactly);
}

/** Numbers that JavaScript would round stay as they are written: JSON.stringify gives them back digit by digit. */
function exactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
	const source = context?.source;
	if (typeof value !== "number" || source === undefined) return value;
	const shortest = source.includes(".") ? source.replace(/\.?0+$/, "") : source;
	return String(value) === shortest ? value : (JSON as RawJson).rawJSON(source);
}

/** Of V8, and not yet of TypeScript's library. */
type RawJson = JSON & { rawJSON(text: string): object };

const CHANGED = `
	with touched as (
		select h.kind, h.name, h.from_revision, h.to_revision, h.spec
		from firebreak.history h where h.from_revision > $1 or h.to_revision > $1
	)
	select t.kind, t.name,
		min(t.spec::text) filter (where t.from_revision <= $1),
		min(t.spec::text) filter (where t.to_revision is null)
	from touched t group by t.kind, t.name order by t.kind, t.name collate "C"`;
