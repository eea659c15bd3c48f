/** Spans as a real collector gets them: by gRPC, by HTTP, and when there is none. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { startTracing, type Tracing, type TracingOptions } from "../../src/telemetry/tracing.ts";
import { decision, facts } from "../support/decisions.ts";
import { memoryLogger } from "../support/memory-logger.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";

const environment = { ...process.env };
const releasers: (() => unknown)[] = [];
afterEach(async () => {
	for (const release of releasers.splice(0).reverse()) await release();
	process.env = { ...environment };
});

async function start(env: Record<string, string>, options: Partial<TracingOptions> = {}): Promise<Tracing> {
	Object.assign(process.env, env);
	const { logger } = memoryLogger();
	const tracing = await startTracing({ version: "1", parentBased: true, logger, clock: Date.now, ...options });
	releasers.push(() => tracing.stop());
	return tracing;
}

function record(tracing: Tracing): void {
	const now = Date.now();
	tracing.recordCheck({
		traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		tracestate: undefined,
		requestTraceparent: undefined,
		requestTracestate: undefined,
		id: "d1",
		decision: decision(),
		request: facts(),
		start: now,
		end: now + 1,
		authenticate: null,
		decide: { start: now, end: now + 0.5 },
	});
}

async function collector(): Promise<OtlpReceiver> {
	const receiver = await startOtlpReceiver();
	releasers.push(() => receiver.stop());
	return receiver;
}

describe("spans are exported", () => {
	test("by gRPC, as service firebreak", async () => {
		const receiver = await collector();
		const tracing = await start({
			OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
			OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
			OTEL_BSP_SCHEDULE_DELAY: "10",
		});
		record(tracing);
		const check = await receiver.waitFor(({ name }) => name === "firebreak.check");
		expect(check).toMatchObject({
			traceId: "0af7651916cd43dd8448eb211c80319c",
			parentSpanId: "b7ad6b7169203331",
			service: "firebreak",
			status: { code: "UNSET" },
			attributes: { "firebreak.decision": "allow", "firebreak.decision_id": "d1", "firebreak.revision": 17 },
		});
		const decide = await receiver.waitFor(({ name }) => name === "firebreak.decide");
		expect(decide.parentSpanId).toBe(check.spanId);
		expect(decide.end - decide.start).toBe(500_000n);
	});

	test("under the name that OTEL_SERVICE_NAME gives", async () => {
		const receiver = await collector();
		const tracing = await start({
			OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
			OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
			OTEL_SERVICE_NAME: "firebreak-eu",
		});
		record(tracing);
		await tracing.stop();
		expect(await receiver.waitFor(({ name }) => name === "firebreak.check")).toMatchObject({ service: "firebreak-eu" });
	});

	test("by HTTP and protobuf", async () => {
		const requests: { url: string | undefined; type: string | undefined; body: Buffer }[] = [];
		const server = await listen(
			createServer(async (request, response) => {
				const chunks: Buffer[] = await request.toArray();
				requests.push({ url: request.url, type: request.headers["content-type"], body: Buffer.concat(chunks) });
				response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
			}),
		);
		const tracing = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.port}` });
		record(tracing);
		await tracing.stop();
		expect(requests).toMatchObject([{ url: "/v1/traces", type: "application/x-protobuf" }]);
		expect(requests[0]?.body.includes("firebreak.check")).toBe(true);
	});
});

describe("a collector that is not there", () => {
	test("delays nothing, is complained of once, and keeps nobody from stopping", async () => {
		const { port, close } = await listen(createServer());
		await close();
		const { logger, lines } = memoryLogger();
		const tracing = await start(
			{
				OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
				OTEL_EXPORTER_OTLP_ENDPOINT: `http://user:s3cret@127.0.0.1:${port}`,
				OTEL_BSP_SCHEDULE_DELAY: "1",
				OTEL_BSP_MAX_QUEUE_SIZE: "64",
				OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "8",
				OTEL_EXPORTER_OTLP_TIMEOUT: "200",
			},
			{ logger },
		);
		for (let round = 0; round < 1_000; round++) record(tracing);
		await tracing.stop();
		const complaints = lines().filter(({ msg }) => msg === "OpenTelemetry has a problem");
		expect(complaints).toHaveLength(1);
		expect(JSON.stringify(lines())).not.toContain("s3cret");
	});

	test("that never answers is waited for in vain only so long", async () => {
		const server = await listen(createServer(() => {}));
		const { logger, lines } = memoryLogger();
		const tracing = await start(
			{ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.port}`, OTEL_EXPORTER_OTLP_TIMEOUT: "500" },
			{ logger, flushMs: 50 },
		);
		record(tracing);
		await tracing.stop();
		const late = expect.objectContaining({ msg: "the last spans were not exported", cause: "late" });
		expect(lines()).toContainEqual(late);
	});
});

async function listen(server: Server): Promise<{ port: number; close(): Promise<unknown> }> {
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	const close = () => {
		server.closeAllConnections();
		return new Promise((resolve) => server.close(resolve));
	};
	releasers.push(close);
	return { port, close };
}
