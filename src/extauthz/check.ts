/**
 * The program on one page. Envoy asks about one request; this takes one snapshot, normalizes, authenticates, decides,
 * tells of it and responds. Whatever goes wrong on the way, the answer is a denial, and always a CheckResponse.
 */
import { refuse } from "../core/decide/refuse.ts";
import type { Decision } from "../core/decision.ts";
import type { PolicyView } from "../core/policy-view.ts";
import type { RequestFacts } from "../core/request.ts";
import type { Clock } from "../core/time.ts";
import { evaluate, type Notes, type Rules } from "./evaluate.ts";
import { FAILED, respond } from "./respond.ts";
import type { CheckRequest, CheckResponse } from "./wire.ts";

/** Who asks, and in which trace. */
export interface Caller {
	/** SPIFFE ID of the certificate on the authorization call, or null. */
	readonly enforcer: string | null;
	/** W3C trace context of the authorization call. */
	readonly traceparent: string | undefined;
	readonly tracestate: string | undefined;
}

export type Check = (check: CheckRequest, caller: Caller) => CheckResponse | Promise<CheckResponse>;

/** Everything that one check leaves behind: for records, metrics and spans. */
export interface Observation {
	readonly id: string;
	readonly decision: Decision;
	readonly request: RequestFacts;
	readonly caller: Caller;
	/** W3C trace context that the judged request carries. */
	readonly requestTraceparent: string | undefined;
	readonly requestTracestate: string | undefined;
	/** Instants of `stopwatch`. */
	readonly started: number;
	readonly authenticate: number | null;
	readonly authenticated: number | null;
	readonly decided: number;
}

export interface CheckOptions extends Rules {
	/** One reference to everything that is known now; taken once for each request. */
	readonly view: () => PolicyView;
	readonly clock: Clock;
	/** Milliseconds from any fixed instant, with fractions; never goes back. */
	readonly stopwatch: () => number;
	/** Opaque, unguessable, unique. */
	readonly newId: () => string;
	/** Told of every decision. What it throws is reported, and changes no answer. */
	readonly observe: (observation: Observation) => void;
	/** Told of bugs. */
	readonly onError: (error: unknown) => void;
}

export function createCheck(options: CheckOptions): Check {
	return (check, caller) => {
		let attempt: Attempt | null = null;
		try {
			const begun = new Attempt(options, caller);
			attempt = begun;
			const question = { check, enforcer: caller.enforcer, view: begun.view, now: options.clock(), trace: null };
			const decision = evaluate(options, question, begun);
			if (!(decision instanceof Promise)) return begun.finish(decision);
			return decision.then(
				(decided) => begun.finish(decided),
				(error) => begun.fail(error),
			);
		} catch (error) {
			if (attempt !== null) return attempt.fail(error);
			options.onError(error);
			return FAILED;
		}
	};
}

/** One check under way. */
class Attempt implements Notes {
	request: Notes["request"] = null;
	facts: Notes["facts"] = null;
	readonly view: PolicyView;
	readonly #id: string;
	readonly #options: CheckOptions;
	readonly #caller: Caller;
	readonly #started: number;
	#authenticate: number | null = null;
	#authenticated: number | null = null;

	constructor(options: CheckOptions, caller: Caller) {
		this.#options = options;
		this.#caller = caller;
		this.#started = options.stopwatch();
		this.#id = options.newId();
		this.view = options.view();
	}

	mark(instant: "authenticate" | "authenticated"): void {
		if (instant === "authenticate") this.#authenticate = this.#options.stopwatch();
		else this.#authenticated = this.#options.stopwatch();
	}

	finish(decision: Decision): CheckResponse {
		try {
			const response = respond(decision, this.#id, this.request);
			this.#observe(decision);
			return response;
		} catch (error) {
			return this.fail(error);
		}
	}

	/** The outer catch: no error ever becomes a pass, nor an RPC error that a proxy may be told to let pass. */
	fail(error: unknown): CheckResponse {
		try {
			this.#options.onError(error);
			const refusal = { reason: "internal_error", detail: "exception", principal: null } as const;
			const decision = refuse(this.view.snapshot, null, refusal);
			this.#observe(decision);
			return respond(decision, this.#id, null);
		} catch {
			return FAILED;
		}
	}

	#observe(decision: Decision): void {
		const headers = this.request?.headers;
		try {
			this.#options.observe({
				id: this.#id,
				decision,
				request: this.facts ?? NOTHING_KNOWN,
				caller: this.#caller,
				requestTraceparent: headers?.traceparent,
				requestTracestate: headers?.tracestate,
				started: this.#started,
				authenticate: this.#authenticate,
				authenticated: this.#authenticated,
				decided: this.#options.stopwatch(),
			});
		} catch (error) {
			this.#options.onError(error);
		}
	}
}

const NOTHING_KNOWN: RequestFacts = Object.freeze({
	method: "",
	scheme: "",
	host: "",
	rawPath: "",
	peer: Object.freeze({ principal: null, address: null, certificateHash: null }),
});
