import { expect, test } from "@jest/globals";
import type { PolicyRow } from "../../../src/core/model.ts";
import { compileRows, crossing, domain, issuer, policy, type Rows, segment } from "../../support/policy-set.ts";

const segments = [segment({ name: "orders" }), segment({ name: "payments", owner: "payments" })];
const onPolicy = (some: Partial<PolicyRow>): Rows => ({
	segments,
	policies: [policy({ name: "p", source: "orders", destination: "payments", owner: "payments", ...some })],
});

/** Each row: what is wrong, the rows, and the problem as operators read it. */
const REFUSALS: readonly [string, Rows, { object: string; field?: string; message: RegExp }][] = [
	[
		"an unknown destination",
		onPolicy({ destination: "nowhere" }),
		{ object: "policy p", field: "destination", message: /no segment "nowhere"/ },
	],
	[
		"an unknown source",
		onPolicy({ source: "nowhere" }),
		{ object: "policy p", field: "source", message: /no segment "nowhere"/ },
	],
	[
		"somebody else's destination",
		onPolicy({ owner: "orders" }),
		{ object: "policy p", field: "owner", message: /orders does not own/ },
	],
	["methods without paths", onPolicy({ paths: [] }), { object: "policy p", field: "paths", message: /together/ }],
	["paths without methods", onPolicy({ methods: [] }), { object: "policy p", field: "methods", message: /together/ }],
	[
		"no operation",
		onPolicy({ methods: [], paths: [] }),
		{ object: "policy p", field: "methods", message: /no operation/ },
	],
	[
		"an effect that is neither",
		onPolicy({ effect: "Deny" as PolicyRow["effect"] }),
		{ object: "policy p", field: "effect", message: /"Deny" is neither/ },
	],
	[
		"a method that no request has",
		onPolicy({ methods: ["GET", "GET POST"] }),
		{ object: "policy p", field: "methods", message: /no request has the method "GET POST"/ },
	],
	...["[0:0:0:0:0:0:0:1]", "API.example.com", "api.example.com:443", "api.example.com.", "*"].map(
		(host): (typeof REFUSALS)[number] => [
			`a host that no request has: ${host}`,
			onPolicy({ hosts: [host] }),
			{ object: "policy p", field: "hosts", message: /no request has the host/ },
		],
	),
	[
		"a path that reads like two of another policy",
		{
			segments,
			policies: [["/a", "/b"], ["/a /b"]].map((paths, index) =>
				policy({ name: "op"[index]!, source: "orders", destination: "payments", owner: "payments", paths }),
			),
		},
		{ object: "policy p", field: "paths", message: /no canonical path/ },
	],
	[
		"a template that does not parse",
		onPolicy({ paths: ["/a/../b"] }),
		{ object: "policy p", field: "paths", message: /dot segment/ },
	],
	[
		"a gRPC method that does not parse",
		onPolicy({ grpc: ["Get"] }),
		{ object: "policy p", field: "grpc", message: /no gRPC method/ },
	],
	[
		"a condition that does not parse",
		onPolicy({ condition: "params." }),
		{ object: "policy p", field: "condition", message: /./ },
	],
	[
		"a condition of unknown names",
		onPolicy({ condition: "requets.method == 'GET'" }),
		{ object: "policy p", field: "condition", message: /requets/ },
	],
	[
		"a condition that is no bool",
		onPolicy({ condition: "request.method" }),
		{ object: "policy p", field: "condition", message: /bool/ },
	],
	[
		"a condition on what no path captures",
		onPolicy({ paths: ["/a/{id}", "/b"], condition: "params.id == 'x'" }),
		{ object: "policy p", field: "condition", message: /reads params.id/ },
	],
	[
		"scopes where no token is read",
		{ ...onPolicy({ scopes: ["r"] }), domains: [domain({ name: "internal", flow: "mtls" })] },
		{ object: "policy p", field: "scopes", message: /reads no tokens/ },
	],
	[
		"alternatives where no token is read",
		{ ...onPolicy({ scopes_any: ["r"] }), domains: [domain({ name: "internal", flow: "mtls" })] },
		{ object: "policy p", field: "scopes", message: /reads no tokens/ },
	],
	[
		"a segment of no domain",
		{ segments: [segment({ name: "s", domain: "nowhere" })] },
		{ object: "segment s", field: "domain", message: /no domain "nowhere"/ },
	],
	[
		"a reserved name",
		{ segments: [segment({ name: "anonymous", members: [] })] },
		{ object: "segment anonymous", field: "name", message: /reserved/ },
	],
	[
		"a member that is no SPIFFE ID",
		{ segments: [segment({ name: "s", members: ["spiffe://A/x"] })] },
		{ object: "segment s", field: "members", message: /no workload's SPIFFE ID/ },
	],
	[
		"a trust domain as a member",
		{ segments: [segment({ name: "s", members: ["spiffe://a"] })] },
		{ object: "segment s", field: "members", message: /no workload's SPIFFE ID/ },
	],
	[
		"one member in two segments",
		{
			segments: [segment({ name: "a", members: ["spiffe://t/x"] }), segment({ name: "b", members: ["spiffe://t/x"] })],
		},
		{ object: "segment b", field: "members", message: /segment a has the member/ },
	],
	[
		"a probe with a wildcard",
		{ segments: [segment({ name: "s", probes: ["/health/*"] })] },
		{ object: "segment s", field: "probes", message: /no exact path/ },
	],
	[
		"a probe that is not canonical",
		{ segments: [segment({ name: "s", probes: ["/caf%c3%a9"] })] },
		{ object: "segment s", field: "probes", message: /no exact path/ },
	],
	[
		"a crossing from nowhere",
		{ crossings: [crossing({ name: "c", source_domain: "nowhere", destination_domain: "internal" })] },
		{ object: "crossing c", field: "source_domain", message: /no domain/ },
	],
	[
		"a crossing to itself",
		{ crossings: [crossing({ name: "c", source_domain: "internal", destination_domain: "internal" })] },
		{ object: "crossing c", message: /same/ },
	],
	[
		"a crossing of one environment",
		{
			crossings: [
				crossing({
					name: "c",
					source_domain: "internal",
					destination_domain: "internal",
					source_environment: "staging",
				}),
			],
		},
		{ object: "crossing c", field: "destination_environment", message: /only one/ },
	],
	[
		"a pair crossed twice",
		{
			domains: [domain({ name: "a" }), domain({ name: "b" })],
			crossings: [
				crossing({ name: "c", source_domain: "a", destination_domain: "b" }),
				crossing({ name: "d", source_domain: "a", destination_domain: "b" }),
			],
		},
		{ object: "crossing d", message: /crossing c names the same pair/ },
	],
	[
		"an issuer of no domain",
		{ issuers: [issuer({ url: "https://i.example.org", domain: "nowhere" })] },
		{ object: "issuer https://i.example.org", field: "domain", message: /no domain nowhere/ },
	],
	[
		"an issuer without audiences",
		{ issuers: [issuer({ url: "https://i.example.org", domain: "internal", audiences: [] })] },
		{ object: "issuer https://i.example.org", field: "audiences", message: /audience/ },
	],
	[
		"an issuer without keys",
		{ issuers: [issuer({ url: "https://i.example.org", domain: "internal", jwks_uri: null })] },
		{ object: "issuer https://i.example.org", field: "jwks", message: /no keys/ },
	],
	[
		"an issuer with bad keys",
		{
			issuers: [
				issuer({ url: "https://i.example.org", domain: "internal", jwks: { keys: [{ kty: "oct", k: "AA" }] } }),
			],
		},
		{ object: "issuer https://i.example.org", field: "jwks", message: /./ },
	],
	[
		"a budget of nobody",
		{ rate_limits: [{ kind: "domain", name: "nowhere", per_second: 1, burst: 1 }] },
		{ object: "rate_limit domain:nowhere", field: "name", message: /no domain/ },
	],
	[
		"a budget of nothing",
		{ rate_limits: [{ kind: "domain", name: "internal", per_second: 0, burst: 1 }] },
		{ object: "rate_limit domain:internal", field: "per_second", message: /positive/ },
	],
];

test.each(REFUSALS)("refuses %s", (_, rows, problem) => {
	const result = compileRows(rows);
	if (result.ok) throw new Error("it compiled");
	expect(result.problems).toEqual([
		{ ...problem, message: expect.stringMatching(problem.message), cure: expect.stringMatching(/./) },
	]);
});

test("names every problem, up to a bound", () => {
	const policies = Array.from({ length: 150 }, (_, index) =>
		policy({ name: `p${index}`, source: "nowhere", destination: "orders" }),
	);
	const result = compileRows({ segments, policies });
	expect(result.ok || result.problems.length).toBe(101);
	expect(result.ok || result.problems.at(-1)?.message).toBe("50 more problems");
});

test("accepts scopes where a crossing adds the token", () => {
	const domains = [domain({ name: "internal", flow: "mtls" }), domain({ name: "public" })];
	const rows = {
		domains,
		segments: [...segments, segment({ name: "shop", domain: "public" })],
		policies: [policy({ name: "p", source: "shop", destination: "orders", scopes: ["r"] })],
	};
	const into = { name: "c", source_domain: "public", destination_domain: "internal" };
	expect(compileRows({ ...rows, crossings: [crossing(into)] }).ok).toBe(false);
	expect(compileRows({ ...rows, crossings: [crossing({ ...into, flow: "mtls+token" })] }).ok).toBe(true);
});
