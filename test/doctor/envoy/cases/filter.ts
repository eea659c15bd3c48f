/** The settings of the authorization filter itself. */
import type { FindingId } from "../../../../src/doctor/envoy/catalogue.ts";
import { authorizationOf, filtersOf, type Part } from "../bootstraps.ts";
import { type Case, CLUSTER, FILTER, TYPE } from "./case.ts";

/** A setting of the filter, and what is told of it. */
function setting(broken: string, id: FindingId, settings: object, drop: readonly string[] = []): Case {
	return {
		broken,
		change: (bootstrap) => {
			const filter = authorizationOf(bootstrap);
			Object.assign(filter, settings);
			for (const name of drop) delete filter[name];
		},
		expect: [[id, FILTER]],
	};
}

function service(broken: string, change: (service: Part) => void, ...found: Case["expect"]): Case {
	return { broken, change: (bootstrap) => change(authorizationOf(bootstrap).grpc_service), expect: found };
}

const wait = (timeout: string) => (grpc: Part) => {
	grpc.timeout = timeout;
};

/** As Istio carries out a CUSTOM policy: an RBAC filter marks in its shadow what the authorization filter runs for. */
function istio(rule: string, permission: object, ...found: FindingId[]): Case {
	const name = "istio-ext-authz-ns[payments]-policy[firebreak]-rule[0]";
	const any = { and_ids: { ids: [{ any: true }] } };
	const policies = { [name]: { permissions: [permission], principals: [any] } };
	return {
		broken: `Istio's CUSTOM policy with ${rule}`,
		change: (bootstrap) => {
			filtersOf(bootstrap).unshift({
				name: "envoy.filters.http.rbac",
				typed_config: {
					"@type": `${TYPE}.extensions.filters.http.rbac.v3.RBAC`,
					shadow_rules: { action: "DENY", policies },
					shadow_rules_stat_prefix: "istio_ext_authz_",
				},
			});
			filtersOf(bootstrap)[1].typed_config.filter_enabled_metadata = {
				filter: "envoy.filters.http.rbac",
				path: [{ key: "istio_ext_authz_shadow_effective_policy_id" }],
				value: { string_match: { prefix: "istio-ext-authz" } },
			};
		},
		expect: found.map((id) => [id, FILTER] as const),
	};
}

export const FILTER_CASES: readonly Case[] = [
	setting("failure_mode_allow", "fail_open", { failure_mode_allow: true }),
	setting("shadow mode", "authorization_shadow", { shadow_mode: true }),
	setting("half of the requests", "authorization_partial", {
		filter_enabled: { default_value: { numerator: 50, denominator: "HUNDRED" } },
	}),
	setting("a runtime key", "authorization_partial", {
		filter_enabled: { runtime_key: "x", default_value: { numerator: 100, denominator: "HUNDRED" } },
	}),
	setting("metadata choose", "authorization_partial", {
		filter_enabled_metadata: { filter: "f", path: [{ key: "k" }], value: { present_match: true } },
	}),
	istio("one empty rule", { and_rules: { rules: [{ any: true }] } }),
	istio(
		"a rule for some paths",
		{ and_rules: { rules: [{ url_path: { path: { prefix: "/v1" } } }] } },
		"authorization_partial",
	),
	setting("no status for errors", "status_on_error", {}, ["status_on_error"]),
	setting("403 for errors", "status_on_error", { status_on_error: { code: "Forbidden" } }),
	setting("no peer certificate", "peer_certificate_missing", { include_peer_certificate: false }),
	setting("joined headers", "raw_headers_missing", {}, ["encode_raw_headers"]),
	setting("chosen headers", "headers_hidden", { allowed_headers: { patterns: [{ exact: "authorization" }] } }),
	setting("hidden headers", "headers_hidden", { disallowed_headers: { patterns: [{ exact: "cookie" }] } }),
	setting("unchecked mutations", "mutations_unvalidated", { validate_mutations: false }),
	setting("no rules for mutations", "mutations_unbounded", {}, ["decoder_header_mutation_rules"]),
	setting("rules that permit everything", "mutations_unbounded", { decoder_header_mutation_rules: {} }),
	setting("rules that permit too little", "mutations_blocked", {
		decoder_header_mutation_rules: { disallow_all: true, allow_expression: { regex: "x-firebreak-.*|dpop" } },
	}),
	setting("rules that permit nothing", "mutations_blocked", { decoder_header_mutation_rules: { disallow_all: true } }),
	setting("bodies", "body_sent", { with_request_body: { max_request_bytes: 10_485_760 } }),
	setting("another route after the verdict", "route_cache_cleared", { clear_route_cache: true }),
	setting("metadata", "metadata_sent", { metadata_context_namespaces: ["envoy.filters.http.jwt_authn"] }),
	{
		broken: "the HTTP form of the protocol",
		change: (bootstrap) => {
			const filter = authorizationOf(bootstrap);
			delete filter.grpc_service;
			filter.http_service = { server_uri: { uri: "http://firebreak", cluster: "firebreak", timeout: "0.5s" } };
		},
		expect: [["not_grpc", FILTER]],
	},
	{
		broken: "a matcher around the filter",
		change: (bootstrap) => {
			const [filter] = filtersOf(bootstrap);
			filter.typed_config = {
				"@type": `${TYPE}.extensions.common.matching.v3.ExtensionWithMatcher`,
				extension_config: { name: "inner", typed_config: filter.typed_config },
				xds_matcher: {
					matcher_tree: {
						input: {
							name: "request-headers",
							typed_config: {
								"@type": `${TYPE}.type.matcher.v3.HttpRequestHeaderMatchInput`,
								header_name: "x-skip",
							},
						},
						exact_match_map: {
							map: {
								yes: {
									action: {
										name: "skip",
										typed_config: { "@type": `${TYPE}.extensions.filters.common.matcher.action.v3.SkipFilter` },
									},
								},
							},
						},
					},
				},
			};
		},
		expect: [["authorization_partial", FILTER]],
	},
	{
		broken: "a filter in a form that control planes use for what they do not know",
		change: (bootstrap) => {
			const [filter] = filtersOf(bootstrap);
			const { "@type": type_url, ...value } = filter.typed_config;
			filter.typed_config = {
				"@type": "type.googleapis.com/xds.type.v3.TypedStruct",
				type_url,
				value: { ...value, failure_mode_allow: true },
			};
		},
		expect: [["fail_open", FILTER]],
	},
	service("no timeout", (grpc) => delete grpc.timeout, ["timeout_unset", FILTER], ["connect_timeout", CLUSTER]),
	service("20 ms", wait("0.020s"), ["timeout_short", FILTER], ["connect_timeout", CLUSTER]),
	service("ten minutes", wait("600s"), ["timeout_long", FILTER]),
	service("no end", wait("0s"), ["timeout_long", FILTER]),
	service("no retry", (grpc) => delete grpc.retry_policy, ["retry_missing", FILTER]),
	service("a retry on nothing", (grpc) => delete grpc.retry_policy.retry_on, ["retry_missing", FILTER]),
];
