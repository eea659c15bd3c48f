/** `migrate undo`: forward migrations that put the policy set, or one owner's part of it, back as it was. Applies nothing. */
import type { ClientBase } from "pg";
import type { ObjectChange, ObjectSpec } from "../../../core/diff/objects.ts";
import { type LookUp, planUndo, type UndoPlan, type UndoStep } from "../../../core/diff/undo.ts";
import { FirebreakError } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import type { Clock } from "../../../core/time.ts";
import { type Head, readHead } from "../../head.ts";
import { inOneInstant } from "../../load.ts";
import { readObjectChanges } from "../../object-changes.ts";
import type { Database } from "../../pool.ts";
import { streamRows } from "../../stream.ts";
import { formatStamp } from "../files.ts";
import { slugOf, writeMigration } from "../new.ts";
import { writeStep } from "./call.ts";
import { oneLine } from "./literal.ts";

export interface UndoOptions {
	/** migrations/policy, or what `--dir` says. */
	readonly directory: string;
	readonly toRevision: number;
	/** Only this owner's part; null: the whole set, in one file or more for each owner concerned. */
	readonly owner: string | null;
	/** Of the files; null: undo_to_revision_N. */
	readonly name: string | null;
	readonly clock: Clock;
}

export interface UndoOutcome {
	/** The revision that was undone to. */
	readonly toRevision: number;
	/** The newest revision, which the files were made against. */
	readonly head: Head;
	/** In the order in which they are applied; none when there is nothing to put back. */
	readonly files: readonly { readonly path: string; readonly owner: string; readonly statements: number }[];
	/** What was left as it is, since it goes to this owner from another, or the other way: with that other owner. */
	readonly left: UndoPlan["left"];
}

interface RevisionRow {
	readonly number: string;
	readonly at: Date;
	readonly by: string;
	readonly migrations: readonly string[];
}

/** @throws FirebreakError not_found for a revision or an owner that does not exist; usage, migration_invalid, dependency_unreachable. */
export async function migrateUndo(database: Database, options: UndoOptions): Promise<UndoOutcome> {
	const { toRevision, owner, directory, clock } = options;
	const name = slugOf(options.name ?? `undo_to_revision_${toRevision}`, "--name");
	const { head, changes, present, operators, undone } = await database.withClient((client) =>
		inOneInstant(client, async () => {
			const newest = await readHead(client);
			if (toRevision > newest.revision) {
				throw new FirebreakError("not_found", `there is no revision ${toRevision}: the newest is ${newest.revision}`);
			}
			const changed = await readObjectChanges(client, toRevision);
			if (owner !== null) await requireOwner(client, owner, changed);
			return {
				head: newest,
				changes: changed,
				present: await readPresent(client),
				operators: await readOperators(client),
				undone: await readRevisions(client, toRevision),
			};
		}),
	);
	const { files: plan, left } = planUndo(changes, { present, operators, only: owner });
	// One second apart, so that their times say in which order they run.
	const start = clock();
	const names = plan.map((steps, index) => `${steps[0]!.owner}/${formatStamp(start + index * 1_000)}_${name}`);
	const files: UndoOutcome["files"][number][] = [];
	for (const [index, steps] of plan.entries()) {
		const writer = steps[0]!.owner;
		const text = writeFileText(steps, { options, head, undone, requires: names.slice(0, index) });
		const path = await writeMigration({ directory, owner: writer, name, clock: () => start + index * 1_000 }, text);
		files.push({ path, owner: writer, statements: steps.length });
	}
	return { toRevision, head, files, left };
}

async function requireOwner(client: ClientBase, owner: string, changes: readonly ObjectChange[]): Promise<void> {
	if (changes.some(({ kind, name, before }) => kind === "owner" && name === owner && before !== null)) return;
	const { rows } = await client.query("select from firebreak.owner where name = $1", [owner]);
	if (rows.length > 0) return;
	throw new FirebreakError("not_found", `there is no owner ${JSON.stringify(owner)}, now or then`, {
		problems: [{ object: "--owner", message: `${JSON.stringify(owner)} is no owner`, cure: "correct the name" }],
	});
}

/** What objects belong to, as it is now. */
async function readPresent(client: ClientBase): Promise<LookUp> {
	const specs = new Map<string, ObjectSpec>();
	const text = "select kind, name, spec::text from firebreak.object where kind in ('domain', 'segment', 'issuer')";
	await streamRows(client, text, [], ([kind, name, spec]) => specs.set(`${kind} ${name}`, JSON.parse(spec!)));
	return (kind, name) => specs.get(`${kind} ${name}`) ?? null;
}

/**
 * Owners and domains are written by operators: in the folder where that was done last, or in that of an owner without a
 * role. The files of a folder that no owner has are operators', too.
 */
async function readOperators(client: ClientBase): Promise<string> {
	const { rows } = await client.query<{ folder: string }>(OPERATORS);
	return rows[0]?.folder ?? "operators";
}

async function readRevisions(client: ClientBase, after: number): Promise<readonly RevisionRow[]> {
	const { rows } = await client.query<RevisionRow>(
		'select number, at, "by", migrations from firebreak.revision where number > $1 order by number desc limit $2',
		[after, LIMITS.undoneRevisions],
	);
	return rows;
}

interface Surroundings {
	readonly options: UndoOptions;
	readonly head: Head;
	readonly undone: readonly RevisionRow[];
	/** Migrations that have to run before. */
	readonly requires: readonly string[];
}

function writeFileText(
	steps: readonly UndoStep[],
	{ options: { toRevision, owner }, head, undone, requires }: Surroundings,
): string {
	const part = owner === null ? "the policy set" : `${owner}'s part of the policy set`;
	const lines = [
		...(requires.length > 0 ? [`-- requires: ${requires.join(", ")}`] : []),
		`-- Puts ${part} back as it was at revision ${toRevision}: undoes ${describeRange(toRevision, head.revision)}.`,
		...undone.map((row) => `--   ${describeRevision(row)}`),
		...(head.revision - toRevision > undone.length ? ["--   ..."] : []),
		...(requires.length > 0 ? ["-- One of several files, which belong together: apply them in one run."] : []),
	];
	return `${lines.join("\n")}\n\n${steps.map(writeStep).join("\n")}`;
}

const describeRange = (from: number, to: number): string =>
	to === from + 1 ? `revision ${to}` : `revisions ${from + 1} to ${to}`;

function describeRevision({ number, at, by, migrations }: RevisionRow): string {
	const by_ = migrations.length === 0 ? "by hand" : migrations.join(", ");
	return oneLine(`${number}, ${at.toISOString()}, ${by}: ${by_}`);
}

const OPERATORS = `
	(select split_part(h.migration, '/', 1) as folder from firebreak.history h
		where h.kind in ('owner', 'domain') and h.migration is not null order by h.from_revision desc, h.name limit 1)
	union all
	(select o.name from firebreak.owner o where o.role is null order by o.name limit 1)
	limit 1`;
