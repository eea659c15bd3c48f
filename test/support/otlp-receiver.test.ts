import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { type OtlpReceiver, startOtlpReceiver } from "./otlp-receiver.ts";

describe("the OTLP receiver, fed by the OpenTelemetry SDK over gRPC", () => {
	const before = { ...process.env };
	let receiver: OtlpReceiver;
	let sdk: NodeSDK;
	beforeAll(async () => {
		receiver = await startOtlpReceiver();
		Object.assign(process.env, {
			OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
			OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
			OTEL_METRICS_EXPORTER: "none",
			OTEL_LOGS_EXPORTER: "none",
			OTEL_BSP_SCHEDULE_DELAY: "10",
		});
		sdk = new NodeSDK({ serviceName: "sender", autoDetectResources: false });
		sdk.start();
	});
	afterAll(async () => {
		await sdk?.shutdown();
		await receiver?.stop();
		process.env = before;
	});

	test("reads every part of a span", async () => {
		const linked = {
			traceId: "0af7651916cd43dd8448eb211c80319c",
			spanId: "b7ad6b7169203331",
			traceFlags: TraceFlags.SAMPLED,
		};
		const tracer = trace.getTracer("sender-scope");
		const span = tracer.startSpan("reads", {
			kind: SpanKind.SERVER,
			startTime: [1_700_000_000, 123_000_000],
			attributes: { text: "é", number: 7, fraction: 0.5, yes: true, list: ["a", "b"] },
			links: [{ context: linked, attributes: { why: "linked" } }],
		});
		span.addEvent("noted", { n: 1 });
		span.setStatus({ code: SpanStatusCode.ERROR, message: "broken" });
		span.end([1_700_000_000, 124_000_000]);
		const { traceId, spanId } = span.spanContext();
		expect(await receiver.waitFor(({ name }) => name === "reads")).toEqual({
			traceId,
			spanId,
			parentSpanId: "",
			name: "reads",
			kind: "SERVER",
			start: 1_700_000_000_123_000_000n,
			end: 1_700_000_000_124_000_000n,
			attributes: { text: "é", number: 7, fraction: 0.5, yes: true, list: ["a", "b"] },
			events: [{ name: "noted", attributes: { n: 1 } }],
			links: [{ traceId: linked.traceId, spanId: linked.spanId, attributes: { why: "linked" } }],
			status: { code: "ERROR", message: "broken" },
			service: "sender",
			scope: "sender-scope",
		});
	});

	test("says what it saw when a span does not come", async () => {
		await expect(receiver.waitFor(({ name }) => name === "never", 50)).rejects.toThrow(
			/no such span within 50 ms; received: /,
		);
	});
});
