/**
 * A made-up request, explained: it is put into the very message that a proxy would send, and judged by the same code,
 * with a trace.
 */
import type { Authenticator } from "../authn/authenticator.ts";
import { STEPS, type Step, type Trace } from "../core/decide/trace.ts";
import { FirebreakError } from "../core/errors.ts";
import type { Explained, ExplainQuery } from "../core/explanation.ts";
import { ANONYMOUS } from "../core/model.ts";
import type { PolicyView } from "../core/policy-view.ts";
import type { Snapshot } from "../core/snapshot.ts";
import type { Clock } from "../core/time.ts";
import { evaluate, type Limiter, type Rules } from "./evaluate.ts";
import { DESTINATION_EXTENSION } from "./normalize.ts";
import type { CheckRequest } from "./wire.ts";

export interface ExplainRules extends Pick<Rules, "ages"> {
	/** It only examines: a proof of possession stays as unused as it was. */
	readonly authenticator: Pick<Authenticator, "examine">;
	readonly clock: Clock;
}

/**
 * Explains one request as if the destination's own proxy had asked about it.
 * @throws FirebreakError not_found when `source` is no segment and no SPIFFE ID. An unknown destination is a decision.
 */
export async function explain(rules: ExplainRules, view: PolicyView, query: ExplainQuery): Promise<Explained> {
	const trace: Trace = [];
	const question = {
		check: checkOf(view.snapshot, query),
		enforcer: null,
		view,
		now: query.at ?? rules.clock(),
		trace,
	};
	const notes = { request: null, facts: null, mark() {} };
	const authenticator: Rules["authenticator"] = {
		authenticate: (request, demand) => rules.authenticator.examine(request, demand),
	};
	const { ages } = rules;
	const decision = await evaluate({ authenticator, ages, enforcerIdentity: "none", limiter: UNSPENT }, question, notes);
	const steps = trace.map((step) => withHint(step, query.headers.dpop !== undefined));
	return { decision, steps: [...steps, ...notReached(trace)] };
}

function checkOf(snapshot: Snapshot, query: ExplainQuery): CheckRequest {
	const headers: Record<string, string> = { ...query.headers };
	if (query.token !== null) headers.authorization = `${headers.dpop === undefined ? "Bearer" : "DPoP"} ${query.token}`;
	const host = headers.host ?? headers[":authority"] ?? "explained.invalid";
	return {
		attributes: {
			source: { principal: principalOf(snapshot, query.source) },
			contextExtensions: { [DESTINATION_EXTENSION]: query.destination },
			request: { http: { method: query.method, path: query.path, host, scheme: "https", headers } },
		},
	};
}

/** The identity that stands for a source: of a segment, its first member. */
function principalOf(snapshot: Snapshot, source: string): string {
	if (source === ANONYMOUS) return "";
	if (source.startsWith("spiffe://")) return source;
	const segment = snapshot.segments.get(source);
	if (!segment) {
		throw new FirebreakError("not_found", `there is no segment ${JSON.stringify(source)}`, {
			problems: [
				{ object: "source", message: "no segment has this name", cure: "name a segment, a SPIFFE ID or anonymous" },
			],
		});
	}
	const member = segment.members.find((selector) => !selector.endsWith("/*")) ?? segment.members[0];
	if (member === undefined) {
		throw new FirebreakError("not_found", `segment ${source} has no member to ask as`, {
			problems: [{ object: `segment ${source}`, field: "members", message: "it is empty", cure: "name a SPIFFE ID" }],
		});
	}
	return member.replace(/\*$/, "any");
}

/** What explaining cannot show of a credential, and how to go on. */
function withHint(step: Step, proof: boolean): Step {
	if (step.step !== "credential") return step;
	if (step.result === "pass" && proof) return { ...step, note: `${step.note}; ${NOT_REMEMBERED}` };
	const hint = HINTS[`${step.reason} ${step.detail}`];
	return hint === undefined ? step : { ...step, note: hint };
}

const NOT_REMEMBERED = "the proof holds; whether it was used before is not asked, and it stays as unused as it was";
const HINTS: Readonly<Record<string, string>> = {
	"binding_mismatch proof_missing":
		"it is bound to the key of a proof: give the proof as the header dpop, made for this method and URI",
	"binding_mismatch certificate_missing":
		"it is bound to a certificate: behind a trusted proxy, x-forwarded-client-cert tells its Hash; otherwise explain cannot show one",
};

/** Steps behind the one that decided, so that the whole order is seen. */
function notReached(trace: Trace): Step[] {
	const seen = new Set(trace.map(({ step }) => step));
	return STEPS.filter((step) => !seen.has(step)).map((step) => ({
		step,
		result: "skipped",
		note: "not reached",
	}));
}

/** Explaining spends nothing: the steps name the budgets, and judge none of them. */
const UNSPENT: Limiter = { take: () => null, giveBack() {} };
