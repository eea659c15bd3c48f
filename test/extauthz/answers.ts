/** What the check answers to a target when one template is all that is allowed. */
import type { Decision } from "../../src/core/decision.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import type { PathException } from "../../src/core/model.ts";
import { createCheck } from "../../src/extauthz/check.ts";
import type { CheckResponse } from "../../src/extauthz/wire.ts";
import { domain, policy, segment, snapshotOf } from "../support/policy-set.ts";
import { NOW } from "../support/requests.ts";
import { checkOf } from "./fixtures.ts";

export interface Told {
	readonly target: string;
	/** Whether the proxy tells headers one by one. */
	readonly rawHeaders: boolean;
}

const checks = new Map<string, (told: Told) => Pick<Decision, "allow" | "reason">>();

/** Judged by the whole check, from the message to the answer. */
export function answerTo(template: string, exceptions: readonly PathException[], told: Told) {
	const key = [template, ...exceptions].join(" ");
	let ask = checks.get(key);
	if (ask === undefined) {
		ask = allowing(template, exceptions);
		checks.set(key, ask);
	}
	return ask(told);
}

function allowing(template: string, exceptions: readonly PathException[]) {
	const snapshot = snapshotOf({
		domains: [domain({ name: "internal", flow: "mtls" })],
		segments: [segment({ name: "orders" }), segment({ name: "payments", path_exceptions: exceptions })],
		policies: [policy({ name: "one", source: "orders", destination: "payments", paths: [template] })],
	});
	const view = { snapshot, lane: new Lane(), policyConfirmedAt: NOW, laneConfirmedAt: NOW };
	let decision: Decision | null = null;
	const check = createCheck({
		view: () => view,
		authenticator: {
			authenticate() {
				throw new Error("the flow needs no token");
			},
		},
		limiter: { take: () => null, giveBack() {} },
		ages: { maxPolicyAge: 1, maxRevocationAge: 1 },
		enforcerIdentity: "none",
		clock: () => NOW,
		stopwatch: () => 0,
		newId: () => "id",
		observe: (observation) => {
			decision = observation.decision;
		},
		onError: (error) => {
			throw error;
		},
	});
	return ({ target, rawHeaders }: Told) => {
		const lines = { ":path": target, ":method": "GET" };
		const raw = Object.entries(lines).map(([header, rawValue]) => ({ key: header, rawValue }));
		const message = checkOf({ path: target, ...(rawHeaders ? { raw } : { headers: lines }) });
		const answer = check(message, { enforcer: null, traceparent: undefined, tracestate: undefined }) as CheckResponse;
		const { allow, reason } = decision as unknown as Decision;
		if (answer.allowed !== allow) throw new Error("the answer is not the decision");
		return { allow, reason };
	};
}
