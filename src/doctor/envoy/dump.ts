/** Envoy's configuration as its admin side dumps it, by name. */
import { at, listAt, type Message, messageAt, type Typed, textAt, typedAt } from "./json.ts";

/** What `GET /config_dump?include_eds` told, put in order. */
export interface Dump {
	readonly bootstrap: Message;
	/** Those that take requests now. */
	readonly listeners: readonly Message[];
	readonly clusters: ReadonlyMap<string, Message>;
	/** ClusterLoadAssignments, with the health of each endpoint. */
	readonly endpoints: ReadonlyMap<string, Message>;
	readonly routes: ReadonlyMap<string, Message>;
	/** Of scoped routes, any one of which may be chosen: by the name of the scopes. */
	readonly scopes: ReadonlyMap<string, readonly string[]>;
	readonly secrets: ReadonlyMap<string, Message>;
	/** Filter configurations that are delivered apart from their listeners (ECDS). */
	readonly extensions: ReadonlyMap<string, Typed>;
}

/** Null when the document is no dump of Envoy's. */
export function readDump(document: unknown): Dump | null {
	const sections = new Map(listAt(document, "configs").map((section) => [sectionName(section), section]));
	const bootstrap = messageAt(sections.get("BootstrapConfigDump"), "bootstrap");
	if (bootstrap === null) return null;
	const all = (section: string, ...lists: readonly string[]) =>
		lists.flatMap((list) => listAt(sections.get(section), list));
	const named = (messages: readonly (Message | null)[], field: string) =>
		new Map(messages.flatMap((message) => (message === null ? [] : [[textAt(message, field), message] as const])));
	const listeners = [
		...all("ListenersConfigDump", "static_listeners").map((entry) => messageAt(entry, "listener")),
		...all("ListenersConfigDump", "dynamic_listeners").map(
			(entry) => messageAt(entry, "active_state", "listener") ?? messageAt(entry, "warming_state", "listener"),
		),
	];
	const clusters = all("ClustersConfigDump", "static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters");
	const endpoints = all("EndpointsConfigDump", "static_endpoint_configs", "dynamic_endpoint_configs");
	const routes = all("RoutesConfigDump", "static_route_configs", "dynamic_route_configs");
	const scopes = all("ScopedRoutesConfigDump", "inline_scoped_route_configs", "dynamic_scoped_route_configs");
	const secrets = all("SecretsConfigDump", "static_secrets", "dynamic_active_secrets");
	const extensions = all("EcdsConfigDump", "ecds_filters").map((entry) => messageAt(entry, "ecds_filter"));
	return {
		bootstrap,
		listeners: listeners.filter((listener) => listener !== null),
		clusters: named(
			clusters.map((entry) => messageAt(entry, "cluster")),
			"name",
		),
		endpoints: named(
			endpoints.map((entry) => messageAt(entry, "endpoint_config")),
			"cluster_name",
		),
		routes: named(
			routes.map((entry) => messageAt(entry, "route_config")),
			"name",
		),
		scopes: new Map(
			scopes.map((entry) => [
				textAt(entry, "name"),
				listAt(entry, "scoped_route_configs").map((scope) => textAt(scope, "route_configuration_name")),
			]),
		),
		secrets: named(
			secrets.map((entry) => messageAt(entry, "secret")),
			"name",
		),
		extensions: new Map(
			extensions.flatMap((extension) => {
				const config = typedAt(extension, "typed_config");
				return config === null ? [] : [[textAt(extension, "name"), config] as const];
			}),
		),
	};
}

function sectionName(section: unknown): string {
	return textAt(section, "@type").split(".").at(-1) ?? "";
}

/** `127.0.0.1:9001`, or the path of a socket; null for Envoy's internal listeners. */
export function addressText(address: unknown): string | null {
	const host = textAt(address, "socket_address", "address");
	if (host !== "") return `${host}:${String(at(address, "socket_address", "port_value") ?? 0)}`;
	return textAt(address, "pipe", "path") || null;
}

/** Whether only this host reaches it: loopback, a socket, or nothing outside Envoy. */
export function isLocal(address: unknown): boolean {
	const host = textAt(address, "socket_address", "address");
	return host === "" || host === "::1" || host === "localhost" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Addresses behind a cluster, as far as they are known: resolved ones, else configured ones. */
export function addressesOf(dump: Dump, cluster: string): { address: unknown; health: string }[] {
	const assignment = dump.endpoints.get(cluster) ?? messageAt(dump.clusters.get(cluster), "load_assignment");
	return listAt(assignment, "endpoints").flatMap((locality) =>
		listAt(locality, "lb_endpoints").map((endpoint) => ({
			address: at(endpoint, "endpoint", "address"),
			health: textAt(endpoint, "health_status"),
		})),
	);
}
