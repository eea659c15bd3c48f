/** The spans of one check, built after the decision from times that were noted on the way. */
import {
	type Attributes,
	type Context,
	type Link,
	ROOT_CONTEXT,
	type Span,
	SpanKind,
	SpanStatusCode,
	type Tracer,
	trace,
} from "@opentelemetry/api";
import { parseTraceParent, TraceState } from "@opentelemetry/core";
import type { Decision, Place } from "../core/decision.ts";
import { HIDDEN, REASONS } from "../core/reasons.ts";
import { recordedPath, recordedText } from "../core/recorded.ts";
import type { RequestFacts } from "../core/request.ts";
import { ATTRIBUTE, SPAN } from "./names.ts";

/** Milliseconds since the epoch, with fractions. */
export interface Period {
	readonly start: number;
	readonly end: number;
}

/** What is to be told of one check. */
export interface CheckTrace extends Period {
	/** Trace context of the authorization call itself: the parent. */
	readonly traceparent: string | undefined;
	readonly tracestate: string | undefined;
	/** Trace context that the judged request carries: linked. */
	readonly requestTraceparent: string | undefined;
	readonly requestTracestate: string | undefined;
	readonly id: string;
	readonly decision: Decision;
	readonly request: RequestFacts;
	/** Null when it was not reached. */
	readonly authenticate: Period | null;
	readonly decide: Period | null;
}

/** Whether the sampler took it. Costs nothing more when it did not. */
export function recordCheckSpans(tracer: Tracer, check: CheckTrace): boolean {
	const parent = withParent(check.traceparent, check.tracestate);
	const link = linkTo(check.requestTraceparent, check.requestTracestate);
	const span = tracer.startSpan(
		SPAN.check,
		{ kind: SpanKind.SERVER, startTime: check.start, links: link === null ? [] : [link] },
		parent,
	);
	if (!span.isRecording()) return false;
	const { decision } = check;
	span.setAttributes({ ...requestAttributes(check.request, decision), ...decisionAttributes(check.id, decision) });
	if (decision.reason === "internal_error") {
		span.setStatus({ code: SpanStatusCode.ERROR, message: decision.detail ?? decision.reason });
	}
	const inside = trace.setSpan(parent, span);
	if (check.authenticate !== null) child(tracer, SPAN.authenticate, check.authenticate, inside);
	if (check.decide !== null) child(tracer, SPAN.decide, check.decide, inside);
	span.end(check.end);
	return true;
}

function child(tracer: Tracer, name: string, period: Period, inside: Context): void {
	const span: Span = tracer.startSpan(name, { startTime: period.start }, inside);
	span.end(period.end);
}

function withParent(traceparent: string | undefined, tracestate: string | undefined): Context {
	const spanContext = contextOf(traceparent, tracestate);
	return spanContext === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContext);
}

function linkTo(traceparent: string | undefined, tracestate: string | undefined): Link | null {
	const context = contextOf(traceparent, tracestate);
	return context === null ? null : { context };
}

function contextOf(traceparent: string | undefined, tracestate: string | undefined) {
	const context = traceparent === undefined ? null : parseTraceParent(traceparent);
	if (context === null) return null;
	return { ...context, isRemote: true, ...(tracestate ? { traceState: new TraceState(tracestate) } : {}) };
}

/** Methods that OpenTelemetry's HTTP conventions know; any other is `_OTHER`, and stands in full beside it. */
const KNOWN_METHODS: ReadonlySet<string> = new Set([
	"CONNECT",
	"DELETE",
	"GET",
	"HEAD",
	"OPTIONS",
	"PATCH",
	"POST",
	"PUT",
	"QUERY",
	"TRACE",
]);

/** No query and no headers: they hold secrets too often. */
function requestAttributes(request: RequestFacts, decision: Decision): Attributes {
	const known = KNOWN_METHODS.has(request.method);
	const { status } = REASONS[decision.reason];
	return {
		[ATTRIBUTE.method]: known ? request.method : "_OTHER",
		[ATTRIBUTE.methodOriginal]: known ? undefined : recordedText(request.method),
		[ATTRIBUTE.scheme]: recordedText(request.scheme),
		[ATTRIBUTE.path]: recordedPath(request.rawPath),
		[ATTRIBUTE.serverAddress]: recordedText(request.host),
		[ATTRIBUTE.peerAddress]: request.peer.address ?? undefined,
		// Only a denial knows its status: an allowed request gets its upstream's.
		[ATTRIBUTE.statusCode]: decision.allow ? undefined : decision.hidden && status === 403 ? HIDDEN.status : status,
	};
}

function decisionAttributes(id: string, decision: Decision): Attributes {
	const { source, destination, token, would } = decision;
	return {
		[ATTRIBUTE.decision]: decision.allow ? "allow" : "deny",
		[ATTRIBUTE.decisionId]: id,
		[ATTRIBUTE.reason]: decision.reason,
		[ATTRIBUTE.detail]: decision.detail ?? undefined,
		[ATTRIBUTE.policy]: decision.policy ?? undefined,
		[ATTRIBUTE.revision]: decision.revision,
		[ATTRIBUTE.mode]: decision.mode,
		[ATTRIBUTE.crossing]: decision.crossing ?? undefined,
		[ATTRIBUTE.wouldReason]: would?.reason,
		[ATTRIBUTE.wouldDetail]: would?.detail ?? undefined,
		[ATTRIBUTE.wouldPolicy]: would?.policy ?? undefined,
		...placeAttributes("source", source, decision.principal),
		...placeAttributes("destination", destination, decision.destinationPrincipal),
		[ATTRIBUTE.tokenIssuer]: token?.issuer,
		[ATTRIBUTE.tokenId]: token?.id == null ? undefined : recordedText(token.id),
		[ATTRIBUTE.tokenOwner]: token?.owner ?? undefined,
	};
}

function placeAttributes(side: "source" | "destination", place: Place | null, principal: string | null): Attributes {
	return {
		[ATTRIBUTE[`${side}Segment`]]: place?.segment,
		[ATTRIBUTE[`${side}Domain`]]: place?.domain,
		[ATTRIBUTE[`${side}Environment`]]: place?.environment,
		[ATTRIBUTE[`${side}Principal`]]: principal === null ? undefined : recordedText(principal),
	};
}
