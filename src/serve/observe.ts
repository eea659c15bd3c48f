/** Tells records, metrics and spans of each decision. On the request's path: everything here is a few function calls. */
import type { Recorder } from "../audit/recorder.ts";
import type { PolicyView } from "../core/policy-view.ts";
import type { Clock } from "../core/time.ts";
import type { Observation } from "../extauthz/check.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Tracing } from "../telemetry/tracing.ts";

export interface Witnesses {
	readonly recorder: Recorder;
	readonly metrics: Metrics;
	readonly tracing: Tracing;
	readonly clock: Clock;
	readonly view: () => PolicyView;
}

export function observer({ recorder, metrics, tracing, clock, view }: Witnesses): (observation: Observation) => void {
	return (observation) => {
		const { id, decision, request, caller, started, decided } = observation;
		const now = clock();
		const { snapshot } = view();
		const domain = decision.destination && snapshot.domains.get(decision.destination.domain);
		const { traceparent } = caller;
		metrics.countCheck(decision, (decided - started) / 1_000);
		recorder.record({
			id,
			at: now,
			decision,
			request,
			epoch: snapshot.epoch,
			audit: domain?.row.audit ?? "full",
			traceparent,
		});
		if (tracing.isSampled(traceparent)) trace(tracing, observation, now);
	};
}

function trace(tracing: Tracing, observation: Observation, now: number): void {
	const { caller, started, authenticate, authenticated, decided } = observation;
	// The stopwatch has the fractions, the clock the date.
	const at = (instant: number) => now - (decided - instant);
	tracing.recordCheck({
		start: at(started),
		end: now,
		traceparent: caller.traceparent,
		tracestate: caller.tracestate,
		requestTraceparent: observation.requestTraceparent,
		requestTracestate: observation.requestTracestate,
		id: observation.id,
		decision: observation.decision,
		request: observation.request,
		authenticate: authenticate === null ? null : { start: at(authenticate), end: at(authenticated ?? decided) },
		decide: { start: at(authenticated ?? started), end: now },
	});
}
