/** Migration files as they lie on disk: their names, checksums, and the order that they state. */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FirebreakError, type Problem } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { splitStatements } from "./statements.ts";

export interface MigrationFile {
	/** What the database knows it by: `schema/0001_foundation`, `orders/20260114093000_read_payments`. */
	readonly name: string;
	/** The folder under migrations/policy; null for a file of the schema itself. */
	readonly owner: string | null;
	/** `YYYYMMDDhhmmss` of a policy file, the number of a schema file. */
	readonly stamp: string;
	/** Where it lies, as messages show it. */
	readonly path: string;
	readonly text: string;
	/** SHA-256 in hex, line ends aside: a checkout with CRLF is the same file. */
	readonly checksum: string;
	/** Names of policy files that come before it whatever their time says. */
	readonly requires: readonly string[];
}

/** The schema's own files, shipped with the program: `migrations/schema/` beside `src/` and `dist/` alike. */
export const SCHEMA_DIRECTORY = fileURLToPath(new URL("../../../migrations/schema", import.meta.url));

/** Reads `NNNN_slug.sql` files in the order of their numbers. @throws FirebreakError migration_invalid */
export async function readSchemaFiles(directory: string): Promise<readonly MigrationFile[]> {
	const files: MigrationFile[] = [];
	for (const entry of await list(directory)) {
		if (!entry.endsWith(".sql")) continue;
		const path = join(directory, entry);
		const stamp = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(entry)?.[1];
		if (!stamp) throw invalid(path, "its name is not NNNN_slug.sql", "rename it, as in 0007_passports.sql");
		files.push(await readMigration(path, null, `schema/${entry.slice(0, -SUFFIX_LENGTH)}`, stamp));
	}
	return files;
}

/**
 * Reads every `<owner>/<utc>_<slug>.sql` below the directory, in timestamp order. An absent directory has none.
 * @throws FirebreakError migration_invalid with every misplaced or misnamed file.
 */
export async function readPolicyFiles(directory: string): Promise<readonly MigrationFile[]> {
	const files: MigrationFile[] = [];
	const problems: Problem[] = [];
	for (const owner of await list(directory)) {
		const folder = join(directory, owner);
		if (!(await stat(folder)).isDirectory()) {
			if (ANY_SQL.test(owner)) problems.push(problem(folder, "it lies in no owner's folder", MOVE));
			continue;
		}
		for (const entry of await list(folder)) {
			const path = join(folder, entry);
			if (!ANY_SQL.test(entry)) {
				for (const deep of await listDeep(path)) problems.push(problem(deep, "it lies in a folder of its own", MOVE));
				continue;
			}
			const stamp = stampOf(entry);
			if (!OWNER.test(owner)) problems.push(problem(path, `${owner} is no name of an owner`, MOVE));
			else if (stamp === null) problems.push(problem(path, "its name is not <utc>_<slug>.sql", NAME));
			else files.push(await readMigration(path, owner, `${owner}/${entry.slice(0, -SUFFIX_LENGTH)}`, stamp));
		}
	}
	if (problems.length > 0) {
		throw new FirebreakError("migration_invalid", `misplaced or misnamed files in ${directory}`, { problems });
	}
	return files.sort(byTime);
}

/** Sorts by time; at the same time, by name. */
export function byTime(a: MigrationFile, b: MigrationFile): number {
	if (a.stamp !== b.stamp) return a.stamp < b.stamp ? -1 : 1;
	return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

async function list(directory: string): Promise<readonly string[]> {
	try {
		return (await readdir(directory)).filter((entry) => !entry.startsWith(".")).sort();
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
		throw unreadable(directory, error);
	}
}

/** SQL files anywhere below a folder that no owner has: nobody would apply them. None when it is no folder. */
async function listDeep(path: string): Promise<readonly string[]> {
	if (!(await stat(path)).isDirectory()) return [];
	const entries = await readdir(path, { recursive: true });
	return entries
		.filter((entry) => ANY_SQL.test(entry))
		.sort()
		.map((entry) => join(path, entry));
}

async function readMigration(path: string, owner: string | null, name: string, stamp: string): Promise<MigrationFile> {
	const bytes = await readFile(path).catch((error: unknown) => {
		throw unreadable(path, error);
	});
	if (bytes.length > LIMITS.migrationFileBytes) {
		throw invalid(path, `it is larger than ${LIMITS.migrationFileBytes} bytes`, "split it into several files");
	}
	let text: string;
	try {
		text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).replaceAll("\r\n", "\n");
	} catch {
		throw invalid(path, "it is not UTF-8", "save it as UTF-8");
	}
	if (text.includes("\0")) throw invalid(path, "it holds a NUL character", "save it as plain text");
	const checksum = createHash("sha256").update(text).digest("hex");
	return { name, owner, stamp, path, text, checksum, requires: owner === null ? [] : requirementsOf(text, path) };
}

/** The optional first line: `-- requires: orders/20260114093000_a, platform/20260102000000_b`. */
function requirementsOf(text: string, path: string): readonly string[] {
	const end = text.indexOf("\n");
	const line = REQUIRES.exec(end < 0 ? text : text.slice(0, end));
	if (!line) return [];
	return line[1]!.split(",").map((item) => {
		const name = item.trim().replace(/\.sql$/, "");
		if (!REQUIREMENT.test(name)) {
			throw invalid(
				path,
				`"${item.trim()}" in its requires line names no migration`,
				"write -- requires: <owner>/<utc>_<slug>[, ...]",
				1,
			);
		}
		return name;
	});
}

/**
 * The line of a `-- requires:` before the first statement that is not the first line, or does not begin it: nobody would
 * heed it. Null when there is none.
 */
export function unheededRequirement({ text }: MigrationFile): number | null {
	for (const { 0: found, index } of text.matchAll(MEANT_AS_REQUIRES)) {
		if (index === 0 && found.startsWith("--")) continue;
		const line = text.slice(0, index).split("\n").length;
		const first = splitStatements(text)[0];
		return first === undefined || line < first.line ? line : null;
	}
	return null;
}

/** The 14 digits of `20260114093000_slug.sql` when they are a real instant, else null. */
function stampOf(entry: string): string | null {
	const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)_[a-z0-9]+(?:[_-][a-z0-9]+)*\.sql$/.exec(entry);
	if (!match) return null;
	const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
		number,
		number,
		number,
		number,
		number,
		number,
	];
	const instant = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
	return formatStamp(instant.getTime()) === entry.slice(0, STAMP_LENGTH) ? entry.slice(0, STAMP_LENGTH) : null;
}

/** `YYYYMMDDhhmmss` in UTC, of milliseconds since the epoch. */
export function formatStamp(instant: number): string {
	return new Date(instant).toISOString().replace(/\D/g, "").slice(0, STAMP_LENGTH);
}

function problem(path: string, message: string, cure: string, line?: number): Problem {
	return { object: "migration", message, cure, file: path, ...(line === undefined ? {} : { line }) };
}

function invalid(path: string, message: string, cure: string, line?: number): FirebreakError {
	return new FirebreakError("migration_invalid", `the migration ${path} is not usable`, {
		problems: [problem(path, message, cure, line)],
	});
}

function unreadable(path: string, cause: unknown): FirebreakError {
	const code = (cause as NodeJS.ErrnoException).code ?? "unknown error";
	return new FirebreakError("migration_invalid", `${path} cannot be read: ${code}`, {
		problems: [problem(path, `it cannot be read: ${code}`, "correct the path, or its permissions")],
	});
}

/** As the schema has names of owners. */
export const OWNER = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
export const SLUG = /^[a-z0-9]+(?:[_-][a-z0-9]+)*$/;
/** What a file of SQL may be called; only `.sql` is applied, and what looks like it is not left out in silence. */
const ANY_SQL = /\.sql$/i;
const REQUIRES = /^--[ \t]*requires[ \t]*:(.*)$/i;
const MEANT_AS_REQUIRES = /^[ \t]*--[ \t]*requires[ \t]*:/gim;
const REQUIREMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]*\/\d{14}_[a-z0-9_-]+$/;
const STAMP_LENGTH = 14;
const SUFFIX_LENGTH = ".sql".length;
const NAME = "rename it as firebreak migrate new would: 20260114093000_read_payments.sql, the time in UTC";
const MOVE = "move it to <owner>/<utc>_<slug>.sql";
