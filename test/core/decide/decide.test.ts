import { describe, expect, test } from "@jest/globals";
import { REASONS } from "../../../src/core/reasons.ts";
import { credentials } from "../../cases/decisions/credentials.ts";
import { monitor } from "../../cases/decisions/monitor.ts";
import { places } from "../../cases/decisions/places.ts";
import { policies } from "../../cases/decisions/policies.ts";
import { snapshotOf } from "../../support/policy-set.ts";
import { decideOn, requestOf } from "../../support/requests.ts";

const SUITES = [policies, places, credentials, monitor];

describe.each(SUITES)("$name", ({ rows, cases }) => {
	const snapshot = snapshotOf(rows);

	test.each(cases)("$name", ({ ask, given, expect: expected }) => {
		const decision = decideOn(snapshot, requestOf(ask), given);
		expect(decision).toMatchObject(expected);
		expect(decision.allow).toBe(REASONS[decision.reason].status === 200);
		expect(decision.would === null).toBe(decision.reason !== "allowed_monitor");
	});

	test.each(cases)("a trace changes nothing: $name", ({ ask, given }) => {
		const traced = decideOn(snapshot, requestOf(ask), { ...given, trace: [] });
		expect(traced).toEqual(decideOn(snapshot, requestOf(ask), given));
	});
});

test("every reason is reached, but for those that fall before a route exists", () => {
	const reached = new Set(SUITES.flatMap(({ cases }) => cases.map(({ expect: { reason } }) => reason)));
	// policy_stale: test/extauthz/check.test.ts; overloaded: test/extauthz/shed.test.ts.
	const missing = Object.keys(REASONS).filter((reason) => !reached.has(reason as never));
	expect(missing).toEqual(["policy_stale", "overloaded"]);
});
