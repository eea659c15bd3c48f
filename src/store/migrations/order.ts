/** Which files a run applies, and in what order. */
import { FirebreakError, type Problem } from "../../core/errors.ts";
import { byTime, type MigrationFile, unheededRequirement } from "./files.ts";

/**
 * The policy files that are not applied yet, in the order of their times, each behind what it requires.
 * @throws FirebreakError migration_invalid that names every missing requirement, every cycle, and every `-- requires:`
 * that stands where it is not read.
 */
export function orderPending(files: readonly MigrationFile[], applied: ReadonlySet<string>): readonly MigrationFile[] {
	const known = new Map(files.map((file) => [file.name, file]));
	const problems: Problem[] = [];
	const order: MigrationFile[] = [];
	const done = new Set<string>();
	const open: string[] = [];

	const visit = (file: MigrationFile): void => {
		if (applied.has(file.name) || done.has(file.name)) return;
		if (open.includes(file.name)) {
			const cycle = [...open.slice(open.indexOf(file.name)), file.name].join(" requires ");
			problems.push(complaint(file, `its requirements go in a circle: ${cycle}`, "remove one of these requirements"));
			return;
		}
		const line = unheededRequirement(file);
		if (line !== null) problems.push({ ...complaint(file, UNHEEDED, "make it the first line of the file"), line });
		open.push(file.name);
		for (const name of file.requires) {
			const requirement = known.get(name);
			if (requirement) visit(requirement);
			else if (!applied.has(name)) {
				problems.push(
					complaint(file, `it requires ${name}, which does not exist`, "add that file, or correct the name"),
				);
			}
		}
		open.pop();
		if (done.has(file.name)) return;
		done.add(file.name);
		order.push(file);
	};
	for (const file of [...files].sort(byTime)) visit(file);
	if (problems.length > 0) {
		throw new FirebreakError("migration_invalid", "the migrations cannot be put in order", { problems });
	}
	return order;
}

/**
 * Only what `--to` asks for: files up to a time (`20260114` is the end of that day) or up to a migration by name.
 * @throws FirebreakError usage when it is neither; migration_invalid when a file would miss what it requires.
 */
export function limitTo(pending: readonly MigrationFile[], to: string): readonly MigrationFile[] {
	const kept = /^\d{4,14}$/.test(to)
		? pending.filter((file) => file.stamp.slice(0, to.length) <= to)
		: pending.slice(0, pending.findIndex((file) => file.name === to.replace(/\.sql$/, "")) + 1);
	if (kept.length === 0 && !/^\d{4,14}$/.test(to)) {
		throw new FirebreakError("usage", `--to ${to} names no pending migration`, {
			problems: [
				{
					object: "--to",
					message: `${to} is no pending migration`,
					cure: "give a time such as 20260114093000, or <owner>/<utc>_<slug>; see firebreak migrate status",
				},
			],
		});
	}
	const names = new Set(kept.map((file) => file.name));
	const waiting = new Set(pending.map((file) => file.name));
	const problems = kept.flatMap((file) =>
		file.requires
			.filter((name) => waiting.has(name) && !names.has(name))
			.map((name) => complaint(file, `it requires ${name}, which lies behind --to ${to}`, "raise --to")),
	);
	if (problems.length > 0) {
		throw new FirebreakError("migration_invalid", `--to ${to} leaves out what is required`, { problems });
	}
	return kept;
}

const UNHEEDED = "its requires line is not the first line, and only there it is read";

function complaint(file: MigrationFile, message: string, cure: string): Problem {
	return { object: `migration ${file.name}`, field: "requires", message, cure, file: file.path, line: 1 };
}
