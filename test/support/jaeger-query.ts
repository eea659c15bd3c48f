/** Reads traces back through Jaeger's query API. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Jaeger } from "../../demo/jaeger.ts";

export interface JaegerSpan {
	readonly spanID: string;
	/** Empty for a root span. */
	readonly parentSpanID: string;
	readonly operationName: string;
	readonly service: string;
	readonly tags: Readonly<Record<string, string | number | boolean>>;
}

interface WireTrace {
	readonly spans: readonly {
		readonly spanID: string;
		readonly operationName: string;
		readonly processID: string;
		readonly references: readonly { readonly refType: string; readonly spanID: string }[];
		readonly tags: readonly { readonly key: string; readonly value: string | number | boolean }[];
	}[];
	readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
}

/** Asks for a trace until `complete` says that all is there; throws after `withinMs` with the operations it saw. */
export async function waitForTrace(
	jaeger: Jaeger,
	traceId: string,
	complete: (spans: readonly JaegerSpan[]) => boolean,
	withinMs = 60_000,
): Promise<JaegerSpan[]> {
	const deadline = performance.now() + withinMs;
	for (;;) {
		const response = await fetch(`${jaeger.queryUrl}/api/traces/${traceId}`);
		const spans = response.ok ? readTraces((await response.json()) as { data: WireTrace[] }) : [];
		if (complete(spans)) return spans;
		if (performance.now() > deadline) {
			const seen = spans.map((span) => span.operationName).join(", ") || "nothing";
			throw new Error(`trace ${traceId} is not whole in Jaeger after ${withinMs} ms; it holds ${seen}`);
		}
		await sleep(100);
	}
}

function readTraces(answer: { readonly data: readonly WireTrace[] }): JaegerSpan[] {
	return answer.data.flatMap(({ spans, processes }) =>
		spans.map((span) => ({
			spanID: span.spanID,
			parentSpanID: span.references.find(({ refType }) => refType === "CHILD_OF")?.spanID ?? "",
			operationName: span.operationName,
			service: processes[span.processID]?.serviceName ?? "",
			tags: Object.fromEntries(span.tags.map(({ key, value }) => [key, value])),
		})),
	);
}
