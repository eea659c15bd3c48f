/** Compiling gives way often, whatever changes: no step does more than a few hundred policies' work. */
import { expect, test } from "@jest/globals";
import type { Changes } from "../../../src/core/compile/changes.ts";
import { recompile } from "../../../src/core/compile/compile.ts";
import type { PolicyRow } from "../../../src/core/model.ts";
import { policy, segment, snapshotOf } from "../../support/policy-set.ts";

const POLICIES = 5_000;
/** POLICIES_PER_STEP */
const MOST_IN_STEP = 128;

test("between two steps so many policies are compiled at the most", () => {
	let pulled = 0;
	const rows = Array.from({ length: POLICIES }, (_, n) =>
		policy({ name: `p${n}`, source: "a", destination: "b", paths: [`/p/${n}`] }),
	);
	const put: Iterable<PolicyRow> = {
		*[Symbol.iterator]() {
			for (const row of rows) {
				pulled++;
				yield row;
			}
		},
	};
	const nothing = { put: [], drop: [] };
	const changes: Changes = {
		epoch: "test",
		revision: 2,
		domains: nothing,
		issuers: nothing,
		segments: nothing,
		crossings: nothing,
		policies: { put, drop: [] },
		rateLimits: nothing,
	};
	const work = recompile(snapshotOf({ segments: [segment({ name: "a" }), segment({ name: "b" })] }), changes);
	for (;;) {
		const before = pulled;
		const step = work.next();
		expect(pulled - before).toBeLessThanOrEqual(MOST_IN_STEP);
		if (!step.done) continue;
		expect(step.value).toMatchObject({ ok: true, snapshot: { policyCount: POLICIES } });
		return;
	}
});
