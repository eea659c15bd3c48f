/** Recorded checks: an ordinary allowed one, changed as a test needs. */
import type { RecordedCheck } from "../../src/audit/record.ts";
import type { Decision } from "../../src/core/decision.ts";
import { decision, facts } from "./decisions.ts";

let next = 0;

export function recordedCheck(changes: Partial<Decision> = {}, others: Partial<RecordedCheck> = {}): RecordedCheck {
	next++;
	return {
		id: `check-${next}`,
		at: Date.UTC(2026, 0, 31, 12),
		decision: decision(changes),
		request: facts(),
		epoch: "epoch-1",
		audit: "full",
		traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		...others,
	};
}

export function deniedCheck(changes: Partial<Decision> = {}, others: Partial<RecordedCheck> = {}): RecordedCheck {
	return recordedCheck({ allow: false, reason: "no_policy", policy: null, ...changes }, others);
}
