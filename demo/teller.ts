/** Sends a line of the story through Envoy and learns what Firebreak decided. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { FirebreakError } from "../src/core/errors.ts";
import type { ClientResponse } from "./client.ts";
import type { Issuers } from "./issuers.ts";
import type { Line, Shown } from "./story.ts";
import type { Echo } from "./upstream.ts";
import type { World } from "./world.ts";

/** Firebreak's own words, from the dynamic metadata that it gave Envoy for the access log. */
export interface Verdict {
	readonly decision: "allow" | "deny";
	readonly reason: string;
	readonly detail?: string;
	readonly policy?: string;
	readonly revision: number;
	readonly mode: string;
	readonly source?: string;
	readonly destination?: string;
	readonly would?: { readonly reason: string; readonly detail?: string };
}

/** A line that was sent and answered. */
export interface Answered {
	readonly response: ClientResponse;
	/** Of the caller's trace context, which it sent along. */
	readonly traceId: string;
	readonly spanId: string;
	/** From the connection to the last byte of the answer. */
	readonly milliseconds: number;
	/** When the answer was there, in milliseconds since the epoch. */
	readonly arrived: number;
}

export interface Told extends Answered {
	readonly verdict: Verdict;
}

/** Sends one line, as part of a trace of its own. */
export async function ask(world: World, issuers: Issuers, line: Line): Promise<Answered> {
	const traceId = randomBytes(16).toString("hex");
	const spanId = randomBytes(8).toString("hex");
	const { from, to, method, path } = line;
	const headers = {
		...line.headers,
		...(line.token && { authorization: `Bearer ${issuers.token(line.token)}` }),
		traceparent: `00-${traceId}-${spanId}-01`,
	};
	const started = performance.now();
	const response = await world.send({ from, to, path, headers, ...(method !== undefined && { method }) });
	return { response, traceId, spanId, milliseconds: performance.now() - started, arrived: Date.now() };
}

/** Sends one line and reads what Firebreak decided. */
export async function tell(world: World, issuers: Issuers, line: Line): Promise<Told> {
	const answered = await ask(world, issuers, line);
	return { ...answered, verdict: await readVerdict(world, answered.traceId) };
}

/** Envoy writes its access log in the background, so this waits for the line of a trace, at most a minute. */
export async function readVerdict(world: World, traceId: string): Promise<Verdict> {
	const deadline = performance.now() + 60_000;
	for (;;) {
		const entry = world.envoy.accessLog().find(({ traceparent }) => traceparent?.includes(traceId));
		if (entry?.firebreak) return entry.firebreak as unknown as Verdict;
		if (entry) return { decision: "deny", reason: `none: Envoy says ${entry.details}`, revision: 0, mode: "" };
		if (performance.now() > deadline)
			throw new FirebreakError("timeout", `no line of Envoy's access log has ${traceId}`);
		await sleep(5);
	}
}

/** What came differently than the story has it, a phrase each; none when all is as expected. */
export function differences({ expect }: Pick<Shown, "expect">, { response, verdict }: Told): string[] {
	const found: string[] = [];
	const compare = (what: string, got: unknown, expected: unknown): void => {
		if (got !== expected) found.push(`${what} is ${show(got)}, not ${show(expected)}`);
	};
	compare("status", response.status, expect.status);
	compare("reason", verdict.reason, expect.reason);
	compare("decision", verdict.decision, expect.status === 200 ? "allow" : "deny");
	compare("detail", verdict.detail, expect.detail);
	compare("policy", verdict.policy, expect.policy);
	compare("would", verdict.would?.reason, expect.would);
	compare("challenge", response.headers["www-authenticate"], expect.challenge);
	for (const [name, value] of Object.entries(expect.upstream ?? {})) {
		compare(`${name} at the upstream`, (response.body as Echo | undefined)?.headers?.[name], value ?? undefined);
	}
	return found;
}

function show(value: unknown): string {
	return value === undefined ? "nothing" : JSON.stringify(value);
}
