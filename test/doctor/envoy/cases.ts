/** Each finding, with a configuration that has it and no other: a sound one, and what is broken in it. */
import type { FindingId } from "../../../src/doctor/envoy/catalogue.ts";
import {
	authorizationOf,
	callersTlsOf,
	chainOf,
	clusterOf,
	filtersOf,
	firebreakTlsOf,
	hostOf,
	listenerOf,
	managerOf,
	type Part,
} from "./bootstraps.ts";

export interface Case {
	/** What is broken. */
	readonly broken: string;
	readonly change: (bootstrap: Part) => void;
	/** Findings in the order of severity, with the end of the place that each is told at. */
	readonly expect: readonly (readonly [FindingId, RegExp])[];
	/** Taken by no Envoy as it stands: tried as data alone. */
	readonly dataOnly?: true;
}

const TYPE = "type.googleapis.com/envoy";
const FILTER = /listener inbound, envoy\.filters\.http\.ext_authz$/;
const LISTENER = /^listener inbound$/;
const CLUSTER = /^cluster firebreak$/;

const perRoute = (settings: object) => ({
	"envoy.filters.http.ext_authz": {
		"@type": `${TYPE}.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute`,
		...settings,
	},
});
const filterConfig = (settings: object) => ({
	"envoy.filters.http.ext_authz": { "@type": `${TYPE}.config.route.v3.FilterConfig`, ...settings },
});
const OFF = perRoute({ disabled: true });

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

function manager(broken: string, id: FindingId, settings: object): Case {
	return {
		broken,
		change: (bootstrap) => Object.assign(managerOf(bootstrap), settings),
		expect: [[id, LISTENER]],
	};
}

function cluster(broken: string, id: FindingId, change: (cluster: Part, bootstrap: Part) => void): Case {
	return { broken, change: (bootstrap) => change(clusterOf(bootstrap), bootstrap), expect: [[id, CLUSTER]] };
}

/** A filter, put before the authorization (0) or behind it (1). */
function neighbour(place: 0 | 1, name: string, type: string, settings: object, ...found: FindingId[]): Case {
	return {
		broken: `${name} ${place === 0 ? "ahead of" : "behind"} the authorization`,
		change: (bootstrap) => {
			filtersOf(bootstrap).splice(place, 0, { name, typed_config: { "@type": `${TYPE}.${type}`, ...settings } });
		},
		expect: found.map((id) => [id, new RegExp(`listener inbound, ${name}$`)] as const),
	};
}

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

const LUA = "extensions.filters.http.lua.v3.Lua";
const SCRIPT = { default_source_code: { inline_string: "function envoy_on_request(handle) end" } };

/** A second listener that forwards somewhere. */
function secondListener(bootstrap: Part, filter: Part, settings: object = {}): void {
	bootstrap.static_resources.listeners.push({
		name: "second",
		address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
		filter_chains: [{ filters: [filter] }],
		...settings,
	});
}

const tcpTo = (name: string) => ({
	name: "envoy.filters.network.tcp_proxy",
	typed_config: {
		"@type": `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
		stat_prefix: "t",
		cluster: name,
	},
});

/** A copy of the sound connection manager with other filters and routes. */
function copyOf(bootstrap: Part, change: (manager: Part) => void): Part {
	const filter = structuredClone(chainOf(bootstrap).filters[0]);
	change(filter.typed_config);
	return filter;
}

const withoutAuthorization = (manager: Part) => manager.http_filters.shift();

function addCluster(bootstrap: Part, name: string, port: number): void {
	const copy = structuredClone(clusterOf(bootstrap, "service"));
	copy.name = name;
	copy.load_assignment.cluster_name = name;
	copy.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value = port;
	bootstrap.static_resources.clusters.push(copy);
}

export const CASES: readonly Case[] = [
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
	istio("one empty rule", { any: true }),
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
	service("no timeout", (grpc) => delete grpc.timeout, ["timeout_unset", FILTER], ["connect_timeout", CLUSTER]),
	service("20 ms", wait("0.020s"), ["timeout_short", FILTER], ["connect_timeout", CLUSTER]),
	service("ten minutes", wait("600s"), ["timeout_long", FILTER]),
	service("no end", wait("0s"), ["timeout_long", FILTER]),
	service("no retry", (grpc) => delete grpc.retry_policy, ["retry_missing", FILTER]),
	service("a retry on nothing", (grpc) => delete grpc.retry_policy.retry_on, ["retry_missing", FILTER]),
	cluster("a connection that may take longer than the verdict", "connect_timeout", (firebreak) => {
		firebreak.connect_timeout = "1s";
	}),
	cluster("plaintext over the network", "plaintext_firebreak", (firebreak) => {
		delete firebreak.transport_socket;
		firebreak.type = "STATIC";
		const [{ endpoint }] = firebreak.load_assignment.endpoints[0].lb_endpoints;
		endpoint.address.socket_address.address = "192.0.2.1";
	}),
	cluster("no authority", "firebreak_unverified", (_firebreak, bootstrap) => {
		delete firebreakTlsOf(bootstrap).common_tls_context.validation_context;
	}),
	cluster("any authority", "firebreak_unverified", (_firebreak, bootstrap) => {
		firebreakTlsOf(bootstrap).common_tls_context.validation_context.trust_chain_verification = "ACCEPT_UNTRUSTED";
	}),
	cluster("any name", "firebreak_any_name", (_firebreak, bootstrap) => {
		delete firebreakTlsOf(bootstrap).common_tls_context.validation_context.match_typed_subject_alt_names;
	}),
	cluster("a name that everybody has", "firebreak_any_name", (_firebreak, bootstrap) => {
		const [match] = firebreakTlsOf(bootstrap).common_tls_context.validation_context.match_typed_subject_alt_names;
		match.matcher = { safe_regex: { regex: ".*" } };
	}),
	cluster("no certificate of its own", "enforcer_anonymous", (_firebreak, bootstrap) => {
		delete firebreakTlsOf(bootstrap).common_tls_context.tls_certificates;
	}),
	cluster("TLS 1.1 to Firebreak", "tls_old", (_firebreak, bootstrap) => {
		firebreakTlsOf(bootstrap).common_tls_context.tls_params = { tls_minimum_protocol_version: "TLSv1_1" };
	}),
	cluster("HTTP/1.1", "not_http2", (firebreak) => delete firebreak.typed_extension_protocol_options),
	cluster("Envoy's own circuit breaker", "circuit_breaker", (firebreak) => delete firebreak.circuit_breakers),
	cluster("one server at a time", "one_server", (firebreak) => {
		firebreak.type = "LOGICAL_DNS";
		firebreak.dns_lookup_family = "V4_ONLY";
	}),
	cluster("no address", "firebreak_unhealthy", (firebreak) => {
		firebreak.load_assignment.endpoints = [];
	}),
	{
		...cluster("no cluster", "firebreak_absent", (_firebreak, { static_resources }) => {
			static_resources.clusters = static_resources.clusters.filter(({ name }: Part) => name !== "firebreak");
		}),
		dataOnly: true,
	},
	manager("resolved paths", "path_changed", { normalize_path: true, merge_slashes: true }),
	manager("unescaped slashes", "path_unescaped", { path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD" }),
	manager("anybody's x-forwarded-client-cert", "forwarded_identity_open", {
		forward_client_cert_details: "ALWAYS_FORWARD_ONLY",
	}),
	manager("callers' x-forwarded-client-cert", "forwarded_identity", { forward_client_cert_details: "FORWARD_ONLY" }),
	manager("appended x-forwarded-client-cert", "forwarded_identity", { forward_client_cert_details: "APPEND_FORWARD" }),
	manager("callers' x-forwarded-for", "forwarded_address", { use_remote_address: false }),
	manager("callers' x-firebreak-*", "identity_headers", { early_header_mutation_extensions: [] }),
	manager("endless streams", "stream_unbounded", { common_http_protocol_options: {} }),
	manager("routes that never come", "configuration_unknown", {
		route_config: undefined,
		rds: { route_config_name: "later", config_source: { path_config_source: { path: "/dev/null" } } },
	}),
	{
		broken: "plaintext callers",
		change: (bootstrap) => delete chainOf(bootstrap).transport_socket,
		expect: [["callers_plaintext", LISTENER]],
	},
	{
		broken: "callers whose certificates nobody verifies",
		change: (bootstrap) => {
			callersTlsOf(bootstrap).common_tls_context.validation_context.trust_chain_verification = "ACCEPT_UNTRUSTED";
		},
		expect: [["callers_unverified", LISTENER]],
	},
	{
		broken: "TLS 1.0 from callers",
		change: (bootstrap) => {
			callersTlsOf(bootstrap).common_tls_context.tls_params.tls_minimum_protocol_version = "TLSv1_0";
		},
		expect: [["tls_old", LISTENER]],
	},
	{
		broken: "callers without a certificate, unsaid",
		change: (bootstrap) => delete callersTlsOf(bootstrap).require_client_certificate,
		expect: [["client_certificate_unset", LISTENER]],
	},
	{
		broken: "callers without a certificate, on purpose",
		change: (bootstrap) => {
			callersTlsOf(bootstrap).require_client_certificate = false;
		},
		expect: [["client_certificate_optional", LISTENER]],
	},
	{
		broken: "no authorization filter",
		change: (bootstrap) => withoutAuthorization(managerOf(bootstrap)),
		expect: [["authorization_missing", LISTENER]],
	},
	{
		broken: "one of two filter chains without authorization",
		change: (bootstrap) => {
			const chain = structuredClone(chainOf(bootstrap));
			chain.name = "odd";
			chain.filter_chain_match = { server_names: ["odd.example.org"] };
			withoutAuthorization(chain.filters[0].typed_config);
			listenerOf(bootstrap).filter_chains.push(chain);
			listenerOf(bootstrap).listener_filters = [
				{
					name: "envoy.filters.listener.tls_inspector",
					typed_config: { "@type": `${TYPE}.extensions.filters.listener.tls_inspector.v3.TlsInspector` },
				},
			];
		},
		expect: [["authorization_missing", /^listener inbound, filter chain odd$/]],
	},
	{
		broken: "authorization off for a route",
		change: (bootstrap) => {
			hostOf(bootstrap).routes.unshift({
				name: "open",
				match: { prefix: "/open" },
				route: { cluster: "service" },
				typed_per_filter_config: OFF,
			});
		},
		expect: [["authorization_disabled", /^listener inbound, virtual host service, route open$/]],
	},
	{
		broken: "authorization off for a virtual host",
		change: (bootstrap) => {
			hostOf(bootstrap).typed_per_filter_config = filterConfig({ disabled: true });
		},
		expect: [["authorization_disabled", /^listener inbound, virtual host service$/]],
	},
	{
		broken: "authorization off for a weighted cluster",
		change: (bootstrap) => {
			const clusters = [
				{ name: "service", weight: 9 },
				{ name: "otlp", weight: 1, typed_per_filter_config: OFF },
			];
			hostOf(bootstrap).routes[0].route = { weighted_clusters: { clusters } };
		},
		expect: [["authorization_disabled", /virtual host service, route 1, cluster otlp$/]],
	},
	{
		broken: "authorization off unless a route switches it on, and one that does not",
		change: (bootstrap) => {
			filtersOf(bootstrap)[0].disabled = true;
			hostOf(bootstrap).routes.unshift({
				match: { prefix: "/judged" },
				route: { cluster: "service" },
				typed_per_filter_config: filterConfig({
					config: perRoute({ check_settings: {} })["envoy.filters.http.ext_authz"],
				}),
			});
		},
		expect: [["authorization_disabled", /virtual host service, route 2$/]],
	},
	{
		broken: "a header that chooses the cluster",
		change: (bootstrap) => {
			hostOf(bootstrap).routes[0].route = { cluster_header: "x-to" };
		},
		expect: [["cluster_by_header", /route 1$/]],
	},
	neighbour(1, "script", LUA, SCRIPT, "changed_after"),
	neighbour(0, "script", LUA, SCRIPT),
	neighbour(
		0,
		"cache",
		"extensions.filters.http.cache.v3.CacheConfig",
		{ typed_config: { "@type": `${TYPE}.extensions.http.cache.simple_http_cache.v3.SimpleHttpCacheConfig` } },
		"answered_before",
	),
	{
		broken: "an upgrade with filters of its own",
		change: (bootstrap) => {
			const router = structuredClone(filtersOf(bootstrap).at(-1));
			managerOf(bootstrap).upgrade_configs = [{ upgrade_type: "websocket", filters: [router] }];
		},
		expect: [["upgrade_unguarded", /^listener inbound, upgrade websocket$/]],
	},
	{
		broken: "a TCP proxy",
		change: (bootstrap) => secondListener(bootstrap, tcpTo("otlp")),
		expect: [["tcp_unguarded", /^listener second$/]],
	},
	{
		broken: "a TCP proxy to what is guarded",
		change: (bootstrap) => secondListener(bootstrap, tcpTo("service")),
		expect: [
			["tcp_unguarded", /^listener second$/],
			["way_around", /^listener second$/],
		],
	},
	{
		broken: "another listener to what is guarded, under another cluster's name",
		change: (bootstrap) => {
			addCluster(bootstrap, "service-direct", 8080);
			const routes = [{ name: "direct", match: { prefix: "/" }, route: { cluster: "service-direct" } }];
			const filter = copyOf(bootstrap, (manager) => {
				withoutAuthorization(manager);
				manager.route_config.virtual_hosts[0].routes = routes;
			});
			secondListener(bootstrap, filter);
		},
		expect: [
			["authorization_missing", /^listener second$/],
			["way_around", /^listener second, virtual host service, route direct$/],
		],
	},
	{
		broken: "a way out that leads to what is guarded",
		change: (bootstrap) => secondListener(bootstrap, tcpTo("service"), { traffic_direction: "OUTBOUND" }),
		expect: [["way_around", /^listener second$/]],
	},
	{
		broken: "a way out to elsewhere, which is judged where it arrives",
		change: (bootstrap) => secondListener(bootstrap, tcpTo("otlp"), { traffic_direction: "OUTBOUND" }),
		expect: [],
	},
	{
		broken: "a listener that answers by itself",
		change: (bootstrap) => {
			const filter = copyOf(bootstrap, (manager) => {
				withoutAuthorization(manager);
				manager.route_config.virtual_hosts[0].routes = [{ match: { prefix: "/" }, direct_response: { status: 200 } }];
			});
			secondListener(bootstrap, filter);
		},
		expect: [],
	},
	{
		broken: "a destination besides the certificate's",
		change: (bootstrap) => {
			const context_extensions = { "firebreak.destination": "payments" };
			hostOf(bootstrap).typed_per_filter_config = perRoute({ check_settings: { context_extensions } });
		},
		expect: [["destination_twice", /route 1$/]],
	},
	{
		broken: "a certificate without a SPIFFE ID",
		change: (bootstrap) => useCertificate(bootstrap, "hostname"),
		expect: [["destination_unnamed", /route 1$/]],
	},
	{
		broken: "a certificate without a SPIFFE ID, and a destination that is named",
		change: (bootstrap) => {
			useCertificate(bootstrap, "hostname");
			const context_extensions = { "firebreak.destination": "payments" };
			hostOf(bootstrap).typed_per_filter_config = perRoute({ check_settings: { context_extensions } });
		},
		expect: [],
	},
	{
		broken: "a certificate with two names",
		change: (bootstrap) => useCertificate(bootstrap, "several"),
		expect: [["destination_ambiguous", LISTENER]],
	},
	{
		broken: "an admin side for everybody",
		change: (bootstrap) => {
			bootstrap.admin.address.socket_address.address = "0.0.0.0";
		},
		expect: [["admin_exposed", /^admin$/]],
	},
	{
		broken: "a route to the admin side",
		change: (bootstrap) => {
			bootstrap.admin.address.socket_address.port_value = 9901;
			addCluster(bootstrap, "admin", 9901);
			hostOf(bootstrap).routes.unshift({ match: { prefix: "/stats" }, route: { cluster: "admin" } });
		},
		expect: [["admin_routed", /route 1$/]],
		dataOnly: true,
	},
];

function useCertificate(bootstrap: Part, name: string): void {
	const [certificate] = callersTlsOf(bootstrap).common_tls_context.tls_certificates;
	certificate.certificate_chain.filename = certificate.certificate_chain.filename.replace("service", name);
	certificate.private_key.filename = certificate.private_key.filename.replace("service", name);
}
