/**
 * OpenTelemetry: spans go out by OTLP as the OTEL_ variables say, or nowhere when they name no endpoint. Nothing is
 * instrumented and no global context is kept: a check's spans are built afterwards, from noted times.
 */
import { type DiagLogger, DiagLogLevel, diag, type Tracer, trace } from "@opentelemetry/api";
import type { SpanProcessor } from "@opentelemetry/sdk-trace";
import { LIMITS } from "../core/limits.ts";
import type { Clock } from "../core/time.ts";
import { type CheckTrace, recordCheckSpans } from "./check-span.ts";
import type { Logger } from "./logging.ts";
import { SERVICE_NAME } from "./names.ts";
import { sampledFlag } from "./traceparent.ts";

export interface Tracing {
	/**
	 * Whether the spans of a check with this parent may be wanted, by a look at its flags. Without a parent, the sampler
	 * decides later, in {@link recordCheck}.
	 */
	isSampled(traceparent: string | undefined): boolean;
	/** Builds and queues the spans of one check. Never throws, never waits; a full queue drops them. */
	recordCheck(check: CheckTrace): void;
	/** Sends what is queued. Waits for that only so long; a request under way then may outlive it. */
	stop(): Promise<void>;
}

export interface TracingOptions {
	readonly version: string;
	/** See Config.tracing. */
	readonly parentBased: boolean;
	readonly logger: Logger;
	readonly clock: Clock;
	/** In place of what the OTEL_ variables name. */
	readonly spanProcessors?: SpanProcessor[];
	/** Longest wait for the last spans in milliseconds; default LIMITS.traceFlushMs. */
	readonly flushMs?: number;
}

/** Tracing that is turned off. */
export const NO_TRACING: Tracing = {
	isSampled: () => false,
	recordCheck() {},
	stop: () => Promise.resolve(),
};

/** Starts the SDK. It is loaded only here, since a server that exports nothing does not need its weight. */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
	const { NodeSDK } = await import("@opentelemetry/sdk-node");
	const resources = await import("@opentelemetry/resources");
	const { resourceFromAttributes, defaultResource } = resources;
	const sdk = new NodeSDK({
		resource: defaultResource().merge(
			resourceFromAttributes({ "service.name": SERVICE_NAME, "service.version": options.version }),
		),
		// Not the process detector: it would export the command line, which may hold a database URL. The detector of
		// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES stands last, and wins.
		resourceDetectors: [resources.hostDetector, resources.serviceInstanceIdDetector, resources.envDetector],
		metricReaders: [],
		logRecordProcessors: [],
		...(options.spanProcessors === undefined ? {} : { spanProcessors: options.spanProcessors }),
	});
	sdk.start();
	// After start: the SDK may have set a logger that writes to the console.
	diag.setLogger(complaints(options.logger, options.clock), {
		logLevel: DiagLogLevel.WARN,
		suppressOverrideMessage: true,
	});
	const tracer = trace.getTracer(SERVICE_NAME, options.version);
	return new SdkTracing(tracer, sdk, options);
}

class SdkTracing implements Tracing {
	readonly #tracer: Tracer;
	readonly #sdk: { shutdown(): Promise<void> };
	readonly #parentBased: boolean;
	readonly #logger: Logger;
	readonly #flushMs: number;

	constructor(tracer: Tracer, sdk: { shutdown(): Promise<void> }, options: TracingOptions) {
		this.#tracer = tracer;
		this.#sdk = sdk;
		this.#parentBased = options.parentBased;
		this.#logger = options.logger;
		this.#flushMs = options.flushMs ?? LIMITS.traceFlushMs;
	}

	isSampled(traceparent: string | undefined): boolean {
		return !this.#parentBased || traceparent === undefined || sampledFlag(traceparent) !== false;
	}

	recordCheck(check: CheckTrace): void {
		try {
			recordCheckSpans(this.#tracer, check);
		} catch (error) {
			this.#logger.error("the spans of a check could not be built", { error, decision_id: check.id });
		}
	}

	async stop(): Promise<void> {
		const { promise: late, resolve } = Promise.withResolvers<string>();
		const timer = setTimeout(() => resolve("late"), this.#flushMs);
		const sent = this.#sdk.shutdown().then(
			() => "sent",
			() => "failed",
		);
		const outcome = await Promise.race([sent, late]);
		clearTimeout(timer);
		if (outcome !== "sent") this.#logger.warn("the last spans were not exported", { cause: outcome });
		trace.disable();
		diag.disable();
	}
}

/** The SDK's own complaints, such as a collector that is down, at most one line for each `LIMITS.traceComplaintMs`. */
function complaints(logger: Logger, clock: Clock): DiagLogger {
	let silentUntil = 0;
	let swallowed = 0;
	const complain = (text: string) => {
		const now = clock();
		if (now < silentUntil) {
			swallowed++;
			return;
		}
		silentUntil = now + LIMITS.traceComplaintMs;
		logger.warn("OpenTelemetry has a problem", { problem: messageOf(text), count: swallowed + 1 });
		swallowed = 0;
	};
	const quiet = () => {};
	return { error: complain, warn: complain, info: quiet, debug: quiet, verbose: quiet };
}

/** Errors arrive as JSON of a whole error object with its stack; only their message is wanted. */
function messageOf(text: string): string {
	try {
		const { message } = JSON.parse(text) as { message?: unknown };
		return typeof message === "string" ? message : text;
	} catch {
		return text;
	}
}
