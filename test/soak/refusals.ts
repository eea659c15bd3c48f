/** Who refused with 503 and why, from the end of Envoy's access log, which Envoy writes in the background. */
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { AccessLogEntry } from "../../demo/envoy.ts";

/** Of the log, far more than is written while one request is answered. */
const END_BYTES = 1_048_576;
const PATIENCE_MS = 10_000;
/** Firebreak was not reached, or gave no answer in time: Envoy's own refusal. */
export const NO_ANSWER = "no answer";

/** Firebreak's reason; NO_ANSWER; or Envoy's words for anything else, "no line in Envoy's log" among them. */
export async function reasonOf(logFile: string, traceId: string): Promise<string> {
	const deadline = performance.now() + PATIENCE_MS;
	for (;;) {
		const line = (await endOf(logFile)).find((each) => each.includes(traceId));
		if (line !== undefined) return reasonIn(JSON.parse(line));
		if (performance.now() > deadline) return "no line in Envoy's log";
		await sleep(50);
	}
}

export function reasonIn({ firebreak, details }: Pick<AccessLogEntry, "firebreak" | "details">): string {
	const { reason } = (firebreak ?? {}) as { readonly reason?: string };
	return reason ?? (details === "ext_authz_error" ? NO_ANSWER : `Envoy: ${details}`);
}

/** Whole lines only: the first is cut by where reading begins, the last by Envoy, which may still write it. */
async function endOf(file: string): Promise<string[]> {
	await using log = await open(file);
	const { size } = await log.stat();
	const from = Math.max(0, size - END_BYTES);
	const { buffer, bytesRead } = await log.read(Buffer.alloc(size - from), 0, size - from, from);
	const lines = buffer.toString("utf8", 0, bytesRead).split("\n").slice(0, -1);
	return from === 0 ? lines : lines.slice(1);
}
