/** Reads what changed since a revision, so that the work of a change follows its size and not the size of the set. */
import type { ClientBase } from "pg";
import type { Change, Changes, PolicyPlace } from "../core/compile/changes.ts";
import { LIMITS } from "../core/limits.ts";
import { type Head, readHead } from "./head.ts";
import { inOneInstant } from "./load.ts";
import { addObject, emptyLists, type ObjectKind } from "./rows.ts";
import { streamRows } from "./stream.ts";

/**
 * From `base` to the newest revision; null when a whole load is due: another epoch, numbers that went back, a segment whose
 * path exceptions changed (policies that did not change compile otherwise then), or more than LIMITS.incrementalRows
 * objects that changed.
 */
export async function loadChanges(client: ClientBase, base: Pick<Head, "epoch" | "revision">): Promise<Changes | null> {
	return inOneInstant(client, async () => {
		const head = await readHead(client);
		if (head.epoch !== base.epoch || head.revision < base.revision) return null;
		const put = emptyLists();
		const drop = new Map<string, string[]>();
		const places: PolicyPlace[] = [];
		let rows = 0;
		let otherExceptions = false;
		await streamRows(client, CHANGED, [base.revision, LIMITS.incrementalRows + 1], ([kind, name, is, was]) => {
			rows++;
			if (is !== null) addObject(put, kind!, is!);
			if (was === null) return;
			if (kind === "policy") {
				const { source, destination } = JSON.parse(was!) as PolicyPlace;
				places.push({ name: name!, source, destination });
			} else if (kind === "segment" && is !== null) {
				otherExceptions ||= exceptionsOf(is!) !== exceptionsOf(was!);
			} else if (is === null) {
				const names = drop.get(kind!);
				if (names) names.push(name!);
				else drop.set(kind!, [name!]);
			}
		});
		if (otherExceptions || rows > LIMITS.incrementalRows) return null;
		const change = <Kind extends ObjectKind>(kind: Kind): Change<(typeof put)[Kind][number]> => ({
			put: put[kind],
			drop: drop.get(kind) ?? [],
		});
		return {
			epoch: head.epoch,
			revision: head.revision,
			domains: change("domain"),
			issuers: change("issuer"),
			segments: change("segment"),
			crossings: change("crossing"),
			policies: { put: put.policy, drop: places },
			rateLimits: change("rate_limit"),
		};
	});
}

const exceptionsOf = (segment: string): string => JSON.stringify(JSON.parse(segment).path_exceptions);

/** One row for each object that differs: what it is now, and what it was at the base revision. */
const CHANGED = `
	with touched as (
		select h.kind, h.name, h.from_revision, h.to_revision, h.spec
		from firebreak.history h where h.from_revision > $1 or h.to_revision > $1
	)
	select t.kind, t.name,
		min(t.spec::text) filter (where t.to_revision is null),
		min(t.spec::text) filter (where t.from_revision <= $1)
	from touched t group by t.kind, t.name limit $2`;
