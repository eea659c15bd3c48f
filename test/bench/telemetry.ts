/** What records, metrics and spans cost each request; sinks and exporters are idle. */
import { createRecorder } from "../../src/audit/recorder.ts";
import type { Decision } from "../../src/core/decision.ts";
import { createLogger } from "../../src/telemetry/logging.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { startTracing } from "../../src/telemetry/tracing.ts";
import { decision, denial, facts, TOKEN } from "../support/decisions.ts";
import { microseconds, printTable, time } from "./measure.ts";

const T = Date.UTC(2026, 0, 31, 12);
const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
const nothing = async () => {};

function idleRecorder() {
	return createRecorder({
		queueMax: 65_536,
		sink: { writeDecisions: nothing, writeFlows: nothing, writeUses: nothing },
		clock: () => T,
		random: () => 0,
		events: { lost() {}, sinkDown() {}, sinkBack() {} },
	});
}

const metrics = createMetrics({
	policy: () => null,
	revisionsRefused: () => 0,
	recordsLost: () => ({}),
	recordQueue: () => 0,
	tokenCache: () => ({}),
	jwksAges: () => [],
	checksShed: () => ({}),
	grpcConnections: () => ({ open: 0, dropped: {} }),
	rateFallbacks: () => ({}),
	exchanges: () => ({}),
});

const tracing = await startTracing({
	version: "0",
	parentBased: true,
	logger: createLogger({ level: "silent", version: "0" }),
	clock: () => T,
	spanProcessors: [{ onStart() {}, onEnd() {}, forceFlush: nothing, shutdown: nothing }],
});

/** Ends of many services, and tokens of many callers, as a busy server sees them. */
const decisions = Array.from({ length: 1_000 }, (_, index) =>
	decision({
		policy: `policy-${index % 250}`,
		source: { segment: `service-${index % 50}`, domain: `domain-${index % 3}`, environment: "prod" },
		destination: { segment: `service-${index % 20}`, domain: `domain-${index % 2}`, environment: "prod" },
		token: { ...TOKEN, id: `token-${index}` },
	}),
);

const request = facts();

function recordInTurn(from: readonly Decision[]) {
	const recorder = idleRecorder();
	return (index: number) => {
		const given = from[index % from.length]!;
		recorder.record({
			id: "id",
			at: T,
			decision: given,
			request,
			epoch: "e",
			audit: "full",
			traceparent: PARENT,
		});
	};
}

function traced(flags: string) {
	const traceparent = `${PARENT}-${flags}`;
	return () => {
		if (!tracing.isSampled(traceparent)) return;
		tracing.recordCheck({
			traceparent,
			tracestate: undefined,
			requestTraceparent: `${PARENT}-01`,
			requestTracestate: undefined,
			id: "id",
			decision: decisions[0]!,
			request,
			start: T,
			end: T + 1,
			authenticate: { start: T, end: T + 0.5 },
			decide: { start: T + 0.5, end: T + 1 },
		});
	};
}

const works: readonly (readonly [string, (index: number) => unknown])[] = [
	["countCheck", (index) => metrics.countCheck(decisions[index % decisions.length]!, 0.000_08)],
	["record, allowed, one caller", recordInTurn(decisions.slice(0, 1))],
	["record, allowed, 1,000 callers", recordInTurn(decisions)],
	["record, flood of denials", recordInTurn([denial()])],
	["isSampled, not sampled", traced("00")],
	["isSampled and three spans", traced("01")],
];

printTable(
	"telemetry: what one request costs",
	["work", "median", "p99"],
	works.map(([name, work]) => {
		const taken = time(work);
		return [name, microseconds(taken.median), microseconds(taken.p99)];
	}),
);
await tracing.stop();
