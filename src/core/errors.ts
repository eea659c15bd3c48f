/** Typed errors: a stable code for programs, a message that names the cause, and a cure for the operator. */

/** Every code that the program can raise; docs/reference/errors.md is tested against it. */
export const ERROR_CODES = [
	/** Configuration is missing, malformed or contradicts itself. */
	"config_invalid",
	/** Wrong usage of the command line. */
	"usage",
	/** A policy set does not compile. */
	"policy_invalid",
	/** A migration file is malformed, out of place, or its SQL failed. */
	"migration_invalid",
	/** An applied migration was edited, is missing, or the schema is newer than the program. */
	"migration_drift",
	/** Postgres, or another part around us, cannot be reached. */
	"dependency_unreachable",
	/** Postgres answers, but may not serve as a source (a standby, no schema). */
	"store_unsuitable",
	/** A snapshot file is damaged, of another format, or of another database. */
	"snapshot_invalid",
	/** An object that was asked for by name does not exist. */
	"not_found",
	/** Something that this version does not do. */
	"unsupported",
	/** A wait ended without what it waited for. */
	"timeout",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** One thing that is wrong and how to mend it; lists of these are what compile and configuration checks return. */
export interface Problem {
	/** What is wrong, `kind name`: `policy orders-reads-payments`, `FIREBREAK_GRPC_ADDR`. */
	readonly object: string;
	/** The column, argument or option, when one is at fault. */
	readonly field?: string;
	/** The cause, in one sentence without a full stop. Never holds a credential. */
	readonly message: string;
	/** What to do about it, in one sentence without a full stop. */
	readonly cure: string;
	/** The file that says it, and the line in it from 1, where they are known. */
	readonly file?: string;
	readonly line?: number;
}

/** One line for people: `object, field: message (cure)`, after `file:line: ` when the file is known. */
export function describeProblem({ object, field, message, cure, file, line }: Problem): string {
	const place = file === undefined ? "" : line === undefined ? `${file}: ` : `${file}:${line}: `;
	return `${place}${field ? `${object}, ${field}` : object}: ${message} (${cure})`;
}

export class FirebreakError extends Error {
	override readonly name = "FirebreakError";
	readonly code: ErrorCode;
	readonly problems: readonly Problem[];

	/** `message` is for operators: it names the cause and never holds a credential. */
	constructor(code: ErrorCode, message: string, options: { problems?: readonly Problem[]; cause?: unknown } = {}) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.code = code;
		this.problems = options.problems ?? [];
	}
}
