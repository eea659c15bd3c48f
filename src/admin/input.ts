/** What clients of the admin side send, checked. */
import { z } from "zod";
import type { FlowQuery } from "../audit/reader.ts";
import { parseDuration } from "../core/duration.ts";
import type { ExplainQuery } from "../core/explanation.ts";
import { LIMITS } from "../core/limits.ts";
import { HttpProblem } from "./problem.ts";

const endpoint = z.string().min(1).max(LIMITS.spiffeIdBytes);
export const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const EXPLAIN = z.strictObject({
	source: endpoint,
	destination: endpoint,
	method: z.string().min(1).max(LIMITS.methodBytes).default("GET"),
	path: z
		.string()
		.min(1)
		.max(LIMITS.pathBytes + LIMITS.queryBytes),
	headers: z
		.record(z.string().min(1).max(LIMITS.nameBytes), z.string().max(LIMITS.headerValueBytes))
		.default({})
		.transform((headers) =>
			Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
		),
	token: z.string().min(1).max(LIMITS.tokenBytes).nullable().default(null),
	at: instant.nullable().default(null),
});

/** The body of `POST /v1/explain`. @throws HttpProblem 400 that names each field; values are never quoted. */
export function readExplainQuery(body: unknown): ExplainQuery {
	return read(EXPLAIN, body);
}

/** How many rows one answer lists, in a query. */
export const count = z
	.string()
	.regex(/^\d{1,9}$/)
	.transform(Number)
	.pipe(z.number().min(1).max(LIMITS.adminRows));

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const FLOWS = z.strictObject({
	source: endpoint.optional(),
	destination: endpoint.optional(),
	/** An instant, or a duration back from now. */
	since: z.string().optional(),
	until: instant.optional(),
	limit: count.default(100),
});

/** The query of `GET /v1/flows`; by default the last hour. @throws HttpProblem 400 */
export function readFlowQuery(query: unknown, now: number): FlowQuery {
	const { source, destination, since, until, limit } = read(FLOWS, query);
	const end = until ?? now + HOUR_MS;
	const begin = since === undefined ? now - HOUR_MS : readSince(since, now);
	if (begin >= end)
		throw new HttpProblem(400, "The query is wrong", [{ field: "since", message: "is not before until" }]);
	return { source: source ?? null, destination: destination ?? null, since: begin, until: end, limit };
}

function readSince(text: string, now: number): number {
	const back = parseDuration(text);
	if (back !== null && back <= 3_650 * DAY_MS) return now - back;
	const at = instant.safeParse(text);
	if (at.success) return at.data;
	const message = "is neither a duration such as 6h nor an instant such as 2026-01-31T12:00:00Z";
	throw new HttpProblem(400, "The query is wrong", [{ field: "since", message }]);
}

/** Ids are opaque; this only keeps nonsense from the database. @throws HttpProblem 404 */
export function readDecisionId(text: string): string {
	if (!/^[\x21-\x7e]{1,128}$/.test(text)) throw new HttpProblem(404, "No decision has this id");
	return text;
}

/** @throws HttpProblem 400 that names each field; values are never quoted. */
export function read<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
	const result = schema.safeParse(value);
	if (result.success) return result.data;
	const errors = result.error.issues.map(({ path, message, code, ...rest }) => ({
		// An unknown key stands in `keys`; it is the client's own word, and short.
		field: code === "unrecognized_keys" ? (rest as { keys: string[] }).keys.join(", ").slice(0, 200) : path.join("."),
		message: code === "unrecognized_keys" ? "is not known" : message,
	}));
	throw new HttpProblem(400, "The request is wrong", errors);
}
