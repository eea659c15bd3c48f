/** Envoy's trace, read back from a real Jaeger. Needs `make jaeger`; says so where it is missing. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { COMPANY } from "../../demo/company.ts";
import { type Jaeger, jaegerBinary, startJaeger } from "../../demo/jaeger.ts";
import { startWorld, type World } from "../../demo/world.ts";
import { startAuthorizer } from "../support/authorizer.ts";
import { type JaegerSpan, waitForTrace } from "../support/jaeger-query.ts";

const binary = await jaegerBinary();
if (!binary)
	process.stderr.write("test/e2e/jaeger.test.ts is skipped: there is no Jaeger here; `make jaeger` builds one.\n");

(binary ? describe : describe.skip)("a trace in Jaeger", () => {
	let jaeger: Jaeger;
	let world: World;
	beforeAll(async () => {
		jaeger = await startJaeger(binary as string);
		world = await startWorld({
			database: false,
			services: COMPANY.filter(({ name }) => ["orders", "payments"].includes(name)),
			otlpPort: jaeger.otlpPort,
			async startFirebreak({ resources }) {
				const authorizer = await startAuthorizer();
				resources.defer(authorizer.stop);
				return { port: authorizer.port };
			},
		});
	});
	afterAll(async () => {
		await world?.stop();
		await jaeger?.stop();
	});

	test("holds the request and the authorization under it", async () => {
		const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
		const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
		await world.send({ from: "orders", to: "payments", path: "/v1/payments/7", headers });
		const isCheck = (span: JaegerSpan): boolean => span.operationName.includes("Authorization.Check");
		const spans = await waitForTrace(jaeger, traceId, (found) => {
			const parent = found.find(isCheck)?.parentSpanID;
			return found.some(({ spanID }) => spanID === parent);
		});
		const check = spans.find(isCheck) as JaegerSpan;
		const request = spans.find((span) => span.spanID === check.parentSpanID);
		expect(request).toMatchObject({ service: "payments-sidecar", parentSpanID: "00f067aa0ba902b7" });
		expect(request?.tags["http.status_code"]).toBe("200");
		expect(check.tags.ext_authz_status).toBe("ext_authz_ok");
	});
});
