/**
 * The proof by digests that nothing was altered: each row has one that covers it and the digest before it. What proves it are
 * functions of the schema.
 */
import type { ClientBase } from "pg";
import type { Problem } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";

/** Each is how many rows are proven, and the digest of the newest in hex: who keeps that elsewhere can tell a chain that was written anew as a whole. */
export interface Proofs {
	/** The history of the policy set. */
	readonly history: { readonly revisions: number; readonly digest: string | null };
	/** The revocation lane. */
	readonly lane: { readonly revocations: number; readonly digest: string | null };
	/** What is recorded of applied files. */
	readonly records: { readonly migrations: number; readonly digest: string | null };
}

/** Adds what is not as it was written to `problems`, at most LIMITS.alteredRevisions of each chain. */
export async function readProofs(client: ClientBase, problems: Problem[]): Promise<Proofs> {
	for (const text of [ALTERED_REVISIONS, ALTERED_REVOCATIONS, ALTERED_MIGRATIONS]) {
		const { rows } = await client.query<{ object: string; problem: string }>(text, [LIMITS.alteredRevisions]);
		problems.push(...rows.map(({ object, problem }) => ({ object, message: problem, cure: RESTORE })));
	}
	const { rows } = await client.query<Record<"revisions" | "revocations" | "migrations", string> & Newest>(NEWEST);
	const { revisions, revocations, migrations, ...newest } = rows[0]!;
	return {
		history: { revisions: Number(revisions), digest: newest.revision },
		lane: { revocations: Number(revocations), digest: newest.revocation },
		records: { migrations: Number(migrations), digest: newest.migration },
	};
}

/** Digests. */
type Newest = Record<"revision" | "revocation" | "migration", string | null>;

/** Revisions are counted from 1 to the head; a digest covers those alone. */
const ALTERED_REVISIONS = `
	with head as (select h.revision from firebreak.head h)
	select 'revision ' || x.revision as object, x.problem from (
		select v.revision, v.problem from firebreak.verify_history() v
		union all
		select r.number, 'the revision is not one of those that the head counts'
		from firebreak.revision r, head where r.number not between 1 and head.revision
		union all
		select h.from_revision, format('%s %s has a state that no revision made', h.kind, h.name)
		from firebreak.history h, head
		where h.from_revision not between 1 and head.revision or h.to_revision > head.revision
	) x (revision, problem) order by x.revision limit $1`;
const ALTERED_REVOCATIONS = `
	select 'revocation ' || v.seq as object, v.problem from firebreak.verify_revocations() v order by v.seq limit $1`;
const ALTERED_MIGRATIONS = `
	select 'migration ' || v.name as object, v.problem from firebreak.verify_migrations() v
	order by v.name collate "C", v.problem limit $1`;

const NEWEST = `
	select h.revision as revisions, h.seq as revocations, coalesce(m.number, 0) as migrations,
		encode(r.digest, 'hex') as revision, encode(v.digest, 'hex') as revocation, encode(m.digest, 'hex') as migration
	from firebreak.head h
	left join firebreak.revision r on r.number = h.revision
	left join firebreak.revocation v on v.seq = h.seq
	left join firebreak.migration m on m.number = (select max(x.number) from firebreak.migration x)`;

const RESTORE = "find out who could write the schema's tables, and restore the database from a copy that verifies";
