/** The trace of one request: what Envoy exported of it, and what Firebreak did. */
import type { OtlpReceiver, ReceivedSpan } from "./otlp-receiver.ts";

export interface CheckTrace {
	/** Envoy's span of the request itself. */
	readonly ingress: ReceivedSpan;
	/** Envoy's span of the question to Firebreak. */
	readonly asked: ReceivedSpan;
	/** Firebreak's. */
	readonly check: ReceivedSpan;
	readonly authenticate: ReceivedSpan | undefined;
	readonly decide: ReceivedSpan | undefined;
}

/** Waits until a trace has arrived whole. */
export async function readCheckTrace(receiver: OtlpReceiver, traceId: string): Promise<CheckTrace> {
	const within = (span: ReceivedSpan): boolean => span.traceId === traceId;
	const check = await receiver.waitFor((span) => within(span) && span.name === "firebreak.check");
	const asked = await receiver.waitFor((span) => within(span) && span.name.includes("Authorization.Check"));
	const ingress = await receiver.waitFor(
		(span) => within(span) && span.kind === "SERVER" && span.service !== "firebreak",
	);
	const child = (name: string) => receiver.spans.find((span) => within(span) && span.name === name);
	return { ingress, asked, check, authenticate: child("firebreak.authenticate"), decide: child("firebreak.decide") };
}
