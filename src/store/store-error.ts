/** What Postgres and its driver throw, as typed errors that name the database and never a credential. */
import { DatabaseError } from "pg";
import { FirebreakError } from "../core/errors.ts";

/** `database` is the text of describeDatabase. A FirebreakError passes through; anything unknown is rethrown as it came. */
export function storeError(error: unknown, database: string): unknown {
	if (error instanceof FirebreakError) return error;
	const problem = (message: string, cure: string) => ({ object: `database ${database}`, message, cure });
	if (isUnreachable(error)) {
		const message = describeCause(error);
		return new FirebreakError("dependency_unreachable", `Postgres at ${database} cannot be reached: ${message}`, {
			problems: [problem(message, "start Postgres, or correct host, port and credentials in DATABASE_URL")],
		});
	}
	if (!(error instanceof DatabaseError)) return error;
	switch (error.code) {
		case UNDEFINED_TABLE:
		case UNDEFINED_FUNCTION:
		case INVALID_SCHEMA:
			return new FirebreakError("store_unsuitable", `the database ${database} lacks Firebreak's schema`, {
				problems: [problem(error.message, "run: firebreak migrate up")],
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

const UNDEFINED_TABLE = "42P01";
const UNDEFINED_FUNCTION = "42883";
const INVALID_SCHEMA = "3F000";
const INVALID_CATALOG = "3D000";
const INSUFFICIENT_PRIVILEGE = "42501";
/** Classes 08 (connection) and 28 (login), 53300 (too many connections), 57P (shutting down, starting up). */
const UNREACHABLE_STATES = /^(08|28)|^53300$|^57P/;
const SYSTEM_CODES =
	/^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EPIPE|EHOST|ENET|ENOENT|EACCES|ERR_TLS|ERR_SSL)|CERT|SELF_SIGNED/;
const DRIVER_MESSAGES =
	/^(Connection terminated|timeout expired|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed|Postgres fell silent|The server does not support SSL)/;
