import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { CheckTrace } from "../../src/telemetry/check-span.ts";
import { startTracing, type Tracing } from "../../src/telemetry/tracing.ts";
import { decision, denial, facts } from "../support/decisions.ts";
import { memoryLogger } from "../support/memory-logger.ts";

const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const START = Date.UTC(2026, 0, 31, 12);

function check(changes: Partial<CheckTrace> = {}): CheckTrace {
	return {
		traceparent: PARENT,
		tracestate: "vendor=1",
		requestTraceparent: CALLER,
		requestTracestate: undefined,
		id: "d1",
		decision: decision(),
		request: facts(),
		start: START,
		end: START + 1.5,
		authenticate: { start: START + 0.25, end: START + 0.75 },
		decide: { start: START + 0.75, end: START + 1 },
		...changes,
	};
}

let ended: ReadableSpan[] = [];
const { logger, lines } = memoryLogger();
let tracing: Tracing;
beforeAll(async () => {
	tracing = await startTracing({
		version: "1.2.3",
		parentBased: true,
		logger,
		clock: () => START,
		spanProcessors: [
			{
				onStart() {},
				onEnd: (span) => {
					ended.push(span);
				},
				forceFlush: async () => {},
				shutdown: async () => {},
			},
		],
	});
});
afterAll(() => tracing.stop());
afterEach(() => {
	ended = [];
});

function spans(trace: CheckTrace) {
	tracing.recordCheck(trace);
	const finished = ended;
	const named = (name: string) => finished.find((span) => span.name === name);
	return { finished, root: named("firebreak.check")!, named };
}

describe("the spans of a check", () => {
	test("stand under the call's parent, with two inside, linked to the caller's own trace", () => {
		const { finished, root, named } = spans(check());
		expect(finished).toHaveLength(3);
		expect(root.spanContext().traceId).toBe("0af7651916cd43dd8448eb211c80319c");
		expect(root.parentSpanContext?.spanId).toBe("b7ad6b7169203331");
		expect(root.spanContext().traceState?.serialize()).toBe("vendor=1");
		expect(root.kind).toBe(SpanKind.SERVER);
		expect(root.links).toMatchObject([
			{ context: { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" } },
		]);
		for (const name of ["firebreak.authenticate", "firebreak.decide"]) {
			expect(named(name)?.parentSpanContext?.spanId).toBe(root.spanContext().spanId);
		}
	});

	test("have the times that were noted", () => {
		const { root, named } = spans(check());
		const offset = ([seconds, nanos]: readonly [number, number]) => (seconds * 1_000 - START) * 1_000 + nanos / 1_000;
		expect([root.startTime, root.endTime].map(offset)).toEqual([0, 1_500]);
		const authenticate = named("firebreak.authenticate")!;
		expect([authenticate.startTime, authenticate.endTime].map(offset)).toEqual([250, 750]);
		const decide = named("firebreak.decide")!;
		expect([decide.startTime, decide.endTime].map(offset)).toEqual([750, 1_000]);
	});

	test("say what was decided, and nothing that is not known", () => {
		const { root } = spans(check({ decision: decision({ crossing: "partner-to-internal" }) }));
		expect(root.attributes).toEqual({
			"firebreak.decision": "allow",
			"firebreak.decision_id": "d1",
			"firebreak.reason": "allowed",
			"firebreak.policy": "orders-reads-payments",
			"firebreak.revision": 17,
			"firebreak.mode": "enforce",
			"firebreak.crossing": "partner-to-internal",
			"firebreak.source.segment": "orders",
			"firebreak.source.domain": "internal",
			"firebreak.source.environment": "prod",
			"firebreak.source.principal": "spiffe://prod.example.org/ns/orders/sa/orders",
			"firebreak.destination.segment": "payments",
			"firebreak.destination.domain": "internal",
			"firebreak.destination.environment": "prod",
			"firebreak.destination.principal": "spiffe://prod.example.org/ns/payments/sa/payments",
			"firebreak.token.issuer": "https://issuer.example.org",
			"firebreak.token.id": "token-1",
			"firebreak.token.owner": "team-orders",
			"http.request.method": "GET",
			"url.scheme": "https",
			"url.path": "/v1/payments/42",
			"server.address": "payments.example.org",
			"network.peer.address": "10.0.0.7",
		});
		expect(root.resource.attributes).toMatchObject({ "service.name": "firebreak", "service.version": "1.2.3" });
		expect(Object.keys(root.resource.attributes).filter((name) => name.startsWith("process."))).toEqual([]);
	});

	test("of a denial are no error, and name its status", () => {
		const { root } = spans(check({ decision: denial("token_invalid", { detail: "expired", token: null }) }));
		expect(root.status.code).toBe(SpanStatusCode.UNSET);
		expect(root.attributes).toMatchObject({
			"firebreak.decision": "deny",
			"firebreak.reason": "token_invalid",
			"firebreak.detail": "expired",
			"http.response.status_code": 401,
		});
		expect(root.attributes).not.toHaveProperty("firebreak.policy");
	});

	test("of a hidden destination say 404", () => {
		const { root } = spans(check({ decision: denial("crossing_missing", { hidden: true }) }));
		expect(root.attributes["http.response.status_code"]).toBe(404);
	});

	test("of an internal error are errors", () => {
		const { root } = spans(check({ decision: denial("internal_error"), authenticate: null, decide: null }));
		expect(root.status.code).toBe(SpanStatusCode.ERROR);
		expect(ended).toHaveLength(1);
	});

	test("under monitor say what would have been", () => {
		const would = { reason: "scope_missing", detail: "payments:write", policy: "p" } as const;
		const { root } = spans(check({ decision: decision({ reason: "allowed_monitor", mode: "monitor", would }) }));
		expect(root.attributes).toMatchObject({
			"firebreak.mode": "monitor",
			"firebreak.would.reason": "scope_missing",
			"firebreak.would.detail": "payments:write",
			"firebreak.would.policy": "p",
		});
	});

	test("hold no query, no fragment, no endless text", () => {
		const request = facts({ method: "BREW", rawPath: `/a?token=s3cret#${"x".repeat(100)}`, host: "h".repeat(9_999) });
		const { root } = spans(check({ request }));
		expect(root.attributes).toMatchObject({
			"http.request.method": "_OTHER",
			"http.request.method_original": "BREW",
			"url.path": "/a",
			"server.address": "h".repeat(1_024),
		});
	});

	test.each([
		["none", undefined],
		["nonsense", "nonsense"],
		["zeros", `00-${"0".repeat(32)}-${"0".repeat(16)}-01`],
		["a version that is forbidden", PARENT.replace("00", "ff")],
	])("begin a trace of their own with a parent that is %s", (_title, traceparent) => {
		const { root } = spans(check({ traceparent, requestTraceparent: traceparent }));
		expect(root.parentSpanContext).toBeUndefined();
		expect(root.links).toEqual([]);
	});

	test("are not built when the parent is not sampled", () => {
		expect(spans(check({ traceparent: PARENT.replace(/01$/, "00") })).finished).toEqual([]);
	});

	test("never throw, whatever they are given", () => {
		const broken = { ...check(), decision: null } as unknown as CheckTrace;
		expect(() => tracing.recordCheck(broken)).not.toThrow();
		expect(lines().at(-1)).toMatchObject({ msg: "the spans of a check could not be built", decision_id: "d1" });
	});
});

describe("isSampled", () => {
	test.each([
		[PARENT, true],
		[PARENT.replace(/01$/, "00"), false],
		[PARENT.replace(/01$/, "03"), true],
		[PARENT.replace(/01$/, "02"), false],
		[PARENT.replace(/01$/, "0a"), false],
		[PARENT.replace(/01$/, "0b"), true],
		[PARENT.replace(/01$/, "ff"), true],
		[undefined, true],
		["", true],
		["nonsense that is as long as a traceparent, but is none of them", true],
	])("%s: %s", (traceparent, expected) => {
		expect(tracing.isSampled(traceparent)).toBe(expected);
	});
});
