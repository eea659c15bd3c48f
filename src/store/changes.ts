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
 * From `base` to the newest revision; null when a whole load is due: another epoch, numbers that went back, a segment whose
 * path exceptions changed (policies that did not change compile otherwise then), or more than LIMITS.incrementalRows
 * objects that changed.
 */
export async function loadChanges(client: ClientBase, base: Pick<Head, "epoch" | "revision">): Promise<Changes | null> {
	const few = await loadFewChanges(client, base);
	return few === "many" ? loadManyChanges(client, base) : few;
}

/** One statement sees one instant, and what is asked in one goes to and fro once. */
async function loadFewChanges(
	client: ClientBase,
	base: Pick<Head, "epoch" | "revision">,
): Promise<Changes | null | "many"> {
	const collected = new Collected();
	let head: Pick<Head, "epoch" | "revision"> | null = null;
	let isMany = false;
	await streamRows(client, FEW_CHANGED, [base.revision, FEW_ROWS], ([kind, name, is, was]) => {
		if (kind !== null) return collected.add(kind!, name!, is!, was!);
		head = { epoch: name!, revision: Number(is) };
		isMany = Number(was) === FEW_ROWS;
	});
	if (head === null) throw new FirebreakError("store_unsuitable", "firebreak.head is empty: the schema is not whole");
	return isMany ? "many" : collected.from(base, head);
}

async function loadManyChanges(client: ClientBase, base: Pick<Head, "epoch" | "revision">): Promise<Changes | null> {
	return inOneInstant(client, async () => {
		const head = await readHead(client);
		const collected = new Collected();
		await streamRows(client, CHANGED, [base.revision, LIMITS.incrementalRows + 1], ([kind, name, is, was]) =>
			collected.add(kind!, name!, is!, was!),
		);
		return collected.from(base, head);
	});
}

/** Objects that differ, as they come. */
class Collected {
	readonly #put = emptyLists();
	readonly #drop = new Map<string, string[]>();
	readonly #places: PolicyPlace[] = [];
	#rows = 0;
	#otherExceptions = false;

	/** @param is what the object is now. @param was what it was at the base revision. Null: nothing. */
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
	from(base: Pick<Head, "epoch" | "revision">, { epoch, revision }: Pick<Head, "epoch" | "revision">): Changes | null {
		if (epoch !== base.epoch || revision < base.revision) return null;
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
	from firebreak.history h where h.from_revision > $1 or h.to_revision > $1`;

/** One row for each object that differs: what it is now, and what it was at the base revision. */
const DIFFERENT = `select t.kind, t.name,
	min(t.spec::text) filter (where t.to_revision is null),
	min(t.spec::text) filter (where t.from_revision <= $1)
	from touched t group by t.kind, t.name`;

const CHANGED = `with touched as (${TOUCHED}) ${DIFFERENT} limit $2`;

/** Before them, of kind null, the head and how many rows of the history were looked at: as many as $2, and there are more. */
const FEW_CHANGED = `with touched as materialized (${TOUCHED} limit $2)
	select null, h.epoch, h.revision::text, (select count(*) from touched)::text from firebreak.head h
	union all ${DIFFERENT}`;

/** More come within a transaction of their own, which may take longer than LIMITS.databaseStatementMs. */
const FEW_ROWS = 1_000;
