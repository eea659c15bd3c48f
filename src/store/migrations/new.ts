/** `migrate new`: an empty migration with the right name, and the few lines that most migrations need. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FirebreakError } from "../../core/errors.ts";
import type { Clock } from "../../core/time.ts";
import { formatStamp, OWNER, SLUG } from "./files.ts";

export interface NewMigration {
	/** migrations/policy, or what `--dir` says. */
	readonly directory: string;
	readonly owner: string;
	/** Words, such as "orders reads payments"; blanks become underscores. */
	readonly name: string;
	readonly clock: Clock;
}

/** @returns the path of the new file @throws FirebreakError usage, migration_invalid */
export async function migrateNew(migration: NewMigration): Promise<string> {
	return writeMigration(migration, template(migration.owner));
}

/** Writes one more file, never over another. @returns its path @throws FirebreakError usage, migration_invalid */
export async function writeMigration({ directory, owner, name, clock }: NewMigration, text: string): Promise<string> {
	const slug = slugOf(name, "NAME");
	if (!OWNER.test(owner)) throw usage("--owner", `"${owner}" is no name of an owner`, "use letters, digits, . _ and -");
	const folder = join(directory, owner);
	const path = join(folder, `${formatStamp(clock())}_${slug}.sql`);
	try {
		await mkdir(folder, { recursive: true });
		await writeFile(path, text, { flag: "wx" });
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
		throw new FirebreakError("migration_invalid", `${path} cannot be written: ${code}`, {
			problems: [
				{
					object: "migration",
					message: code === "EEXIST" ? "the file is there already" : `it cannot be written: ${code}`,
					cure: code === "EEXIST" ? "wait a second, or choose another name" : "check the folder's permissions",
					file: path,
				},
			],
		});
	}
	return path;
}

/** @throws FirebreakError usage naming the argument or option */
export function slugOf(name: string, argument: string): string {
	const slug = name.trim().toLowerCase().replace(/\s+/g, "_");
	if (SLUG.test(slug)) return slug;
	throw usage(argument, `"${name}" is no name`, "use letters, digits, blanks, _ and -, as in orders_reads_payments");
}

function usage(object: string, message: string, cure: string): FirebreakError {
	return new FirebreakError("usage", message, { problems: [{ object, message, cure }] });
}

function template(owner: string): string {
	return `-- What this changes and why, for whoever reads it in a year.
--
-- State whole objects: an argument that is left out means its default. The file runs in one transaction with every other
-- pending one, without BEGIN and COMMIT, and never changes once it was applied. If it needs another owner's migration
-- first, make this the first line of the file:  -- requires: <owner>/<utc>_<slug>

-- select firebreak.allow(
-- 	name => 'orders-read-payments',
-- 	source => 'orders',
-- 	destination => 'payments',
-- 	owner => '${owner}',
-- 	methods => array['GET'],
-- 	paths => array['/v1/payments/{id}'],
-- 	scopes => array['payments:read'],
-- 	reason => 'orders shows the state of a payment'
-- );
`;
}
