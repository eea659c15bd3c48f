/** Answers that are no success, as application/problem+json (RFC 9457). Nothing internal is ever in one. */
import type { FastifyReply } from "fastify";
import { FirebreakError } from "../core/errors.ts";
import { redactSecrets } from "../core/redact.ts";

export interface FieldError {
	readonly field: string;
	readonly message: string;
}

/** An answer that a route gives by throwing it. */
export class HttpProblem extends Error {
	override readonly name = "HttpProblem";
	readonly status: number;
	readonly errors: readonly FieldError[];

	/** `title` is shown to the client. */
	constructor(status: number, title: string, errors: readonly FieldError[] = []) {
		super(title);
		this.status = status;
		this.errors = errors;
	}
}

/** Nothing that the client pasted in a wrong place is told on, by itself or in the name of a field. */
export function sendProblem(reply: FastifyReply, { status, message, errors }: HttpProblem): FastifyReply {
	const body = { type: "about:blank", title: message, status, ...(errors.length > 0 ? { errors } : {}) };
	return reply
		.code(status)
		.type("application/problem+json")
		.send(redactSecrets(JSON.stringify(body)));
}

/** Titles of what fastify refuses by itself. */
const REFUSED: Readonly<Record<number, string>> = {
	400: "The request is malformed",
	413: "The body is too large",
	414: "The path is too long",
	415: "The body is no application/json",
};

/**
 * What a client is told of anything that was thrown. Null: it is a bug or an outage, to be logged, and the client is told
 * only that.
 */
export function problemOf(error: unknown): HttpProblem | null {
	if (error instanceof HttpProblem) return error;
	if (error instanceof FirebreakError) {
		if (error.code === "usage") return new HttpProblem(400, error.message);
		if (error.code === "not_found") return new HttpProblem(404, error.message);
		if (error.code === "unsupported") return new HttpProblem(422, error.message);
		return null;
	}
	const { statusCode } = (error ?? {}) as { statusCode?: unknown };
	const title = typeof statusCode === "number" ? REFUSED[statusCode] : undefined;
	return title === undefined ? null : new HttpProblem(statusCode as number, title);
}

/** What stands in for a bug (500) or an outage (503). */
export function failure(error: unknown): HttpProblem {
	const away = error instanceof FirebreakError && ["dependency_unreachable", "timeout"].includes(error.code);
	return away ? new HttpProblem(503, "The database cannot be reached") : new HttpProblem(500, "Internal error");
}
