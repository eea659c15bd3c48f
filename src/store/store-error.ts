/** What Postgres and its driver throw, as typed errors that name the database and never a credential. */
import { DatabaseError } from "pg";
import { FirebreakError } from "../core/errors.ts";

/** `database` is the text of describeDatabase. A FirebreakError passes through; anything unknown is rethrown as it came. */
export function storeError(error: unknown, database: string): unknown {
	if (error instanceof FirebreakError) return error;
	const problem = (message: string, cure: string) => ({ object: `database ${database}`, message, cure });
	if (isUnreachable(error)) {
		const message = describeCause(error);
		const code = error instanceof DatabaseError ? error.code : undefined;
		const [what, cure] = UNREACHABLE[code ?? ""] ?? ["cannot be reached", START];
		return new FirebreakError("dependency_unreachable", `Postgres at ${database} ${what}: ${message}`, {
			problems: [problem(message, cure)],
		});
	}
	if (!(error instanceof DatabaseError)) return error;
	switch (error.code) {
		case UNDEFINED_COLUMN:
			return new FirebreakError(
				"store_unsuitable",
				`the schema in the database ${database} is older than this program`,
				{
					problems: [problem(error.message, MIGRATE)],
				},
			);
		case UNDEFINED_TABLE:
		case UNDEFINED_FUNCTION:
		case INVALID_SCHEMA: {
			const message = `the database ${database} lacks Firebreak's schema, or has an older one than this program`;
			return new FirebreakError("store_unsuitable", message, { problems: [problem(error.message, MIGRATE)] });
		}
		case READ_ONLY:
			return new FirebreakError("store_unsuitable", `the database ${database} takes no writes: ${error.message}`, {
				problems: [problem(error.message, "name the primary in DATABASE_URL; a read-only standby cannot be written")],
			});
		case TOO_SLOW:
			return new FirebreakError("dependency_unreachable", `Postgres at ${database} took too long: ${error.message}`, {
				problems: [problem(error.message, "find in pg_stat_activity what holds or slows it; it is tried again")],
			});
		case INVALID_CATALOG:
			return new FirebreakError("store_unsuitable", `the database ${database} does not exist`, {
				problems: [problem(error.message, "create it, or correct DATABASE_URL")],
			});
		case INSUFFICIENT_PRIVILEGE:
			return new FirebreakError("store_unsuitable", `the role of DATABASE_URL may not do this: ${error.message}`, {
				problems: [
					problem(error.message, "connect as a member of firebreak_server, or of the role that the task needs"),
				],
			});
		default:
			return error;
	}
}

/** Whether trying again later may help: the network, a starting or stopping server, too many connections, a login. */
export function isUnreachable(error: unknown): boolean {
	if (error instanceof DatabaseError) return UNREACHABLE_STATES.test(error.code ?? "");
	const { errors, code, message } = partsOf(error);
	if (errors) return errors.some(isUnreachable);
	return (typeof code === "string" && SYSTEM_CODES.test(code)) || DRIVER_MESSAGES.test(message);
}

/**
 * Whether the database itself said no to a transaction, so that nothing of it is there. Otherwise nobody knows: when the
 * connection is lost during COMMIT, the answer may have been yes.
 */
export function wasRefused(error: unknown): boolean {
	if (error instanceof FirebreakError) return error.code !== "dependency_unreachable";
	return error instanceof DatabaseError && !isUnreachable(error);
}

/** One line. Node gives no message to the error that sums up the attempts at several addresses. */
export function describeCause(error: unknown): string {
	const { errors, message } = partsOf(error);
	return errors ? errors.map(describeCause).join("; ") : message;
}

/** Told by its parts: an error of Node's own may come from another realm, where `instanceof` does not hold. */
function partsOf(error: unknown): { errors: readonly unknown[] | null; code: unknown; message: string } {
	if (typeof error !== "object" || error === null) return { errors: null, code: undefined, message: String(error) };
	const { errors, code, message } = error as { errors?: unknown; code?: unknown; message?: unknown };
	return { errors: Array.isArray(errors) && errors.length > 0 ? errors : null, code, message: String(message ?? "") };
}

const START = "start Postgres, or correct host, port and credentials in DATABASE_URL";
const WAIT = "none if somebody restarts it or fails it over: it is tried again; else start it";
/** What Postgres says of itself, by SQLSTATE: in other words than those of a network that leads nowhere. */
const UNREACHABLE: Readonly<Record<string, readonly [what: string, cure: string]>> = {
	"28000": ["refuses the login", "correct user and database in DATABASE_URL, or pg_hba.conf"],
	"28P01": ["refuses the login", "correct user and password in DATABASE_URL"],
	"53300": ["has no connection left", "raise max_connections, or let fewer programs connect"],
	"57P01": ["is shut down, or ended this connection", WAIT],
	"57P02": ["ended this connection after one of its processes crashed", "look into Postgres' log; it is tried again"],
	"57P03": ["is starting up or shutting down", WAIT],
	"57P05": [
		"ended this connection, which was idle for longer than it allows",
		"raise idle_session_timeout for this role",
	],
};

const MIGRATE = "run: firebreak migrate up";
const UNDEFINED_COLUMN = "42703";
const UNDEFINED_TABLE = "42P01";
const UNDEFINED_FUNCTION = "42883";
const INVALID_SCHEMA = "3F000";
const INVALID_CATALOG = "3D000";
const READ_ONLY = "25006";
const TOO_SLOW = "57014";
const INSUFFICIENT_PRIVILEGE = "42501";
/** Classes 08 (connection) and 28 (login), 53300 (too many connections), 57P (shutting down, starting up). */
const UNREACHABLE_STATES = /^(08|28)|^53300$|^57P/;
const SYSTEM_CODES =
	/^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EPIPE|EHOST|ENET|ENOENT|EACCES|ERR_TLS|ERR_SSL)|CERT|SELF_SIGNED/;
const DRIVER_MESSAGES =
	/^(Connection terminated|timeout expired|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed|Postgres fell silent|The server does not support SSL)/;
