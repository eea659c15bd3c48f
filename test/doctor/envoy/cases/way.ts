/** Ways past the authorization. */
import type { FindingId } from "../../../../src/doctor/envoy/catalogue.ts";
import { chainOf, clusterOf, filtersOf, hostOf, listenerOf, managerOf, type Part } from "../bootstraps.ts";
import { type Case, filterConfig, LISTENER, OFF, perRoute, TYPE } from "./case.ts";

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

export const WAY_CASES: readonly Case[] = [
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
		broken: "a proxy of another protocol",
		change: (bootstrap) => {
			const settings = { op_timeout: "1s" };
			const prefix_routes = { catch_all_route: { cluster: "otlp" } };
			secondListener(bootstrap, {
				name: "envoy.filters.network.redis_proxy",
				typed_config: {
					"@type": `${TYPE}.extensions.filters.network.redis_proxy.v3.RedisProxy`,
					...{ stat_prefix: "r", settings, prefix_routes },
				},
			});
		},
		expect: [["tcp_unguarded", /^listener second$/]],
	},
	{
		broken: "a UDP proxy",
		change: (bootstrap) => {
			secondListener(bootstrap, {});
			const listener = bootstrap.static_resources.listeners.at(-1);
			delete listener.filter_chains;
			listener.address.socket_address.protocol = "UDP";
			const action = { "@type": `${TYPE}.extensions.filters.udp.udp_proxy.v3.Route`, cluster: "otlp" };
			listener.listener_filters = [
				{
					name: "envoy.filters.udp_listener.udp_proxy",
					typed_config: {
						"@type": `${TYPE}.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig`,
						stat_prefix: "u",
						matcher: { on_no_match: { action: { name: "route", typed_config: action } } },
					},
				},
			];
		},
		expect: [["tcp_unguarded", /^listener second$/]],
	},
	{
		broken: "a listener that drops what it gets",
		change: (bootstrap) => {
			addCluster(bootstrap, "nowhere", 1);
			bootstrap.static_resources.clusters.at(-1).load_assignment.endpoints = [];
			secondListener(bootstrap, tcpTo("nowhere"));
		},
		expect: [],
	},
	{
		broken: "another server that is asked about a route",
		change: (bootstrap) => {
			const grpc_service = { envoy_grpc: { cluster_name: "otlp" }, timeout: "0.5s" };
			hostOf(bootstrap).routes[0].typed_per_filter_config = perRoute({ check_settings: { grpc_service } });
		},
		expect: [["asked_elsewhere", /route 1$/]],
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
