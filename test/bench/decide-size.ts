/**
 * One size of policy set in a process of its own, since memory is measured: compiles it, then times `decide` over
 * requests spread over the whole set. Prints one JSON object; bench/decide.ts runs it at every size.
 */
import { compilePolicySet } from "../../src/core/compile/compile.ts";
import { runToEnd } from "../../src/core/compile/generator.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { policySet } from "../support/policy-set.ts";
import { decideOn, requestOf, spiffe, withToken } from "../support/requests.ts";
import { companyPolicies, companySegments } from "./company.ts";
import { time } from "./measure.ts";

const size = Number(process.argv[2]);
const collect = globalThis.gc ?? (() => {});

const started = process.hrtime.bigint();
const result = runToEnd(
	compilePolicySet(policySet({ segments: companySegments(size), policies: companyPolicies(size) })),
);
const compileSeconds = Number(process.hrtime.bigint() - started) / 1e9;
if (!result.ok) throw new Error(JSON.stringify(result.problems.slice(0, 3)));
const { snapshot } = result;
collect();
collect();
const resident = process.memoryUsage.rss();

const REQUESTS = 4_096;
const credential = withToken({ scopes: ["payments:read", "orders:read", "accounts:write"] });
const policies = [...companyPolicies(Math.min(size, REQUESTS * 8))].filter((_, index) => index % 8 === 0);
const asked = Array.from({ length: size === 0 ? 1 : REQUESTS }, (_, index) => {
	// Strides over the set, so that the processor's caches see what production's would.
	const policy = size === 0 ? undefined : policies[index % policies.length];
	const id = `id-${index % 97}`;
	const path = policy ? policy.paths[0]!.replace("{id}", id) : "/";
	return requestOf({
		from: spiffe(policy?.source ?? "service-00000"),
		to: policy?.destination ?? "service-00001",
		method: index % 5 === 0 ? "DELETE" : (policy?.methods[0] ?? "GET"),
		path,
	});
});
const circumstances = { credential, lane: new Lane() };
const allowed = asked.filter((request) => decideOn(snapshot, request, circumstances).allow).length;
const timing = time((index) => decideOn(snapshot, asked[index % asked.length]!, circumstances));
process.stdout.write(JSON.stringify({ size, resident, compileSeconds, ...timing, allowed: allowed / asked.length }));
