/**
 * Structured logs. A line is a fixed sentence and named fields (names.ts); there is no way to hand over a whole object,
 * a header map or a token, so that nothing has to be redacted afterwards.
 */
import { type DestinationStream, pino } from "pino";
import { describeProblem, FirebreakError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { redactSecrets } from "../core/redact.ts";
import { LOG_FIELDS, type LogField, SERVICE_NAME } from "./names.ts";

export type LogValue = string | number | boolean | null | undefined;
export type LogFields = { readonly [F in LogField]?: LogValue } & {
	/** An error of ours is told in full; of any other only name, code and stack frames, since messages may quote input. */
	readonly error?: unknown;
};

export interface Logger {
	/** `message` is a constant: what varies goes into fields. */
	debug(message: string, fields?: LogFields): void;
	info(message: string, fields?: LogFields): void;
	warn(message: string, fields?: LogFields): void;
	error(message: string, fields?: LogFields): void;
	fatal(message: string, fields?: LogFields): void;
}

export interface LoggerOptions {
	/** One of pino's levels, or `silent`. */
	readonly level: string;
	readonly version: string;
	/** Standard output unless given. */
	readonly destination?: DestinationStream;
}

/** A logger that writes one JSON object a line: `level`, `time` (ISO 8601), `service`, `version`, `msg`, and the fields. */
export function createLogger({ level, version, destination }: LoggerOptions): Logger {
	const out = pino(
		{
			level,
			base: { service: SERVICE_NAME, version },
			timestamp: pino.stdTimeFunctions.isoTime,
			formatters: { level: (label) => ({ level: label }) },
		},
		destination ?? pino.destination(1),
	);
	return {
		debug: (message, fields) => out.isLevelEnabled("debug") && out.debug(lineOf(fields), message),
		info: (message, fields) => out.info(lineOf(fields), message),
		warn: (message, fields) => out.warn(lineOf(fields), message),
		error: (message, fields) => out.error(lineOf(fields), message),
		fatal: (message, fields) => out.fatal(lineOf(fields), message),
	};
}

const KNOWN: ReadonlySet<string> = new Set(LOG_FIELDS);

function lineOf(fields: LogFields = {}): Record<string, LogValue | readonly string[]> {
	const line: Record<string, LogValue | readonly string[]> = {};
	for (const [name, value] of Object.entries(fields)) {
		if (KNOWN.has(name)) line[name] = typeof value === "string" ? bounded(value) : (value as LogValue);
	}
	if (fields.error !== undefined) Object.assign(line, describeError(fields.error));
	return line;
}

/** What a log line tells of an error. */
export function describeError(error: unknown): Record<string, string | readonly string[]> {
	if (error instanceof FirebreakError) {
		const told = { error: error.code, error_message: bounded(error.message) };
		const problems = error.problems.slice(0, LIMITS.logProblems).map((problem) => bounded(describeProblem(problem)));
		return problems.length > 0 ? { ...told, problems } : told;
	}
	if (!(error instanceof Error)) return { error: typeof error };
	const { code } = error as { code?: unknown };
	const frames = error.stack?.match(/^ {4}at .+$/gm) ?? [];
	return {
		error: error.name,
		...(typeof code === "string" || typeof code === "number" ? { error_code: bounded(String(code)) } : {}),
		error_stack: frames.map((frame) => frame.trim()),
	};
}

function bounded(text: string): string {
	return redactSecrets(text.slice(0, LIMITS.logValueChars));
}
