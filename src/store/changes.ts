/** Reads what changed since a revision, so that the work of a change follows its size and not the size of the set. */
import type { ClientBase } from "pg";
import type { Change, Changes, PolicyPlace } from "../core/compile/changes.ts";
import { FirebreakError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { type Head, readHead } from "./head.ts";
import { inOneInstant } from "./load.ts";
import { addObject, emptyLists, type ObjectKind, type ObjectLists } from "./rows.ts";
import { streamRows } from "./stream.ts";

/**
 * From `base` to the newest revision, or to the one of `until`; null when a whole load is due: another epoch, numbers that
 * went back, a segment whose path exceptions changed (policies that did not change compile otherwise then), or more than
 * LIMITS.incrementalRows objects that changed.
 */
export async function loadChanges(client: ClientBase, base: RevisionId, until?: number): Promise<Changes | null> {
	const few = await loadFewChanges(client, base, until);
	return few === "many" ? loadManyChanges(client, base, until) : few;
}

type RevisionId = Pick<Head, "epoch" | "revision">;

/** One statement sees one instant, and what is asked in one goes to and fro once. */
async function loadFewChanges(
	client: ClientBase,
	base: RevisionId,
	until: number | undefined,
): Promise<Changes | null | "many"> {
	const collected = new Collected();
	let head: RevisionId | null = null;
	let isMany = false;
	await streamRows(client, FEW_CHANGED, [base.revision, FEW_ROWS, until ?? NEWEST], ([kind, name, is, was]) => {
		if (kind !== null) return collected.add(kind!, name!, is!, was!);
		head = { epoch: name!, revision: Number(is) };
		isMany = Number(was) === FEW_ROWS;
	});
	if (head === null) throw new FirebreakError("store_unsuitable", "firebreak.head is empty: the schema is not whole");
	return isMany ? "many" : collected.from(base, head, until);
}

async function loadManyChanges(
	client: ClientBase,
	base: RevisionId,
	until: number | undefined,
): Promise<Changes | null> {
	return inOneInstant(client, async () => {
		const head = await readHead(client);
		const collected = new Collected();
		const values = [base.revision, LIMITS.incrementalRows + 1, until ?? NEWEST];
		await streamRows(client, CHANGED, values, ([kind, name, is, was]) => collected.add(kind!, name!, is!, was!));
		return collected.from(base, head, until);
	});
}

/** Objects that differ, as they come. */
class Collected {
	readonly #put = emptyLists();
	readonly #drop = new Map<string, string[]>();
	readonly #places: PolicyPlace[] = [];
	#rows = 0;
	#otherExceptions = false;

	/** @param is what the object is. @param was what it was at the base revision. Null: nothing. */
	add(kind: string, name: string, is: string | null, was: string | null): void {
		this.#rows++;
		if (is !== null) addObject(this.#put, kind, is);
		if (was === null) return;
		if (kind === "policy") {
			const { source, destination } = JSON.parse(was) as PolicyPlace;
			this.#places.push({ name, source, destination });
		} else if (kind === "segment" && is !== null) {
			this.#otherExceptions ||= exceptionsOf(is) !== exceptionsOf(was);
		} else if (is === null) {
			const names = this.#drop.get(kind);
			if (names) names.push(name);
			else this.#drop.set(kind, [name]);
		}
	}

	/** Null: a whole load is due. */
	from(base: RevisionId, { epoch, revision: newest }: RevisionId, revision: number = newest): Changes | null {
		if (epoch !== base.epoch || revision < base.revision || revision > newest) return null;
		if (this.#otherExceptions || this.#rows > LIMITS.incrementalRows) return null;
		const change = <Kind extends ObjectKind>(kind: Kind): Change<ObjectLists[Kind][number]> => ({
			put: this.#put[kind],
			drop: this.#drop.get(kind) ?? [],
		});
		return {
			epoch,
			revision,
			domains: change("domain"),
			issuers: change("issuer"),
			segments: change("segment"),
			crossings: change("crossing"),
			policies: { put: this.#put.policy, drop: this.#places },
			rateLimits: change("rate_limit"),
		};
	}
}

const exceptionsOf = (segment: string): string => JSON.stringify(JSON.parse(segment).path_exceptions);

const TOUCHED = `select h.kind, h.name, h.from_revision, h.to_revision, h.spec
	from firebreak.history h where (h.from_revision > $1 or h.to_revision > $1) and h.from_revision <= $3`;

/** One row for each object that may differ: what it is at the revision $3, and what it was at the base revision. */
const DIFFERENT = `select t.kind, t.name,
	min(t.spec::text) filter (where t.to_revision is null or t.to_revision > $3),
	min(t.spec::text) filter (where t.from_revision <= $1)
	from touched t group by t.kind, t.name`;

const CHANGED = `with touched as (${TOUCHED}) ${DIFFERENT} limit $2`;

/** Before them, of kind null, the head and how many rows of the history were looked at: as many as $2, and there are more. */
const FEW_CHANGED = `with touched as materialized (${TOUCHED} limit $2)
	select null, h.epoch, h.revision::text, (select count(*) from touched)::text from firebreak.head h
	union all ${DIFFERENT}`;

/** Greater than any revision. */
const NEWEST = "9223372036854775807";
/** More come within a transaction of their own, which may take longer than LIMITS.databaseStatementMs. */
const FEW_ROWS = 1_000;
