/** A real OTLP receiver over gRPC, for tests that read what Envoy and Firebreak export. */
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import {
	loadPackageDefinition,
	Server,
	ServerCredentials,
	type ServerUnaryCall,
	type ServiceClientConstructor,
	type sendUnaryData,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

export type AttributeValue =
	| string
	| number
	| boolean
	| readonly AttributeValue[]
	| { readonly [key: string]: AttributeValue };
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** A span as it was exported; identifiers in lower-case hex. */
export interface ReceivedSpan {
	readonly traceId: string;
	readonly spanId: string;
	/** Empty for a root span. */
	readonly parentSpanId: string;
	readonly name: string;
	readonly kind: "INTERNAL" | "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER" | "UNSPECIFIED_KIND";
	/** Nanoseconds since the epoch. */
	readonly start: bigint;
	readonly end: bigint;
	readonly attributes: Attributes;
	readonly events: readonly { readonly name: string; readonly attributes: Attributes }[];
	readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: Attributes }[];
	readonly status: { readonly code: "UNSET" | "OK" | "ERROR"; readonly message: string };
	/** `service.name` of the resource: who exported it. */
	readonly service: string;
	/** Name of the instrumentation scope. */
	readonly scope: string;
}

export interface OtlpReceiver {
	/** gRPC without TLS on 127.0.0.1. */
	readonly port: number;
	/** Everything received so far, in order of arrival. */
	readonly spans: readonly ReceivedSpan[];
	/** Waits for a span, also one received already; throws after `withinMs` with the names it saw. */
	waitFor(matches: (span: ReceivedSpan) => boolean, withinMs?: number): Promise<ReceivedSpan>;
	stop(): Promise<void>;
}

interface WireValue {
	readonly value?: string;
	readonly [variant: string]: unknown;
}
type WireAttributes = readonly { readonly key: string; readonly value: WireValue }[];
interface WireSpan {
	readonly traceId: Buffer;
	readonly spanId: Buffer;
	readonly parentSpanId: Buffer;
	readonly name: string;
	readonly kind: ReceivedSpan["kind"];
	readonly startTimeUnixNano: string;
	readonly endTimeUnixNano: string;
	readonly attributes: WireAttributes;
	readonly events: readonly { readonly name: string; readonly attributes: WireAttributes }[];
	readonly links: readonly { readonly traceId: Buffer; readonly spanId: Buffer; readonly attributes: WireAttributes }[];
	readonly status: ReceivedSpan["status"] | null;
}
interface WireRequest {
	readonly resourceSpans: readonly {
		readonly resource: { readonly attributes: WireAttributes } | null;
		readonly scopeSpans: readonly {
			readonly scope: { readonly name: string } | null;
			readonly spans: readonly WireSpan[];
		}[];
	}[];
}

function readValue(value: WireValue): AttributeValue {
	const inner = value[value.value as string];
	switch (value.value) {
		case "intValue":
			return Number(inner);
		case "bytesValue":
			return (inner as Buffer).toString("hex");
		case "arrayValue":
			return (inner as { values: WireValue[] }).values.map(readValue);
		case "kvlistValue":
			return readAttributes((inner as { values: WireAttributes }).values);
		default:
			return (inner as string | number | boolean | undefined) ?? "";
	}
}

function readAttributes(attributes: WireAttributes): Record<string, AttributeValue> {
	return Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]));
}

function readSpan(span: WireSpan, service: string, scope: string): ReceivedSpan {
	return {
		traceId: span.traceId.toString("hex"),
		spanId: span.spanId.toString("hex"),
		parentSpanId: span.parentSpanId.toString("hex"),
		name: span.name,
		kind: span.kind,
		start: BigInt(span.startTimeUnixNano),
		end: BigInt(span.endTimeUnixNano),
		attributes: readAttributes(span.attributes),
		events: span.events.map(({ name, attributes }) => ({ name, attributes: readAttributes(attributes) })),
		links: span.links.map(({ traceId, spanId, attributes }) => ({
			traceId: traceId.toString("hex"),
			spanId: spanId.toString("hex"),
			attributes: readAttributes(attributes),
		})),
		status: { code: span.status?.code ?? "UNSET", message: span.status?.message ?? "" },
		service,
		scope,
	};
}

function readRequest(request: WireRequest): ReceivedSpan[] {
	return request.resourceSpans.flatMap(({ resource, scopeSpans }) => {
		const service = String(readAttributes(resource?.attributes ?? [])["service.name"] ?? "");
		return scopeSpans.flatMap(({ scope, spans }) => spans.map((span) => readSpan(span, service, scope?.name ?? "")));
	});
}

/** Starts a receiver on a free port. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
	const definition = loadSync(path.join(import.meta.dirname, "otlp.proto"), {
		longs: String,
		enums: String,
		defaults: true,
		arrays: true,
		oneofs: true,
	});
	const loaded = loadPackageDefinition(definition) as never as {
		opentelemetry: { proto: { collector: { trace: { v1: { TraceService: ServiceClientConstructor } } } } };
	};
	const spans: ReceivedSpan[] = [];
	const server = new Server({ "grpc.max_receive_message_length": 16 * 1024 * 1024 });
	server.addService(loaded.opentelemetry.proto.collector.trace.v1.TraceService.service, {
		Export(call: ServerUnaryCall<WireRequest, object>, callback: sendUnaryData<object>) {
			spans.push(...readRequest(call.request));
			callback(null, {});
		},
	});
	const port = await promisify(server.bindAsync.bind(server))("127.0.0.1:0", ServerCredentials.createInsecure());
	return {
		port,
		spans,
		async waitFor(matches, withinMs = 60_000) {
			const deadline = performance.now() + withinMs;
			for (;;) {
				const found = spans.find(matches);
				if (found) return found;
				if (performance.now() > deadline) {
					throw new Error(
						`no such span within ${withinMs} ms; received: ${spans.map((span) => span.name).join(", ") || "none"}`,
					);
				}
				await sleep(20);
			}
		},
		async stop() {
			server.forceShutdown();
		},
	};
}
